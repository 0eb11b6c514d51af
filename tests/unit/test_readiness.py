"""How long a cluster's pods are waited for, whose trouble ends the wait, and what is asked of the API server."""

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from components import kube, podwatch, readiness
from components.errors import ClusterError
from components.kube import Connection
from components.manifest import Target, expected_workers, verify_job
from components.settings import parse
from tests.unit.api import FakeApi

PODS, DEPLOYMENTS = "api/v1/namespaces/lab/pods", "apis/apps/v1/namespaces/lab/deployments"
OPERATORS = "api/v1/pods"


def target(cluster: dict[str, Any] | None = None) -> Target:
    given = {"workers": {"replicas": 1}, "workerGroups": {"big": {"replicas": 1}}, "readyTimeout": "5m"}
    return Target("a", parse({"clusters": {"a": given | (cluster or {})}}).clusters["a"], "lab", "dask-dev")


def pod(group: str, reason: str = "", *, ready: bool = True) -> dict[str, Any]:
    """A pod of a worker group, or of the scheduler, that runs unless there is a reason."""
    labels = {"dask.org/component": "scheduler"} if group == "scheduler" else {"dask.org/workergroup-name": group}
    state = {"waiting": {"reason": reason, "message": "why"}} if reason else {"running": {}}
    status = {
        "containerStatuses": [{"image": "dask:1", "state": state, "restartCount": 0}],
        "conditions": [{"type": "Ready", "status": str(ready)}],
    }
    return {"metadata": {"name": f"{group}-1", "labels": labels}, "status": status}


def running(made: Target) -> list[dict[str, Any]]:
    return [pod(group) for group in ["scheduler", *expected_workers(made)]]


