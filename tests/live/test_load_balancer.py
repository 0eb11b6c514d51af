"""An endpoint of the type LoadBalancer is brought up, moved and drained, with a balancer that the test itself runs."""

import time
from pathlib import Path
from typing import Any

from components.lifecycle.drain import SETTLE_SECONDS_BEHIND_A_BALANCER
from tests.support.balancer import answers, balancer
from tests.support.kubectl import Kubectl
from tests.support.runs import names
from tests.support.stacks import Stack
from tests.support.wait import wait_until
from tests.support.work import Work, client, computes, pods_behind, where

NAMESPACE = "load-balancer"
# Later than it would be anywhere else, and earlier than the end of the time for which the program counts on them.
LATE_SECONDS, LAG_SECONDS = 20, 40
TASKS = 40


def cluster(**over: Any) -> dict[str, Any]:
    endpoint = {"type": "LoadBalancer", "insecure": True}
    return {"main": {"workers": {"replicas": 1, "threads": 2}, "endpoint": endpoint} | over}


def leads_to(kube: Kubectl) -> str:
    """The DaskCluster that the endpoint selects."""
    [service] = [it for it in kube.get("services", "-n", NAMESPACE) if it["metadata"]["name"] == "main"]
    return service["spec"]["selector"]["dask.org/cluster-name"]


def test_up_waits_for_the_balancers_address_and_clients_compute_there(
    stack: Stack, kube: Kubectl, tmp_path: Path
) -> None:
    up = stack.configure(clusters=cluster()).start_up()
    wait_until(lambda: kube.get("services", "-n", NAMESPACE, "--field-selector=metadata.name=main"), 120, "the Service")
    assert up.process.poll() is None

    with balancer(kube, NAMESPACE, tmp_path) as made:
        done = up.wait()
        assert done.code == 0, done.text
        assert stack.address() == f"tcp://{made.address}:8786"
        assert stack.cluster()["dashboardUrl"] == f"http://{made.address}:8787/status"
        assert stack.cluster()["schedulerNodePort"] is None
        assert computes(stack.address())
        stack.unchanged()


def test_running_work_finishes_while_new_clients_reach_the_new_cluster(
    stack: Stack, kube: Kubectl, tmp_path: Path
) -> None:
    with balancer(kube, NAMESPACE, tmp_path):
        stack.settle(clusters=cluster())
        address, old = stack.address(), stack.cluster()["name"]

        with client(address) as before:
            work = Work(before, held=50, running=TASKS)
            up = stack.configure(clusters=cluster(env={"ROUND": "2"})).start_up()
            new = wait_until(lambda: (name := leads_to(kube)) != old and name, 120, "the endpoint moves")
            moved = time.monotonic()
            wait_until(lambda: all(pod.startswith(new) for pod in pods_behind(address)), 30, "new clients are led on")
            assert work.intact()
        done = up.wait()

        assert done.code == 0, done.text
        assert time.monotonic() - moved > SETTLE_SECONDS_BEHIND_A_BALANCER - 5
        assert kube.clusters(NAMESPACE) == [new]
        assert names(done.of("Service")) == ["update Service main-endpoint"]
        assert stack.address() == address
        assert computes(address)


def test_who_is_sent_to_the_old_scheduler_after_the_move_is_not_cut_off(
    stack: Stack, kube: Kubectl, tmp_path: Path
) -> None:
    stack.destroy()  # Another balancer gives another kind of address.
    with balancer(kube, NAMESPACE, tmp_path, lag=LAG_SECONDS) as made:
        stack.settle(clusters=cluster())
        address, old, pod = stack.address(), stack.cluster()["name"], answers(made)

        up = stack.configure(clusters=cluster(env={"ROUND": "2"})).start_up()
        new = wait_until(lambda: (name := leads_to(kube)) != old and name, 120, "the endpoint moves")
        moved = time.monotonic()
        wait_until(lambda: time.monotonic() - moved > LATE_SECONDS, 2 * LATE_SECONDS, "it is late")
        with client(address) as late:
            assert made.sent_to == pod
            results: Any = late.gather(late.map(where, range(TASKS), pure=False, seconds=2))
        assert [i for i, _ in results] == list(range(TASKS))
        assert {name.rpartition("-default-")[0] for _, name in results} == {old}
        done = up.wait()

        assert done.code == 0, done.text
        assert made.sent_to != pod
        assert kube.clusters(NAMESPACE) == [new]
        assert {name.rpartition("-default-")[0] for name in pods_behind(address)} == {new}
