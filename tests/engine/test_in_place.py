"""What changes in place: numbers of workers, node ports, and whole worker groups, under a client with data.

One cluster goes through all of it, from test to test.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from distributed import Client

from tests.engine.runs import Run, names
from tests.engine.stacks import Stack
from tests.engine.work import Persisted, client, computes
from tests.kubectl import Kubectl
from tests.stacks import wait_until

PORTS = {"scheduler": 30801, "dashboard": 30802}
NAMESPACE = "in-place"


def cluster(replicas: int = 1, memory: str = "512Mi", ports: dict[str, int] = PORTS) -> dict[str, Any]:
    return {
        "main": {
            "workers": {"replicas": replicas, "threads": 1},
            "workerGroups": {"extra": {"replicas": 1, "threads": 1, "resources": {"memory": memory}}},
            "endpoint": {"type": "NodePort", "insecure": True, "nodePorts": ports},
        }
    }


@pytest.fixture
def running(stack: Stack) -> Stack:
    stack.settle(clusters=cluster())
    return stack


@pytest.fixture(scope="module")
def connected(stack: Stack) -> Iterator[Client]:
    """One client for all changes: none of them may cut it off."""
    stack.settle(clusters=cluster())
    with client(stack.outputs()["schedulerAddress"]) as made:
        yield made


@pytest.fixture(autouse=True)
def untouched(running: Stack, kube: Kubectl) -> Iterator[None]:
    """Holds each test to the same scheduler pod."""
    name = running.cluster("main")["name"]
    before = kube.scheduler(NAMESPACE, name)
    yield
    assert kube.scheduler(NAMESPACE, name) == before


def workers(kube: Kubectl) -> int:
    return len(kube.pods(NAMESPACE, component="worker"))


def without_verification(run: Run) -> list[str]:
    """The changes besides the verify Job, which is another one for other workers."""
    assert [op for op, kind, _ in run.changes if kind == "Job"] == ["create", "delete"]
    return names([step for step in run.changes if step[1] != "Job"])


def test_workers_come_and_go_as_an_update_of_the_cluster_only(running: Stack, kube: Kubectl, connected: Client) -> None:
    name = running.cluster("main")["name"]

    more = running.change(clusters=cluster(replicas=3))
    assert workers(kube) == 4
    data = Persisted(connected)
    fewer = running.change(clusters=cluster())

    for run in (more, fewer):
        assert without_verification(run) == [f"update DaskCluster {name}"]
        assert run.fields[run.of("DaskCluster")[0]] == ["spec.worker.replicas"]
    wait_until(lambda: workers(kube) == 2, 60, "two workers left")
    assert data.intact()


def test_other_node_ports_are_an_update_of_the_endpoint_only(running: Stack, connected: Client) -> None:
    run = running.change(clusters=cluster(ports={"scheduler": 30811, "dashboard": 30812}))

    assert names(run.changes) == ["update Service main-endpoint"]
    assert run.fields[run.changes[0]] == ["spec.ports[0].nodePort", "spec.ports[1].nodePort"]
    assert running.outputs()["schedulerAddress"].endswith(":30811")
    assert computes(running.outputs()["schedulerAddress"])
    assert connected.submit(sum, [1, 2], pure=False).result(timeout=30) == 3


def test_another_memory_of_a_group_replaces_the_group_under_the_client(
    running: Stack, kube: Kubectl, connected: Client
) -> None:
    data = Persisted(connected)

    run = running.change(clusters=cluster(memory="640Mi"))

    name = running.cluster("main")["name"]
    assert [step[:2] for step in run.changes if step[1] != "Job"] == [
        ("create", "DaskWorkerGroup"),
        ("delete", "DaskWorkerGroup"),
    ]
    wait_until(lambda: workers(kube) == 2, 60, "the old group is gone")
    assert data.intact()
    pods = [pod for pod in kube.pods(NAMESPACE, component="worker") if f"{name}-extra" in pod["metadata"]["name"]]
    assert [pod["spec"]["containers"][0]["resources"]["limits"]["memory"] for pod in pods] == ["640Mi"]
