"""What is said of pods that do not come."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from components.kube import pods as health


def pod(container: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    statuses = [{"name": "worker", "image": "dask:1", "restartCount": 0} | container] if container else []
    return {"metadata": {"name": "w-1"}, "status": {"containerStatuses": statuses} | status}


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": message}}} | more


def test_a_missing_image_is_named_and_final_after_a_retry() -> None:
    first = health.pod_troubles([pod(waiting("ErrImagePull", "not found"))])
    second = health.pod_troubles([pod(waiting("ImagePullBackOff", "Back-off pulling"))])

    assert (first[0].fatal, second[0].fatal) == (False, True)
    assert str(second[0]) == "pod w-1: ImagePullBackOff: image dask:1: Back-off pulling"


def test_a_crash_loop_tells_the_containers_last_words() -> None:
    ended = {"terminated": {"reason": "Error", "exitCode": 127, "message": "exec: dask-scheduler: not found\n"}}

    [trouble] = health.pod_troubles([pod(waiting("CrashLoopBackOff", "back-off 10s", lastState=ended))])

    assert trouble.fatal
    assert str(trouble) == ("pod w-1: CrashLoopBackOff: Error with exit code 127, exec: dask-scheduler: not found")


def test_of_a_long_log_the_last_whole_lines_are_told() -> None:
    log = "\n".join(
        ["Traceback (most recent call last):", *(f"  frame {n} {'.' * 30}" for n in range(20)), "ValueError: x"]
    )
    ended = {"terminated": {"reason": "Error", "exitCode": 1, "message": log}}

    [trouble] = health.pod_troubles([pod(waiting("CrashLoopBackOff", lastState=ended))])

    shown = str(trouble).partition("exit code 1, ")[2].splitlines()
    assert shown[-1] == "ValueError: x"
    assert set(shown) < set(log.splitlines())


def test_one_restart_is_no_crash_loop() -> None:
    running = {"state": {"running": {}}, "restartCount": 1}

    assert health.pod_troubles([pod(running)]) == []


def test_running_out_of_memory_again_and_again_is_named() -> None:
    killed = {
        "state": {"running": {}},
        "restartCount": 3,
        "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": ago(minutes=1)}},
    }

    [trouble] = health.pod_troubles([pod(killed)])

    assert "OOMKilled with exit code 137" in str(trouble)
    assert health.pod_troubles([pod(killed | {"ready": True})]) == []


def test_restarts_of_long_ago_are_no_trouble() -> None:
    """A worker ends with its scheduler, so it has restarted as often as the scheduler has moved."""
    moved = {
        "state": {"running": {}},
        "restartCount": 2,
        "lastState": {"terminated": {"reason": "Completed", "exitCode": 0, "finishedAt": ago(days=20)}},
    }

    assert health.pod_troubles([pod(moved)]) == []


def test_an_evicted_pod_that_its_deployment_has_replaced_is_no_trouble() -> None:
    evicted = pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory.")

    assert health.pod_troubles([evicted])[0].fatal
    evicted["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "w"}]
    assert health.pod_troubles([evicted]) == []


def ago(**time: float) -> str:
    """A moment of the past as Kubernetes writes it."""
    return (datetime.now(UTC) - timedelta(**time)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_pod_that_fits_on_no_node_is_told_and_not_final() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}

    [trouble] = health.pod_troubles([pod(conditions=[condition])])

    assert not trouble.fatal
    assert str(trouble) == "pod w-1: Unschedulable: 0/1 nodes"


@pytest.mark.parametrize("reason", ["InvalidImageName", "CreateContainerConfigError", "ErrImageNeverPull"])
def test_what_never_mends_itself_is_final(reason: str) -> None:
    assert health.pod_troubles([pod(waiting(reason, "why"))])[0].fatal


def test_final_troubles_come_first() -> None:
    unschedulable = pod(conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}])

    troubles = health.pod_troubles([unschedulable, pod(waiting("InvalidImageName", "bad"))])

    assert [trouble.fatal for trouble in troubles] == [True, False]


def test_an_exceeded_quota_is_read_from_the_deployment() -> None:
    condition = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": "exceeded quota: dask",
    }
    deployment = {"metadata": {"name": "w-1"}, "status": {"conditions": [condition]}}

    [trouble] = health.deployment_troubles([deployment])

    assert not trouble.fatal
    assert str(trouble) == "deployment w-1: FailedCreate: exceeded quota: dask"


@pytest.mark.parametrize(
    ("container", "begun"),
    [({"state": {"running": {}}}, True), (waiting("ContainerCreating"), False), (None, False)],
)
def test_a_pod_has_started_when_its_containers_run(container: dict[str, Any] | None, begun: bool) -> None:
    assert health.started(pod(container)) is begun
