"""A namespace with rules of its own: a mesh that adds a container to every pod, defaults for containers, a quota."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.kubectl import Kubectl
from tests.support.stacks import Stack
from tests.support.wait import wait_until
from tests.support.webhook import SIDECAR, mutating_deployments, mutating_pods, with_a_variable, with_sidecar
from tests.support.work import Work, client, computes, variable

NAMESPACE = "admission"
SOON = 180
CLUSTER: dict[str, Any] = {
    "main": {"endpoint": {"type": "NodePort", "insecure": True}, "workers": {"replicas": 1, "threads": 1}}
}
COMMON = {"cost-center": "42"}
NEEDS_A_SCHEDULER = "from distributed import Client; Client()"
LIMITS = """
apiVersion: v1
kind: LimitRange
metadata: {name: of-the-administrator, namespace: admission}
spec:
  limits:
    - type: Container
      default: {cpu: "1", memory: 1Gi}
      defaultRequest: {cpu: 20m, memory: 128Mi}
      max: {cpu: "2", memory: 2Gi}
"""
RATIO = """
apiVersion: v1
kind: LimitRange
metadata: {name: ratio-of-the-administrator, namespace: admission}
spec:
  limits:
    - {type: Container, maxLimitRequestRatio: {cpu: "4"}, defaultRequest: {cpu: 250m}, default: {cpu: "1"}}
"""
# The work lasts for a minute.
UNDISTURBED_SECONDS = 45


POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: everything-has-a-cost-center}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - apiGroups: ["", apps, batch, policy, rbac.authorization.k8s.io, kubernetes.dask.org]
        apiVersions: ["*"]
        operations: [CREATE]
        resources:
          - pods
          - services
          - secrets
          - configmaps
          - serviceaccounts
          - deployments
          - replicasets
          - jobs
          - poddisruptionbudgets
          - roles
          - rolebindings
          - daskclusters
          - daskworkergroups
  validations:
    - expression: "has(object.metadata.labels) && 'cost-center' in object.metadata.labels"
      message: "everything needs the label cost-center"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: everything-has-a-cost-center}
spec:
  policyName: everything-has-a-cost-center
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: admission}}}
"""


def job(script: str, timeout: str = "4m") -> dict[str, Any]:
    return {"once": {"runner": {"script": script}, "workers": {"replicas": 1, "threads": 1}, "timeout": timeout}}


@pytest.fixture(scope="module")
def plain(stack: Stack) -> None:
    """The namespace, with a cluster that a later rule is not asked about."""
    stack.up(clusters={}, labels=COMMON)


@pytest.fixture
def meshed(stack: Stack, plain: None, kube: Kubectl, tmp_path: Path) -> Iterator[None]:
    """A mesh that opt-outs do not keep away. The stack is emptied while it still is there, as its pods are its own."""
    with mutating_pods(kube, NAMESPACE, tmp_path, with_sidecar):
        yield
        stack.up(clusters={}, jobs={})


@pytest.mark.usefixtures("meshed")
def test_up_succeeds_where_every_pod_gets_a_container_that_never_ends(stack: Stack, kube: Kubectl) -> None:
    run = stack.up(clusters=CLUSTER, jobs=job("print('the job has run')"))

    assert "the job has run" in run.text
    assert computes(stack.address())
    main = stack.cluster()["name"]
    pods = kube.pods(NAMESPACE, cluster_name=main)
    assert len(pods) == 2
    for pod in pods:
        assert pod["spec"]["containers"][0]["name"] == SIDECAR
        assert pod["metadata"]["labels"].items() >= COMMON.items()
    # Nothing is left that runs for the verification and for the job.
    wait_until(lambda: kube.pods(NAMESPACE, component="verify") == [], SOON, "the verification's pod is removed")
    wait_until(lambda: kube.clusters(NAMESPACE) == [main], SOON, "the job's cluster is deleted")
    wait_until(lambda: _status(kube) == "Successful", SOON, "the DaskJob says that it has succeeded")
    [verify] = kube.get("jobs.batch", "-n", NAMESPACE)
    assert "Failed" not in {it["type"] for it in verify["status"].get("conditions", [])}

    stack.unchanged()
    assert stack.preview("--refresh").changes == []


def _status(kube: Kubectl) -> str:
    [found] = kube.get("daskjobs.kubernetes.dask.org", "-n", NAMESPACE)
    return found["status"]["jobStatus"]


