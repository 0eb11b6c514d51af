"""The operator and its CRDs change under a cluster that computes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from components.vocabulary import CRD_CONTENT
from tests.support.kubectl import Kubectl
from tests.support.owner import Owner
from tests.support.runs import VERIFICATION, names
from tests.support.stacks import Stack
from tests.support.wait import wait_until
from tests.support.work import Work, client, workers_of

CRD = "daskworkergroups.kubernetes.dask.org"
ELSEWHERE = "operator-elsewhere"
POD = "properties/spec/properties/worker/properties/spec/properties"
FIELD = "setHostnameAsFQDN"
# What an older chart would have left: another hash, and a schema without a field that ours has.
OLDER = [
    {"op": "replace", "path": f"/metadata/annotations/{CRD_CONTENT.replace('/', '~1')}", "value": "older"},
    {"op": "remove", "path": f"/spec/versions/0/schema/openAPIV3Schema/{POD}/{FIELD}"},
]


def cluster(replicas: int) -> dict[str, Any]:
    endpoint = {"type": "NodePort", "insecure": True}
    return {"main": {"endpoint": endpoint, "workers": {"replicas": replicas, "threads": 2}}}


@pytest.fixture
def operator(owner: Owner) -> Iterator[Stack]:
    """The operator's stack, which has its usual file again after the test."""
    stack = owner.up()
    usual = stack.config["operator"]
    yield stack
    stack.up(operator=usual)


def test_clusters_compute_on_and_the_new_operator_takes_them_over(stack: Stack, operator: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=cluster(2))
    scheduler, before = stack.scheduler(), operator_pods(kube)
    kube("patch", "crd", CRD, "--type=json", f"--patch={json.dumps(OLDER)}")
    assert FIELD not in pod_fields(kube)
    with client(stack.address()) as connected:
        workers = workers_of(connected)
        work = Work(connected, held=20, running=60)
        operator.configure(operator={"install": True, "resources": {"memory": "512Mi"}})

        said, done = operator.preview(), operator.up()

        assert names(done.changes) == names(said.changes) == ["update Release release"]
        assert "would update the operator's CRDs: daskworkergroups" in said.text
        assert "updates the operator's CRDs: daskworkergroups" in done.text
        assert FIELD in pod_fields(kube)
        wait_until(lambda: operator_pods(kube).isdisjoint(before), 60, "another operator runs")
        assert work.intact()

        run = stack.change(clusters=cluster(3))

        assert [kind for _, kind, _ in run.changes if kind not in VERIFICATION] == ["DaskCluster"]
        assert stack.scheduler() == scheduler
        assert workers < workers_of(connected)
        assert len(workers_of(connected)) == 3


def test_an_operator_that_moves_to_another_namespace_takes_the_clusters_over(
    stack: Stack, operator: Stack, kube: Kubectl
) -> None:
    stack.settle(clusters=cluster(2))
    scheduler = stack.scheduler()
    with client(stack.address()) as connected:
        work = Work(connected, held=20, running=60)
        operator.configure(operator={"install": True, "namespace": ELSEWHERE})

        said, done = operator.preview(), operator.up()

        assert names(done.changes) == names(said.changes)
        assert "Release" in {kind for _, kind, _ in done.changes}
        assert operator_pods(kube, ELSEWHERE)
        assert "dask-operator" not in kube.namespaces()
        assert work.intact()

        stack.change(clusters=cluster(3))

        assert stack.scheduler() == scheduler
        assert len(workers_of(connected)) == 3


def pod_fields(kube: Kubectl) -> set[str]:
    """What a worker's pod may have, as the CRD says."""
    [crd] = [item for item in kube.get("crds") if item["metadata"]["name"] == CRD]
    [version] = crd["spec"]["versions"]
    fields = version["schema"]["openAPIV3Schema"]
    for step in POD.split("/"):
        fields = fields[step]
    return set(fields)


def operator_pods(kube: Kubectl, namespace: str = "dask-operator") -> set[str]:
    return {pod["metadata"]["uid"] for pod in kube.get("pods", "-n", namespace)}
