"""Whatever takes a worker's pod away, its data and its running tasks are safe."""

import json
import subprocess
import time
from typing import Any

import pytest

from tests.live.conftest import Connect
from tests.live.tasks import counted_and_long, executed, executions
from tests.stacks import Stack, wait_until


def workers(stack: Stack) -> list[dict[str, Any]]:
    return stack.kube.pods("retire", component="worker")


def evict(stack: Stack, pod: dict[str, Any]) -> "subprocess.CompletedProcess[str]":
    """What `kubectl drain` asks for, pod by pod."""
    name = pod["metadata"]["name"]
    file = stack.folder / "eviction.json"
    metadata = {"name": name, "namespace": "retire"}
    file.write_text(json.dumps({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}))
    return stack.kube.run("create", "--raw", f"/api/v1/namespaces/retire/pods/{name}/eviction", "-f", str(file))


@pytest.fixture(scope="module")
def address(stack: Stack) -> str:
    endpoint = {"type": "NodePort", "insecure": True}
    stack.up(clusters={"main": {"endpoint": endpoint, "workers": {"replicas": 2, "terminationGracePeriod": "40s"}}})
    return stack.address("main")


def test_an_evicted_pod_hands_over_what_it_holds_and_what_it_runs(stack: Stack, address: str, connect: Connect) -> None:
    client = connect(address)
    held = client.map(executed, range(100), pure=False)
    client.gather(held)
    running = client.map(counted_and_long, range(12), pure=False)
    wait_until(lambda: executions(client) > 100, 30, "the long tasks have begun")

    done = evict(stack, workers(stack)[0])

    assert done.returncode == 0, done.stderr
    assert sorted(client.gather(running)) == list(range(12))
    assert sorted(client.gather(held)) == [(i, i * i) for i in range(100)]
    assert executions(client) == 112
    wait_until(lambda: len(client.scheduler_info(n_workers=-1)["workers"]) == 2, 90, "the worker is back")


def test_a_node_drain_does_not_take_the_scheduler(stack: Stack, address: str) -> None:
    [scheduler] = stack.kube.pods("retire", component="scheduler")

    done = evict(stack, scheduler)

    assert done.returncode != 0
    assert "disruption budget" in done.stderr


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
