"""What somebody has changed by hand shows in `preview`, and `up` repairs it: Pulumi.yaml says `refresh: always`."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.runs import names
from tests.engine.stacks import Stack
from tests.engine.work import computes
from tests.kubectl import Kubectl

NAMESPACE = "drift"
PORT = 30871


@pytest.fixture
def running(stack: Stack) -> Stack:
    endpoint = {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": PORT, "dashboard": PORT + 1}}
    stack.settle(clusters={"main": {"workers": {"replicas": 1, "threads": 1}, "endpoint": endpoint}})
    return stack


def other_port(kube: Kubectl, _: str) -> None:
    patch = '[{"op": "replace", "path": "/spec/ports/0/nodePort", "value": 30879}]'
    kube("patch", "service", "main", "-n", NAMESPACE, "--type", "json", "--patch", patch)


def more_workers(kube: Kubectl, cluster: str) -> None:
    patch = '{"spec": {"worker": {"replicas": 2}}}'
    # By a tool that the provider does not know as kubectl.
    manager = "--field-manager=another-tool"
    kube("patch", "daskcluster", cluster, "-n", NAMESPACE, "--type", "merge", "--patch", patch, manager)


def no_cluster(kube: Kubectl, cluster: str) -> None:
    kube("delete", "daskcluster", cluster, "-n", NAMESPACE)


@pytest.mark.parametrize(
    ("drift", "repair", "kind", "field"),
    [
        pytest.param(other_port, "update", "Service", "spec.ports[0].nodePort", id="another-node-port"),
        pytest.param(more_workers, "update", "DaskCluster", "spec.worker.replicas", id="more-workers"),
        pytest.param(no_cluster, "create", "DaskCluster", None, id="a-deleted-cluster"),
    ],
)
def test_a_change_by_hand_is_shown_and_repaired(
    running: Stack, kube: Kubectl, drift: Callable[[Kubectl, str], None], repair: str, kind: str, field: str | None
) -> None:
    cluster = running.cluster("main")["name"]
    logical = "main-endpoint" if kind == "Service" else cluster
    drift(kube, cluster)

    shown = running.preview()
    repaired = running.up()

    assert [kind for _, kind, _ in shown.found] == [kind]
    assert [kind for _, kind, _ in repaired.found] == [kind]
    assert f"{repair} {kind} {logical}" in names(shown.changes)
    assert repaired.changes == shown.changes
    assert field is None or shown.fields[(repair, kind, logical)] == [field]
    assert computes(running.outputs()["schedulerAddress"])
    assert _live(kube, cluster) == (PORT, 1)
    assert running.run("preview", "--expect-no-changes").code == 0


def _live(kube: Kubectl, cluster: str) -> tuple[int, int]:
    """The scheduler's node port and the number of workers as the API server has them."""
    services: list[Any] = kube.get("services", "-n", NAMESPACE, "--field-selector", "metadata.name=main")
    clusters = kube.get("daskclusters.kubernetes.dask.org", "-n", NAMESPACE)
    assert [item["metadata"]["name"] for item in clusters] == [cluster]
    return services[0]["spec"]["ports"][0]["nodePort"], clusters[0]["spec"]["worker"]["replicas"]
