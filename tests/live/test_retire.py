"""Whatever takes a worker's pod away, its data and its running tasks are safe."""

import time
from typing import Any

import pytest

from tests.live.conftest import Connect
from tests.live.tasks import executed, executions, where_and_wait
from tests.stacks import Stack, wait_until


def workers(stack: Stack) -> list[dict[str, Any]]:
    return stack.kube.pods("retire", component="worker")


@pytest.fixture(scope="module")
def address(stack: Stack) -> str:
    endpoint = {"type": "NodePort", "insecure": True}
    stack.up(clusters={"main": {"endpoint": endpoint, "workers": {"replicas": 2, "terminationGracePeriod": "40s"}}})
    return stack.address("main")


def test_an_evicted_pod_hands_over_what_it_holds_and_what_it_runs(stack: Stack, address: str, connect: Connect) -> None:
    client = connect(address)
    held = client.map(executed, range(100), pure=False)
    client.gather(held)
    running = client.map(where_and_wait, range(20), pure=False)
    evicted = workers(stack)[0]["metadata"]["name"]

    stack.kubectl("delete", "pod", evicted, "-n", "retire", "--wait=false")

    assert sorted(index for index, _ in client.gather(running)) == list(range(20))
    assert sorted(client.gather(held)) == [(i, i * i) for i in range(100)]
    assert executions(client) == 100
    wait_until(lambda: len(client.scheduler_info(n_workers=-1)["workers"]) == 2, 90, "the worker is back")


def test_a_worker_whose_scheduler_is_gone_goes_at_once(stack: Stack, address: str) -> None:
    old = {pod["metadata"]["name"] for pod in workers(stack)}
    scheduler = stack.kubectl("get", "deployments", "-n", "retire", "-l", "dask.org/component=scheduler", "-o", "name")
    stack.kubectl("scale", scheduler.strip(), "-n", "retire", "--replicas=0")
    wait_until(lambda: not stack.kube.pods("retire", component="scheduler"), 60, "the scheduler is gone")

    begin = time.monotonic()
    stack.kubectl("delete", "pods", *old, "-n", "retire", "--timeout=60s")

    # Well below the grace period of 40 s.
    assert time.monotonic() - begin < 15
    stack.kubectl("scale", scheduler.strip(), "-n", "retire", "--replicas=1")