class Place:
    """An API server and a clock: `at` says what happens when so many seconds have passed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.pods: Callable[[float], Any] = lambda _: []
        self.asked: list[float] = []
        self.told: list[str] = []
        self.api = FakeApi({PODS: self._pods, DEPLOYMENTS: {"items": []}, OPERATORS: {"items": []}})
        for level in ("info", "warn", "error"):
            monkeypatch.setattr(pulumi.log, level, self.told.append)
        for module in (readiness, podwatch):
            monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(readiness, "asyncio", SimpleNamespace(sleep=self._sleep, **self._loop()))

        async def connect(_: Connection) -> FakeApi:
            return self.api

        monkeypatch.setattr(kube, "api", connect)

    def _loop(self) -> dict[str, Any]:
        return {"get_running_loop": asyncio.get_running_loop}

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    def _pods(self) -> Any:
        self.asked.append(self.now - 100)
        found = self.pods(self.now - 100)
        if isinstance(found, Exception):
            raise found
        return {"items": found}


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(monkeypatch)


def test_pods_of_a_group_that_is_not_declared_are_nobodys_trouble(place: Place) -> None:
    """A failed `up` leaves such a group behind: the corrected file has another one, and goes forward."""
    made = target()
    stranger = pod("a-big-0badhash", "ImagePullBackOff")
    place.pods = lambda now: [stranger, pod("scheduler"), *(running(made)[1:] if now > 60 else [])]
    place.api.answers[OPERATORS] = {"items": [pod("operator")]}

    asyncio.run(readiness.await_pods(Connection(), made))

    assert 60 < place.now - 100 < 65


def test_a_declared_groups_trouble_is_named_within_a_quarter_of_a_minute(place: Place) -> None:
    made = target()
    [*healthy, _] = running(made)
    place.pods = lambda _: [*healthy, pod(list(expected_workers(made))[-1], "ImagePullBackOff")]

    with pytest.raises(ClusterError, match=r"cannot become ready: pod .*: ImagePullBackOff: image dask:1: why"):
        asyncio.run(readiness.await_pods(Connection(), made))

    assert place.now - 100 < 16


def test_a_pod_too_many_of_one_group_does_not_stand_for_one_of_another(place: Place) -> None:
    made = target()
    first = next(iter(expected_workers(made)))
    place.pods = lambda now: [pod("scheduler"), pod(first), pod(first)] if now < 20 else running(made)

    asyncio.run(readiness.await_pods(Connection(), made))

    assert place.now - 100 >= 20


def test_the_api_server_is_asked_at_a_growing_pace_and_from_its_memory(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, real, params = target(), kube.get, []

    async def get(client: Any, url: str, **asked: str) -> Any:
        params.append(asked)
        return await real(client, url, **asked)

    monkeypatch.setattr(kube, "get", get)
    place.pods = lambda now: running(made) if now > 20 else running(made)[:2]

    asyncio.run(readiness.await_pods(Connection(), made))

    gaps = [later - before for before, later in zip(place.asked, place.asked[1:], strict=False)]
    assert gaps == sorted(gaps)
    assert (gaps[0], gaps[-1]) == (1.0, 2.0)
    assert all(asked["resourceVersion"] == "0" for asked in params)


class TestOperator:
    def test_without_one_the_wait_ends_within_a_minute(self, place: Place) -> None:
        with pytest.raises(ClusterError, match=r"no dask-kubernetes-operator runs .*scaled to 0"):
            asyncio.run(readiness.await_pods(Connection(), target()))

        assert place.now - 100 < 60

    def test_it_is_missed_while_a_cluster_grows_as_well(self, place: Place) -> None:
        made = target()
        place.pods = lambda _: running(made)[:2]

        with pytest.raises(ClusterError, match="no dask-kubernetes-operator runs"):
            asyncio.run(readiness.await_pods(Connection(), made))

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

        asyncio.run(readiness.await_pods(Connection(), made))

        assert asked


class TestGuard:
    def _job(self, made: Target) -> str:
        return f"apis/batch/v1/namespaces/lab/jobs/{verify_job(made)['metadata']['name']}"

    def test_what_is_no_trouble_of_the_cluster_does_not_end_the_watch(self, place: Place) -> None:
        made = target()
        looks: list[Any] = [RuntimeError("a broken answer"), RuntimeError("a broken answer")]
        place.api.answers[self._job(made)] = {"status": {"active": 1}}
        place.pods = lambda _: (
            looks.pop() if looks else [*running(made)[:-1], pod(list(expected_workers(made))[-1], "InvalidImageName")]
        )

        asyncio.run(readiness._guard(Connection(), made))

        assert place.told[0] == "a: its pods cannot be watched at the moment: a broken answer"
        assert "InvalidImageName" in place.told[-1]
        assert len(place.told) == 2

    def test_it_deletes_the_jobs_pod_when_the_cluster_cannot_become_ready(self, place: Place) -> None:
        made = target()
        place.api.answers[self._job(made)] = {"status": {"active": 1}}
        place.pods = lambda _: [pod("scheduler", "InvalidImageName")]

        asyncio.run(readiness._guard(Connection(), made))

        assert [(method, path) for method, path, _ in place.api.sent] == [("DELETE", f"{PODS}/scheduler-1")]

    def test_a_job_whose_pod_is_refused_is_ended_with_the_reason(self, place: Place) -> None:
        made = target()
        event = {"message": 'admission webhook "policy" denied the request: a label is missing'}
        place.api.answers[self._job(made)] = {"metadata": {"name": "a-verify"}, "status": {"ready": 0}}
        place.api.answers["api/v1/namespaces/lab/events"] = {"items": [event]}
        place.pods = lambda _: [] if len(place.told) else running(made)

        asyncio.run(readiness._guard(Connection(), made))

        assert place.told == [
            "the cluster 'a' cannot become ready: job a-verify: FailedCreate: " + event["message"],
        ]
        [(method, path, options)] = place.api.sent
        assert (method, path) == ("PATCH", self._job(made))
        assert json.loads(options["content"]) == {"spec": {"activeDeadlineSeconds": 1}}
        assert place.now - 100 < 20

    def test_it_ends_with_the_job(self, place: Place) -> None:
        made = target()
        place.api.answers[self._job(made)] = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}

        asyncio.run(readiness._guard(Connection(), made))

        assert place.asked == []

    def test_the_event_loop_is_not_alone_in_knowing_it(self, place: Place) -> None:
        made = target()
        place.api.answers[self._job(made)] = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}

        async def scenario() -> None:
            task = readiness.guard(Connection(), made)
            assert task in readiness._watches
            await task
            await asyncio.sleep(0)
            assert task not in readiness._watches

        asyncio.run(scenario())


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

    def test_there_is_a_hook_only_where_nothing_is_verified(self, monkeypatch: pytest.MonkeyPatch) -> None:
        hooks: list[str] = []
        monkeypatch.setattr(readiness, "ResourceHook", lambda name, _: hooks.append(name) or name)

        assert readiness.before_endpoint(Connection(), target()) is None
        binding = readiness.before_endpoint(Connection(), target({"verify": False}))

        assert binding is not None
        assert binding.before_create == binding.before_update == hooks == ["a-scheduler-ready"]
