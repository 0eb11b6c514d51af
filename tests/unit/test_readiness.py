"""How long a cluster's pods are waited for, whose trouble ends the wait, and what is asked of the API server."""

import asyncio
from typing import Any

import httpx
import pytest

from components.kube import client as kube
from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.kube.pods import Trouble
from components.lifecycle import pod_watch as podwatch
from components.lifecycle import readiness
from components.manifests.declared import DeclaredCluster
from tests.unit.pods import DEPLOYMENTS, OPERATORS, PODS, Place, pod, running, target


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(monkeypatch)


async def pods(place: Place, made: DeclaredCluster) -> None:
    async def nothing_else() -> list[Trouble]:
        return []

    async with podwatch.watching(place.api, made, podwatch.all_pods(made)) as watch:  # type: ignore[arg-type]
        await readiness.await_pods(watch, nothing_else)


def test_pods_of_a_group_that_is_not_declared_are_nobodys_trouble(place: Place) -> None:
    """A failed `up` leaves such a group behind: the corrected file has another one, and goes forward."""
    made = target()
    stranger = pod("a-big-0badhash", "ImagePullBackOff")
    place.pods = lambda now: [stranger, pod("scheduler"), *(running(made)[1:] if now > 60 else [])]
    place.api.answers[OPERATORS] = {"items": [pod("operator")]}

    asyncio.run(pods(place, made))

    assert 60 < place.now - 100 < 65


def test_a_declared_groups_trouble_is_named_within_a_quarter_of_a_minute(place: Place) -> None:
    made = target()
    [*healthy, _] = running(made)
    place.pods = lambda _: [*healthy, pod(list(made.expected_workers)[-1], "ImagePullBackOff")]

    with pytest.raises(ClusterError, match=r"cannot become ready: pod .*: ImagePullBackOff: image dask:1: why"):
        asyncio.run(pods(place, made))

    assert place.now - 100 < 16


def test_a_quota_that_is_given_back_ends_nothing(place: Place) -> None:
    """It is named after some seconds. A verification's pod waits for it as well (event_troubles.py)."""
    made, words = target(), "exceeded quota: dask"
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": words}
    refused = {
        "metadata": {"name": "w", "labels": {"dask.org/workergroup-name": made.default_group}},
        "status": {"conditions": [condition]},
    }
    place.api.answers[DEPLOYMENTS] = lambda: {"items": [refused] if place.now < 200 else []}
    place.api.answers[OPERATORS] = {"items": [pod("operator")]}
    place.pods = lambda now: running(made) if now > 100 else running(made)[:1]

    asyncio.run(pods(place, made))

    assert place.now > 200
    assert f"a: still waiting: deployment w: FailedCreate: {words}" in place.told


LOG = """
  File "distributed/preloading.py", line 130, in _import_module
ModuleNotFoundError: No module named 'ours'
distributed.nanny - ERROR - Failed to start process
Traceback (most recent call last):
RuntimeError: Nanny failed to start.
"""


def test_a_crash_loop_is_named_with_the_error_that_its_last_words_leave_out(place: Place) -> None:
    made = target()
    [*healthy, _] = running(made)
    crashing = pod(list(made.expected_workers)[-1], "CrashLoopBackOff")
    last = {"reason": "Error", "exitCode": 1, "message": "RuntimeError: Nanny failed to start."}
    crashing["status"]["containerStatuses"][0] |= {
        "lastState": {"terminated": last},
        "restartCount": 2,
        "name": "worker",
    }
    place.pods = lambda _: [*healthy, crashing]
    log = f"{podwatch.path('Pod', 'lab', crashing['metadata']['name'])}/log"
    place.api.answers[log] = httpx.Response(200, text=LOG)

    with pytest.raises(
        ClusterError, match=r"start\.; its log says before that: ModuleNotFoundError: No module .*ours'$"
    ):
        asyncio.run(pods(place, made))


