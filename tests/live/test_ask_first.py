"""What the API server would refuse is named in the preview, in its own words, before a single object is written."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.conftest import NewStack
from tests.support.kubectl import Kubectl
from tests.support.stacks import Stack
from tests.support.wait import wait_until

NAMESPACE = "ask-first"
SOON = 20
UNREADABLE = {"hostAliases": [{"ip": "nowhere", "hostnames": ["lake"]}]}
POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: cost-centers}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}]
  validations:
    - {expression: "'cost-center' in object.metadata.labels", message: "Deployments need the label cost-center"}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: cost-centers}
spec:
  policyName: cost-centers
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ask-first}}}
"""


def cluster(**over: Any) -> dict[str, Any]:
    return {"main": {"workers": {"replicas": 1, "threads": 1}, "readyTimeout": "90s"} | over}


@pytest.mark.parametrize("command", [("preview",), ("up", "--yes", "--skip-preview")], ids=["preview", "up"])
def test_an_invalid_body_is_named_although_its_namespace_does_not_exist(
    new_stack: NewStack, kube: Kubectl, owner: Any, command: tuple[str, ...]
) -> None:
    owner.up()
    made = new_stack(f"invalid-{command[0]}")
    clusters = cluster(workers={"podTemplate": UNREADABLE}, scheduler={"podTemplate": {"subdomain": "No!"}})
    made.configure(namespace={"name": "never"}, operator={"install": False}, clusters=clusters)

    run = made.run(*command)

    assert run.code != 0
    assert "dask:clusters.main.workers.podTemplate.hostAliases[0].ip: the worker's Deployment" in run.text, run.text
    assert "dask:clusters.main.scheduler.podTemplate.subdomain: the scheduler's Deployment" in run.text
    assert run.text.count("must be a valid IP address") == 1
    assert "Traceback" not in run.text
    assert "never" not in kube.namespaces()


@pytest.fixture
def policy(stack: Stack, kube: Kubectl, tmp_path: Path) -> Iterator[None]:
    """A healthy cluster, and then a policy of the platform's team."""
    stack.settle(clusters=cluster())
    (tmp_path / "policy.yaml").write_text(POLICY)
    kube("apply", "-f", str(tmp_path / "policy.yaml"))

    def in_force() -> bool:
        naked = kube.run("create", "deployment", "naked", "--image=a", "--dry-run=server", "-n", NAMESPACE)
        return "cost-center" in naked.stderr

    wait_until(in_force, SOON, "the policy is in force")
    yield
    kube("delete", "-f", str(tmp_path / "policy.yaml"))


@pytest.mark.usefixtures("policy")
def test_a_policy_against_what_the_operator_creates_is_named_and_the_fix_works(stack: Stack, kube: Kubectl) -> None:
    stack.unchanged()
    before = stack.scheduler()
    changed = cluster(env={"A": "1"})

    for run in (stack.configure(clusters=changed).run("preview"), stack.failing_up(seconds=60, clusters=changed)):
        assert run.code != 0
        for place in ("scheduler: the scheduler's", "workers: the worker's"):
            assert f"dask:clusters.main.{place} Deployment" in run.text, run.text
        assert "Deployments need the label cost-center" in run.text
        assert "Traceback" not in run.text
    assert stack.scheduler() == before
    assert len(kube.clusters(NAMESPACE)) == 1

    stack.change(clusters=cluster(env={"A": "1"}, labels={"cost-center": "lab"}))
