"""What changes in place: numbers of workers, the endpoint, and whole worker groups, under a client with work.

One cluster and one client go through all of it, from test to test.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from distributed import Client

from tests.support.kubectl import Kubectl
from tests.support.runs import VERIFICATION, Run, names
from tests.support.stacks import Stack
from tests.support.wait import wait_until
from tests.support.work import Work, client, computes, workers_of

NAMESPACE = "in-place"
ENDPOINT: dict[str, Any] = {
    "type": "NodePort",
    "insecure": True,
    "nodePorts": {"scheduler": 30801, "dashboard": 30802},
}
OTHER_PORTS = {"scheduler": 30811, "dashboard": 30812}


def cluster(default: int = 1, extra: int = 1, memory: str = "512Mi", endpoint: Any = None) -> dict[str, Any]:
    group = {"replicas": extra, "threads": 1, "resources": {"memory": memory}}
    return {
        "main": {
            "workers": {"replicas": default, "threads": 1},
            "workerGroups": {"extra": group},
            "endpoint": endpoint or ENDPOINT,
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
    with client(stack.address()) as made:
        yield made


@pytest.fixture(autouse=True)
def untouched(running: Stack) -> Iterator[None]:
    """Holds each test to the same scheduler pod."""
    before = running.scheduler()
    yield
    assert running.scheduler() == before


def workers(kube: Kubectl, group: str = "") -> set[str]:
    """The names of the worker pods of a group, or of all."""
    found = kube.pods(NAMESPACE, component="worker")
    return {pod["metadata"]["name"] for pod in found if group in pod["metadata"]["name"]}


def without_verification(run: Run) -> list[str]:
    """The changes besides the verify Job, which is another one for other workers, and the record of it."""
    assert [op for op, kind, _ in run.changes if kind == "Job"] == ["create", "delete"]
    return names([step for step in run.changes if step[1] not in VERIFICATION])


def test_default_workers_come_and_go_as_an_update_of_the_cluster_only(
    running: Stack, kube: Kubectl, connected: Client
) -> None:
    name = running.cluster()["name"]
    busy = Work(connected, running=10)

    more = running.change(clusters=cluster(default=3))
    assert len(workers_of(connected)) == 4
    assert busy.intact()
    extra, work = workers(kube, "-extra-"), Work(connected, held=200, running=24)
    fewer = running.change(clusters=cluster())

    for run in (more, fewer):
        assert without_verification(run) == [f"update DaskCluster {name}"]
        assert run.fields[run.of("DaskCluster")[0]] == ["spec.worker.replicas"]
    wait_until(lambda: len(workers(kube)) == 2, 60, "two workers are left")
    assert work.intact()
    assert workers(kube, "-extra-") == extra


def test_a_groups_workers_come_and_go_without_hitting_the_default_ones(
    running: Stack, kube: Kubectl, connected: Client
) -> None:
    default = workers(kube, "-default-")

    more = running.change(clusters=cluster(extra=3))
    assert len(workers_of(connected)) == 4
    work = Work(connected, held=200, running=24)
    fewer = running.change(clusters=cluster())

    for run in (more, fewer):
        [changed] = without_verification(run)
        assert changed.startswith("update DaskWorkerGroup ")
        assert run.fields[run.of("DaskWorkerGroup")[0]] == ["spec.worker.replicas"]
    wait_until(lambda: len(workers(kube, "-extra-")) == 1, 60, "one worker of the group is left")
    assert work.intact()
    assert workers(kube, "-default-") == default


def test_both_numbers_change_in_one_up(running: Stack, kube: Kubectl, connected: Client) -> None:
    running.change(clusters=cluster(default=3))
    work = Work(connected, held=100, running=12)

    run = running.change(clusters=cluster(default=1, extra=2))

    assert sorted(kind for _, kind, _ in run.changes if kind not in VERIFICATION) == ["DaskCluster", "DaskWorkerGroup"]
    sizes = {"-default-": 1, "-extra-": 2}
    wait_until(lambda: {group: len(workers(kube, group)) for group in sizes} == sizes, 60, f"workers: {sizes}")
    assert work.intact()


def test_another_memory_of_a_group_replaces_the_group_under_the_client(
    running: Stack, kube: Kubectl, connected: Client
) -> None:
    old, work = workers(kube, "-extra-"), Work(connected, running=12)

    run = running.change(clusters=cluster(memory="640Mi"))

    assert [step[:2] for step in run.changes if step[1] not in VERIFICATION] == [
        ("create", "DaskWorkerGroup"),
        ("delete", "DaskWorkerGroup"),
    ]
    wait_until(lambda: not old & workers(kube), 60, "the old group is missing")
    assert work.intact()
    pods = [pod for pod in kube.pods(NAMESPACE, component="worker") if "-extra-" in pod["metadata"]["name"]]
    assert [pod["spec"]["containers"][0]["resources"]["limits"]["memory"] for pod in pods] == ["640Mi"]


def test_other_node_ports_are_an_update_of_the_endpoint_only(running: Stack, connected: Client) -> None:
    work = Work(connected, held=10, running=12)

    run = running.change(clusters=cluster(endpoint=ENDPOINT | {"nodePorts": OTHER_PORTS}))

    assert names(run.changes) == ["update Service main-endpoint"]
    assert run.fields[run.changes[0]] == ["spec.ports[0].nodePort", "spec.ports[1].nodePort"]
    assert running.address().endswith(":30811")
    assert computes(running.address())
    running.change(clusters=cluster())
    assert work.intact()


def test_type_and_source_ranges_of_the_endpoint_change_under_a_client_that_stays(
    running: Stack, connected: Client
) -> None:
    inside = {"type": "ClusterIP"}
    # Who may connect through the node's port or a load balancer: everybody, and then one network only.
    balanced = ENDPOINT | {"type": "LoadBalancer", "host": "dask.example.com", "annotations": {SKIP_AWAIT: "true"}}
    work = Work(connected, held=10, running=24)

    runs = [running.change(clusters=cluster(endpoint=inside))]
    assert running.address() == f"tcp://main.{NAMESPACE}.svc:8786"
    runs.append(running.change(clusters=cluster(endpoint=balanced)))
    assert running.address() == "tcp://dask.example.com:8786"
    runs.append(running.change(clusters=cluster(endpoint=balanced | {"sourceRanges": ["10.0.0.0/8"]})))

    assert [names(run.changes) for run in runs] == [["update Service main-endpoint"]] * 3
    assert "spec.loadBalancerSourceRanges" in runs[-1].fields[runs[-1].changes[0]]
    # The client's address leads to the node's port once more.
    running.change(clusters=cluster())
    assert work.intact()


SKIP_AWAIT = "pulumi.com/skipAwait"
