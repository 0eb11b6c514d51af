"""Whatever takes a worker's pod away, its data and its running tasks are safe."""

import json
import subprocess
import time

import pytest

from tests.live.conftest import Connect
from tests.support.kubectl import Kubectl, Object
from tests.support.stacks import Stack
from tests.support.wait import wait_until
from tests.support.work import Work, workers_of

NAMESPACE = "retire"


def workers(kube: Kubectl) -> list[Object]:
    return kube.pods(NAMESPACE, component="worker")


def is_running(kube: Kubectl, name: str) -> bool:
    """Whether the container of a worker's pod runs."""
    found = [pod for pod in workers(kube) if pod["metadata"]["name"] == name]
    return any("running" in it["state"] for pod in found for it in pod["status"].get("containerStatuses", []))


def evict(stack: Stack, pod: Object) -> "subprocess.CompletedProcess[str]":
    """What `kubectl drain` asks for, pod by pod."""
    name = pod["metadata"]["name"]
    file = stack.folder / "eviction.json"
    metadata = {"name": name, "namespace": NAMESPACE}
    file.write_text(json.dumps({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}))
    return stack.kube.run("create", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/eviction", "-f", str(file))


@pytest.fixture(scope="module")
def address(stack: Stack) -> str:
    endpoint = {"type": "NodePort", "insecure": True}
    stack.up(clusters={"main": {"endpoint": endpoint, "workers": {"replicas": 2, "terminationGracePeriod": "40s"}}})
    return stack.address()


def test_an_evicted_pod_hands_over_what_it_holds_and_what_it_runs(
    stack: Stack, kube: Kubectl, address: str, connect: Connect
) -> None:
    client = connect(address)
    work = Work(client, held=100, running=12, seconds=4)
    wait_until(lambda: work.begun() > 100, 30, "the long tasks have begun")

    done = evict(stack, workers(kube)[0])

    assert done.returncode == 0, done.stderr
    assert work.intact()
    wait_until(lambda: len(workers_of(client)) == 2, 90, "the worker is back")


def test_pods_that_are_deleted_while_their_workers_start_begin_no_task_twice(
    stack: Stack, kube: Kubectl, address: str, connect: Connect
) -> None:
    client = connect(address)
    work = Work(client, held=100, running=120, seconds=1)
    # From before the worker's Python has started until after the worker has registered, on a machine of any speed.
    for tenths in range(0, 60, 4):
        newest = max(workers(kube), key=lambda pod: pod["metadata"]["creationTimestamp"])["metadata"]["name"]
        wait_until(lambda name=newest: is_running(kube, name), 60, "its container runs")
        time.sleep(tenths / 10)

        kube("delete", "pod", newest, "-n", NAMESPACE, "--wait=false")

    assert work.intact()
    selector = ("-n", NAMESPACE, "-l", "dask.org/component=worker")
    wait_until(lambda: len(kube.get("pods", *selector)) == 2, 90, "no worker is terminating any more")
    wait_until(lambda: len(workers_of(client)) == 2, 90, "both workers are back")


def test_a_node_drain_does_not_take_the_scheduler(stack: Stack, kube: Kubectl, address: str) -> None:
    [scheduler] = kube.pods(NAMESPACE, component="scheduler")

    done = evict(stack, scheduler)

    assert done.returncode != 0
    assert "disruption budget" in done.stderr


def test_a_worker_whose_scheduler_is_missing_ends_at_once(kube: Kubectl, address: str) -> None:
    old = {pod["metadata"]["name"] for pod in workers(kube)}
    [scheduler] = kube.get("deployments", "-n", NAMESPACE, "-l", "dask.org/component=scheduler")
    scale = ("scale", f"deployment/{scheduler['metadata']['name']}", "-n", NAMESPACE)
    kube(*scale, "--replicas=0")
    wait_until(lambda: not kube.pods(NAMESPACE, component="scheduler"), 60, "the scheduler is missing")

    begin = time.monotonic()
    kube("delete", "pods", *old, "-n", NAMESPACE, "--timeout=60s")

    # Well below the grace period of 40 s.
    assert time.monotonic() - begin < 15
    kube(*scale, "--replicas=1")
