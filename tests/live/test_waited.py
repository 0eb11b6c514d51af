"""Nothing has to exist first: a namespace of another owner, and what pods refer to before anybody has created it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.kubectl import Kubectl
from tests.support.runs import Run
from tests.support.stacks import Stack
from tests.support.wait import wait_until
from tests.support.work import client, variable

NAMESPACE = "theirs"
LABELS = {"team": "research", "pod-security.kubernetes.io/enforce": "restricted"}
ARN = "arn:aws:iam::123456789012:role/lake"
SECONDS = 240


def pull_secret(token: str) -> str:
    return json.dumps({"auths": {"registry.example.com": {"auth": token}}})


def declared() -> dict[str, Any]:
    """A cluster whose pods refer to things that others create, and to things of the stack."""
    volume = {"name": "shared", "pvc": "shared", "mountPath": "/shared"}
    main = {
        "envFrom": [{"secret": "token"}, {"configMap": "common"}],
        "imagePullSecrets": ["registry"],
        "serviceAccount": "lake",
        "scheduler": {"serviceAccount": "given"},
        "workers": {"replicas": 1, "threads": 1, "volumes": [volume]},
        "endpoint": {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30911, "dashboard": 30912}},
    }
    return {
        "namespace": {"name": NAMESPACE, "create": False},
        "serviceAccounts": {"lake": {"annotations": {"eks.amazonaws.com/role-arn": ARN}}},
        "clusters": {"main": main},
    }


@pytest.fixture(scope="module")
def before(stack: Stack, kube: Kubectl) -> tuple[dict[str, str], dict[str, str]]:
    """Labels and annotations of a namespace that a platform team has created."""
    kube("create", "namespace", NAMESPACE)
    kube("label", "namespace", NAMESPACE, *(f"{key}={value}" for key, value in LABELS.items()))
    kube("annotate", "namespace", NAMESPACE, "owner=platform")
    set_credentials(stack, "one")
    return notes(kube)


@pytest.fixture(scope="module")
def brought_up(stack: Stack, kube: Kubectl, before: Any, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`up`, while which others create what is missing, each thing only after `up` has named it."""
    stack.configure(**declared())
    up, here = stack.start_up(), ("-n", NAMESPACE)

    def says(what: str) -> None:
        words = f"the {what} is missing in the namespace '{NAMESPACE}': pods wait for it"
        wait_until(lambda: up.says(words), SECONDS, f"`up` names {what}")

    says("ServiceAccount 'given'")
    kube("create", "serviceaccount", "given", *here)
    says("PersistentVolumeClaim 'shared'")
    kube("create", "-f", str(claim_and_volume(tmp_path_factory.mktemp("claim") / "claim.json")))
    says("Secret 'token'")
    kube("create", "secret", "generic", "token", "--from-literal=TOKEN=given-later", *here)
    says("ConfigMap 'common'")
    kube("create", "configmap", "common", "--from-literal=COMMON=given-too", *here)
    run = up.wait(SECONDS)
    assert run.code == 0, run.text
    return run


def set_credentials(stack: Stack, token: str) -> None:
    stack.cli("config", "set", "--secret", "--path", 'dask:secrets.registry[".dockerconfigjson"]', pull_secret(token))


def notes(kube: Kubectl) -> tuple[dict[str, str], dict[str, str]]:
    [found] = [it for it in kube.get("namespaces") if it["metadata"]["name"] == NAMESPACE]
    return found["metadata"]["labels"], found["metadata"].get("annotations", {})


def claim_and_volume(file: Path) -> Path:
    """A file with a claim, and a volume that is kept for it."""
    size, modes = {"storage": "1Mi"}, ["ReadWriteOnce"]
    kept: dict[str, Any] = {"claimRef": {"namespace": NAMESPACE, "name": "shared"}, "storageClassName": ""}
    place = {"hostPath": {"path": str(file.parent), "type": "Directory"}}
    bodies = [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"{NAMESPACE}-shared"},
            "spec": {"capacity": size, "accessModes": modes} | kept | place,
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "shared", "namespace": NAMESPACE},
            "spec": {"accessModes": modes, "storageClassName": "", "resources": {"requests": size}},
        },
    ]
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": bodies}))
    return file


def test_pods_have_what_was_created_while_they_waited(stack: Stack, brought_up: Run) -> None:
    with client(stack.address()) as connected:
        found = [connected.submit(variable, name).result(timeout=60) for name in ("TOKEN", "COMMON")]

    assert found == ["given-later", "given-too"]


def test_pods_run_under_the_account_of_the_stack_with_its_credentials(brought_up: Run, kube: Kubectl) -> None:
    [worker] = kube.pods(NAMESPACE, component="worker")
    accounts = {it["metadata"]["name"]: it["metadata"] for it in kube.get("serviceaccounts", "-n", NAMESPACE)}
    secrets = {it["metadata"]["name"]: it for it in kube.get("secrets", "-n", NAMESPACE)}

    assert worker["spec"]["serviceAccountName"] == "lake"
    assert accounts["lake"]["annotations"]["eks.amazonaws.com/role-arn"] == ARN
    assert worker["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert secrets["registry"]["type"] == "kubernetes.io/dockerconfigjson"


def test_other_credentials_are_an_update_that_no_pod_notices(stack: Stack, brought_up: Run, kube: Kubectl) -> None:
    scheduler = stack.scheduler()
    set_credentials(stack, "two")

    run = stack.change()

    assert [(op, kind) for op, kind, _ in run.changes] == [("update", "Secret")]
    assert stack.scheduler() == scheduler
    stack.unchanged()


def test_the_namespace_keeps_its_labels_and_outlives_the_stack(
    stack: Stack, brought_up: Run, before: tuple[dict[str, str], dict[str, str]], kube: Kubectl
) -> None:
    during = notes(kube)

    stack.destroy()

    assert during == before
    assert notes(kube) == before
    assert "token" in {it["metadata"]["name"] for it in kube.get("secrets", "-n", NAMESPACE)}