@pytest.mark.usefixtures("meshed")
def test_a_job_that_fails_beside_a_sidecar_fails_up_and_frees_its_cluster(stack: Stack, kube: Kubectl) -> None:
    run = stack.failing_up(jobs=job("raise SystemExit('the input has no rows')"))

    assert "the job 'once' failed" in run.text
    assert "the input has no rows" in run.text
    wait_until(lambda: kube.clusters(NAMESPACE) == [], SOON, "the failed job's cluster is deleted")


def test_a_limit_range_of_the_namespace_is_no_drift(stack: Stack, plain: None, kube: Kubectl, tmp_path: Path) -> None:
    (tmp_path / "limits.yaml").write_text(LIMITS)
    kube("apply", "-f", str(tmp_path / "limits.yaml"))

    stack.up(clusters=CLUSTER)

    assert computes(stack.address())
    [scheduler] = kube.pods(NAMESPACE, component="scheduler")
    assert scheduler["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "1", "memory": "1Gi"}
    stack.unchanged()
    stack.up(clusters={})
    kube("delete", "-f", str(tmp_path / "limits.yaml"))


def test_a_webhook_that_changes_deployments_is_no_drift_and_nobody_is_waited_for(
    stack: Stack, plain: None, kube: Kubectl, tmp_path: Path
) -> None:
    with mutating_deployments(kube, NAMESPACE, tmp_path, with_a_variable):
        stack.up(clusters=CLUSTER)
        scheduler = stack.scheduler()
        with client(stack.address()) as connected:
            work = Work(connected, held=20, running=120)
            assert connected.run_on_scheduler(variable, "REGION") == "eu"

            assert "drift" not in stack.preview("--expect-no-changes").text
            run = stack.up("--expect-no-changes")

            assert run.seconds < UNDISTURBED_SECONDS
            assert "disconnecting" not in run.text
            assert work.intact()
        assert stack.scheduler() == scheduler
        stack.up(clusters={})


def test_a_ratio_that_the_verification_breaks_is_named_and_its_resources_mend_it(
    stack: Stack, plain: None, kube: Kubectl, tmp_path: Path
) -> None:
    (tmp_path / "ratio.yaml").write_text(RATIO)
    kube("apply", "-f", str(tmp_path / "ratio.yaml"))

    refused = stack.configure(clusters=CLUSTER).run("preview")
    stack.up(clusters={"main": CLUSTER["main"] | {"verifyResources": {"cpu": "500m", "memory": "512Mi"}}})

    assert refused.code != 0
    assert "cpu max limit to request ratio per Container is 4" in refused.text
    assert "verify" in refused.text
    assert computes(stack.address())
    stack.up(clusters={})
    kube("delete", "-f", str(tmp_path / "ratio.yaml"))


def test_a_policy_that_requires_a_label_of_everything_refuses_nothing(
    stack: Stack, plain: None, kube: Kubectl, tmp_path: Path
) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    kube("apply", "-f", str(tmp_path / "policy.yaml"))
    unlabelled = ("create", "configmap", "unlabelled", "-n", NAMESPACE, "--dry-run=server")
    wait_until(lambda: "needs the label cost-center" in kube.run(*unlabelled).stderr, SOON, "the policy is in force")
    main = CLUSTER["main"] | {"workers": {"minimum": 1, "maximum": 2, "threads": 1}, "tls": {"enabled": True}}

    stack.up(clusters={"main": main | {"workerGroups": {"more": {"replicas": 1, "threads": 1}}}})

    kube("delete", "-f", str(tmp_path / "policy.yaml"))
    assert stack.scheduler()
    stack.up(clusters={})


def test_a_quota_that_is_too_small_for_a_job_is_named_while_it_waits(stack: Stack, plain: None) -> None:
    # The cluster with its verification, or the job alone; next to the cluster one of the job's three pods.
    quota = {"name": NAMESPACE, "quota": {"pods": 4}}
    stack.up(namespace=quota, clusters={"main": CLUSTER["main"] | {"workers": {"replicas": 2, "threads": 1}}}, jobs={})
    stack.configure(jobs=job(NEEDS_A_SCHEDULER, timeout="90s"))

    assert "does not hold the job 'once' next to the clusters" in stack.preview().text
    up = stack.start_up()
    wait_until(lambda: up.says("exceeded quota"), SOON, "the quota is named")
    run = up.wait()

    assert run.code != 0
    assert "Traceback" not in run.text
    stack.up(namespace={"name": NAMESPACE}, clusters={}, jobs={})
