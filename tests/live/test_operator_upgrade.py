"""The operator and its CRDs change under a cluster that computes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from components.crds import CONTENT_ANNOTATION
from tests.kubectl import uid
from tests.live.conftest import Connect
from tests.live.tasks import where_and_wait
from tests.stacks import Stack, wait_until

NAMESPACE = "upgrade"
CRD = "daskworkergroups.kubernetes.dask.org"
POD = "properties/spec/properties/worker/properties/spec/properties"
FIELD = "setHostnameAsFQDN"
# What an older chart would have left: another hash, and a schema without a field that ours has.
OLDER = [
    {"op": "replace", "path": f"/metadata/annotations/{CONTENT_ANNOTATION.replace('/', '~1')}", "value": "older"},
    {"op": "remove", "path": f"/spec/versions/0/schema/openAPIV3Schema/{POD}/{FIELD}"},
]


def cluster(replicas: int) -> dict[str, Any]:
    endpoint = {"type": "NodePort", "insecure": True}
    return {"main": {"endpoint": endpoint, "workers": {"replicas": replicas, "threads": 2}}}


@pytest.fixture
def upgraded(operator: Stack) -> Iterator[Stack]:
    yield operator
    operator.up(operator={"install": True})


def test_clusters_compute_on_and_the_new_operator_takes_them_over(
    stack: Stack, upgraded: Stack, connect: Connect
) -> None:
    stack.up(clusters=cluster(2))
    scheduler = uid(stack.kube.pods(NAMESPACE, component="scheduler"))
    workers = {pod["metadata"]["uid"] for pod in stack.kube.pods(NAMESPACE, component="worker")}
    before = _operator_pods(upgraded)
    upgraded.kubectl("patch", "crd", CRD, "--type=json", f"--patch={json.dumps(OLDER)}")
    assert FIELD not in _pod_fields(upgraded)
    futures = connect(stack.address("main")).map(where_and_wait, range(40), pure=False)

    done = upgraded.up(operator={"install": True, "resources": {"memory": "512Mi"}})

    assert f"updates the CRD {CRD}" in done.text
    assert FIELD in _pod_fields(upgraded)
    wait_until(lambda: _operator_pods(upgraded).isdisjoint(before), 60, "another operator runs")
    client = futures[0].client
    assert [i for i, _ in client.gather(futures)] == list(range(40))

    stack.up(clusters=cluster(3))

    assert uid(stack.kube.pods(NAMESPACE, component="scheduler")) == scheduler
    now = {pod["metadata"]["uid"] for pod in stack.kube.pods(NAMESPACE, component="worker")}
    assert workers < now
    assert len(now) == 3


def _pod_fields(stack: Stack) -> set[str]:
    """What a worker's pod may have, as the CRD says."""
    [version] = stack.kubectl("get", "crd", CRD, "-o", "json")["spec"]["versions"]
    fields = version["schema"]["openAPIV3Schema"]
    for step in POD.split("/"):
        fields = fields[step]
    return set(fields)


def _operator_pods(stack: Stack) -> set[str]:
    pods = stack.kubectl("get", "pods", "-n", "dask-operator", "-o", "json")["items"]
    return {pod["metadata"]["uid"] for pod in pods}
