"""The watch of a namespace's events, and what is made of them while a cluster does not start."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pulumi
import pytest

from components.kube import events
from components.kube import pods as health
from components.kube.errors import ClusterError
from components.kube.events import Event
from components.kube.pods import Trouble
from components.lifecycle import event_troubles, readiness
from components.lifecycle import pod_watch as podwatch
from tests.support.clock import FakeClock
from tests.unit.api import FakeApi
from tests.unit.pods import EVENTS, Place, pod, running, target

# Seconds within which a reason is named.
SOON = 60
MOUNT = 'MountVolume.SetUp failed for volume "s" : secret "no-such" not found'


def event(kind: str, name: str, reason: str, message: str, version: str = "1") -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    about = {"kind": kind, "name": name}
    meta = {"resourceVersion": version}
    return {"metadata": meta, "involvedObject": about, "reason": reason, "message": message, "lastTimestamp": now}


def listed(*found: dict[str, Any], version: str = "7") -> dict[str, Any]:
    return {"metadata": {"resourceVersion": version}, "items": list(found)}


def seen(api: FakeApi, enough: Callable[[list[str]], bool]) -> list[str]:
    async def watch() -> list[str]:
        async with events.watched(api, "lab") as reported, events.watched(api, "lab") as same:  # type: ignore[arg-type]
            assert reported is same
            for _ in range(200):
                if enough([it.message for it in reported]):
                    break
                await asyncio.sleep(0)
            return [it.message for it in reported]

    return asyncio.run(watch())


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    return FakeClock().install(monkeypatch)


def test_all_who_wait_share_one_watch_that_goes_on_where_the_list_ended() -> None:
    api = FakeApi({EVENTS: listed(event("Pod", "a", "One", "old"))})
    api.changes = [[{"type": "ADDED", "object": event("Pod", "a", "Two", "new", "9")}], []]

    assert seen(api, lambda found: len(api.watches) == 3) == ["old", "new"]
    assert [it["resourceVersion"] for it in api.watches] == ["7", "9", "9"]
    assert {it["fieldSelector"] for it in api.watches} == {"type!=Normal"}


@pytest.mark.parametrize("expired", [410, [{"type": "ERROR", "object": {"code": 410}}]])
def test_it_begins_anew_where_the_api_server_no_longer_knows_the_place(expired: Any) -> None:
    lists = [listed(event("Pod", "a", "One", "first")), listed(event("Pod", "a", "Two", "second"), version="30")]
    api = FakeApi({EVENTS: lambda: lists.pop(0)}, changes=[expired])

    assert seen(api, lambda found: len(api.watches) == 2) == ["first", "second"]
    assert [it["resourceVersion"] for it in api.watches] == ["7", "30"]


def test_without_permission_nobody_asks_twice() -> None:
    asked: list[int] = []
    api = FakeApi({EVENTS: lambda: asked.append(1) or 403})

    assert seen(api, lambda _: False) == []
    assert len(asked) == 1


class TestWait:
    @pytest.fixture
    def place(self, monkeypatch: pytest.MonkeyPatch) -> Place:
        return Place(monkeypatch)

    async def pods(self, place: Place) -> None:
        async def nothing_else() -> list[Trouble]:
            return []

        made = target()
        async with podwatch.watching(place.api, made, podwatch.all_pods(made)) as watch:  # type: ignore[arg-type]
            await readiness.await_pods(watch, nothing_else)

    def waits(self, place: Place, *found: dict[str, Any]) -> str:
        place.api.answers[EVENTS] = listed(*found)
        place.api.answers["api/v1/pods"] = {"items": [pod("operator")]}
        with pytest.raises(ClusterError) as error:
            asyncio.run(self.pods(place))
        return str(error.value)

    def creating(self, place: Place) -> str:
        made = running(target())
        made[0] = pod("scheduler", "ContainerCreating")
        place.pods = lambda _: made
        return made[0]["metadata"]["name"]

    @pytest.mark.parametrize(
        ("reason", "message"),
        [
            ("FailedMount", 'MountVolume.SetUp failed for volume "t" : references non-existent secret key: ca.crt'),
            ("FailedAttachVolume", "Multi-Attach error for volume pvc-1: Volume is already used by pod(s) b"),
            ("FailedCreatePodSandBox", "Failed to create pod sandbox: no IP addresses left"),
        ],
    )
    def test_what_only_an_event_tells_is_said_soon_and_at_the_end(
        self, place: Place, monkeypatch: pytest.MonkeyPatch, reason: str, message: str
    ) -> None:
        name = self.creating(place)
        after: dict[str, float] = {}
        monkeypatch.setattr(pulumi.log, "warn", lambda words: after.setdefault(words, place.now - 100))

        words = self.waits(place, event("Pod", name, reason, message))

        line = f"pod {name}: {reason}: {message}"
        assert after[f"a: still waiting: {line}"] < SOON
        assert words.endswith(f"(readyTimeout): {line}")

    def test_a_refusal_of_what_the_operator_creates_ends_the_wait(self, place: Place) -> None:
        trace = (
            "Handler 'daskcluster_create_components/status.phase' failed with an exception. Will retry.\n"
            "Traceback (most recent call last):\n...\n"
            'kr8s._exceptions.ServerError: deployments.apps "a" is forbidden: policy denied request: a label is missing'
        )

        words = self.waits(place, event("DaskCluster", target().physical_name, "Logging", trace))

        assert "cannot become ready: daskcluster" in words
        assert words.endswith(': deployments.apps "a" is forbidden: policy denied request: a label is missing')

    def test_strangers_and_earlier_times_do_not_count(self, place: Place) -> None:
        name = self.creating(place)
        old = event("Pod", name, "FailedMount", MOUNT) | {"lastTimestamp": "2020-01-01T00:00:00Z"}

        words = self.waits(place, event("Pod", "stranger", "FailedMount", MOUNT), old)

        assert words.endswith(f"(readyTimeout): 1 of scheduler: {name} is ContainerCreating")
        assert place.told == []

    def test_without_any_report_it_says_what_is_missing(self, place: Place) -> None:
        place.pods = lambda _: running(target())[:-1]

        words = self.waits(place)

        assert "no pod was created, and nobody has reported why" in words
        assert "nothing was reported" not in words


def test_a_long_message_is_cut() -> None:
    [trouble] = event_troubles.troubles([Event("Pod", "a", "FailedMount", "x" * 2000, "")], lambda *_: True, 0)

    assert len(trouble.message) == 400


QUOTA = 'pods "v" is forbidden: exceeded quota: dask, requested: pods=1, used: pods=4, limited: pods=4'


@pytest.mark.parametrize(
    ("message", "fatal"),
    [
        (QUOTA, False),
        ('Internal error occurred: failed calling webhook "w": connection refused', False),
        ('Internal error occurred: failed calling webhook "w": context deadline exceeded, denied', False),
        ("etcdserver: request timed out", False),
        ('admission webhook "policy" denied the request: a label is missing', True),
        ('pods "v" is forbidden: violates PodSecurity "restricted:latest", denied', True),
        ('pods "v" is forbidden: failed quota: dask: must specify limits.cpu, denied', True),
    ],
)
def test_only_a_refusal_that_does_not_pass_is_fatal_whoever_reports_it(message: str, fatal: bool) -> None:
    """A quota may be given back, and a webhook may answer again, whatever of a cluster is refused (docs/adr/0003)."""
    job = Event("Job", "v", "FailedCreate", message, last="")
    operator = Event("DaskCluster", "v", "Logging", f"kr8s._exceptions.ServerError: {message}", last="")
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    deployment = {"metadata": {"name": "v"}, "status": {"conditions": [condition]}}

    found = [
        *event_troubles.troubles([job, operator], lambda *_: True, 10),
        *health.deployment_troubles([deployment]),
    ]

    assert [trouble.fatal for trouble in found] == [fatal] * 3
    assert all(message in str(trouble) for trouble in found)