def test_a_worker_that_crashes_on_somebodys_task_keeps_nobody_from_scaling(place: Place) -> None:
    made = target()
    [*healthy, last] = running(made)
    crashing = pod(list(made.expected_workers)[-1], "CrashLoopBackOff")
    crashing["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    place.pods = lambda now: [*healthy, crashing if now < 60 else last]

    asyncio.run(pods(place, made))

    assert place.now - 100 >= 60
    assert "still waiting" in place.told[0]
    assert "CrashLoopBackOff" in place.told[0]


READY_AT = "2026-01-01T00:02:00Z"


@pytest.mark.parametrize(("began", "fatal"), [("2026-01-01T00:01:40Z", False), ("2026-01-01T00:02:01Z", True)])
def test_workers_that_gave_up_before_the_scheduler_was_ready_start_again(place: Place, began: str, fatal: bool) -> None:
    """A scheduler may take minutes to start; a worker tries for half a minute, and kubelet restarts it ever later."""
    made = target()
    scheduler, *workers = running(made)
    starting = pod("scheduler")
    for one, is_ready in ((starting, "False"), (scheduler, "True")):
        one["status"]["conditions"] = [{"type": "Ready", "status": is_ready, "lastTransitionTime": READY_AT}]
    crashing = pod(list(made.expected_workers)[-1], "CrashLoopBackOff")
    ended = {"reason": "Error", "exitCode": 1, "startedAt": began, "finishedAt": began}
    crashing["status"]["containerStatuses"][0] |= {"restartCount": 3, "lastState": {"terminated": ended}}
    waiting = [starting, *workers[:-1], crashing]
    place.pods = lambda now: (
        waiting if now < 120 else [scheduler, *workers[:-1], crashing if now < 160 else workers[-1]]
    )

    if fatal:
        with pytest.raises(ClusterError, match="CrashLoopBackOff"):
            asyncio.run(pods(place, made))
        assert 120 < place.now - 100 < 140
    else:
        asyncio.run(pods(place, made))
        assert place.now - 100 >= 160
        assert any("still waiting: pod" in line and "CrashLoopBackOff" in line for line in place.told)


def test_a_pod_too_many_of_one_group_does_not_stand_for_one_of_another(place: Place) -> None:
    made = target()
    first = next(iter(made.expected_workers))
    place.pods = lambda now: [pod("scheduler"), pod(first), pod(first)] if now < 20 else running(made)

    asyncio.run(pods(place, made))

    assert place.now - 100 >= 20


def test_a_long_wait_lists_once_from_memory_and_goes_on_with_what_changes(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, real, asked = target(), kube.get, []

    async def get(client: Any, url: str, **params: Any) -> Any:
        if "/namespaces/" in url and not url.endswith("/events"):
            asked.append((url, params["resourceVersion"]))
        return await real(client, url, **params)

    monkeypatch.setattr(kube, "get", get)
    place.pods = lambda now: running(made) if now > 70 else running(made)[:2]
    place.api.answers[OPERATORS] = {"items": [pod("operator")]}

    asyncio.run(pods(place, made))

    assert 70 < place.now - 100 < 73
    assert sorted(asked) == [(PODS, "0"), (DEPLOYMENTS, "0")]


class TestOperator:
    def test_without_one_the_wait_ends_within_a_minute(self, place: Place) -> None:
        with pytest.raises(ClusterError, match=r"no dask-kubernetes-operator runs .*scaled to 0"):
            asyncio.run(pods(place, target()))

        assert place.now - 100 < 60

    def test_it_is_missed_while_a_cluster_grows_as_well(self, place: Place) -> None:
        made = target()
        place.pods = lambda _: running(made)[:2]

        with pytest.raises(ClusterError, match="no dask-kubernetes-operator runs"):
            asyncio.run(pods(place, made))

    @pytest.mark.parametrize(
        "container",
        [
            {"image": "ghcr.io/dask/dask-kubernetes-operator:2026.3.0"},
            {"image": "mirror/op:1", "command": ["kopf", "run", "-m", "dask_kubernetes.operator"]},
        ],
    )
    def test_one_under_another_name_is_known_by_what_it_runs(self, place: Place, container: dict[str, Any]) -> None:
        made = target()
        asked: list[int] = []

        def operators() -> dict[str, Any]:
            asked.append(1)  # by label first: no pod has it
            return {
                "items": [] if len(asked) % 2 else [{"metadata": {"name": "op"}, "spec": {"containers": [container]}}]
            }

        place.api.answers[OPERATORS] = operators
        place.pods = lambda now: running(made) if now > 70 else []

        asyncio.run(pods(place, made))

        assert asked


class TestWithoutVerification:
    def test_the_endpoint_waits_for_a_scheduler_that_is_ready(self, place: Place) -> None:
        made = target({"verify": False})
        place.pods = lambda now: [pod("scheduler", ready=now > 30), pod("other", "ImagePullBackOff")]

        asyncio.run(readiness.await_scheduler(Connection(), made))

        assert 30 < place.now - 100 < 35

    def test_a_wrong_image_is_named_before_the_endpoint_moves(self, place: Place) -> None:
        place.pods = lambda _: [pod("scheduler", "ImagePullBackOff")]

        with pytest.raises(ClusterError, match="ImagePullBackOff"):
            asyncio.run(readiness.await_scheduler(Connection(), target({"verify": False})))


def test_the_verify_job_waits_for_the_name_that_it_looks_up(place: Place) -> None:
    made = target()
    service = f"api/v1/namespaces/lab/services/{made.scheduler_name}"
    place.api.answers[service] = lambda: {"metadata": {}} if place.now > 107 else 404
    place.api.answers[OPERATORS] = {"items": [pod("operator")]}

    asyncio.run(readiness.await_service(Connection(), made))

    assert 107 < place.now < 108


def test_it_waits_for_no_name_of_a_cluster_that_cannot_become_ready(place: Place) -> None:
    place.pods = lambda _: [pod("scheduler", "ImagePullBackOff")]

    with pytest.raises(ClusterError, match="ImagePullBackOff"):
        asyncio.run(readiness.await_service(Connection(), target()))
