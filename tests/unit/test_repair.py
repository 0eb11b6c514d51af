"""What is done about drift, and what a run says of it."""

import asyncio
import copy
from collections.abc import Callable
from typing import Any

import pytest

from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.lifecycle import drain, repair
from tests.support.clock import FakeClock
from tests.unit.api import connected
from tests.unit.hands import (
    everything_gone,
    keep,
    lost_workers,
    mend,
    more_workers,
    scheduler_image,
    scheduler_paused,
    scheduler_stopped,
    selector,
    service,
)
from tests.unit.world import World, box, found, target


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    FakeClock().install(monkeypatch)
    return World(target())


@pytest.mark.parametrize(
    "hand",
    [
        scheduler_image,
        scheduler_paused,
        scheduler_stopped,
        more_workers,
        lost_workers,
        service,
        selector,
        everything_gone,
    ],
)
def test_what_a_hand_has_done_is_undone(
    world: World, logged: list[str], monkeypatch: pytest.MonkeyPatch, hand: Callable[[World], None]
) -> None:
    monkeypatch.setattr(drain, "look", _idle)
    hand(world)
    assert found(world)

    mend(world)

    assert found(world) == []
    assert len(world.workers()) == 2
    assert logged[0].startswith("drift, repairing it: ")


async def _idle(*_: Any) -> None:
    return None


def test_workers_go_one_after_another_and_the_scheduler_last(
    world: World, logged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "look", _idle)
    scheduler_image(world)
    for path in [*world.workers(), *world.workers("big")]:
        box(world.objects[path])["image"] = "other:1"

    mend(world)

    assert world.patched[-1].endswith("-scheduler")
    assert len(world.patched) == 4
    waits = [line for line in logged if line.endswith(" s") and "runs as declared" in line]
    assert len(waits) == 4


def test_a_busy_scheduler_is_waited_for(world: World, logged: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    loads = iter([drain.Load(1, 3), drain.Load(1, 1), drain.Load(0, 0)])
    asked: list[int] = []

    async def look(*_: Any) -> drain.Load:
        asked.append(len(world.patched))
        return next(loads)

    monkeypatch.setattr(drain, "look", look)
    scheduler_image(world)

    mend(world)

    assert asked == [0, 0, 0]
    assert any("waiting for 1 client and 3 tasks" in line for line in logged)


def test_a_scheduler_that_does_not_run_is_not_waited_for(
    world: World, logged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pod cannot be asked, which counts as busy."""

    async def never(*_: Any) -> drain.Load:
        raise AssertionError("asked")

    monkeypatch.setattr(drain, "look", never)
    scheduler_image(world)
    world.of("Deployment", "-scheduler")["status"]["availableReplicas"] = 0
    world.veto = lambda live: live["status"].update(availableReplicas=1)

    mend(world)

    assert found(world) == []


def test_old_and_new_pods_never_run_side_by_side(world: World, logged: list[str]) -> None:
    box(world.objects[world.workers()[0]])["image"] = "other:1"

    mend(world)

    assert world.objects[world.workers()[0]]["spec"]["strategy"] == {"type": "Recreate"}


def test_a_worker_that_goes_in_the_meantime_is_let_go(world: World, logged: list[str]) -> None:
    """The operator may be scaling the group down while its workers are put right."""
    going = world.workers()[0]
    box(world.objects[going])["image"] = "other:1"
    world.first = lambda _: world.objects.pop(going, None)

    mend(world)

    assert world.patched == []


def test_all_repairs_together_have_a_bound_and_the_next_up_goes_on(
    world: World, logged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.target = target(readyTimeout="5s")
    for path in [*world.workers(), *world.workers("big")]:
        box(world.objects[path])["image"] = "other:1"
    clock = FakeClock().install(monkeypatch)
    world.first = lambda _: setattr(clock, "time", clock.time + 8)

    mend(world)

    assert len(world.patched) == 2
    assert logged[-1] == (
        "a: the repairs have taken 3 times 5s (readyTimeout); the next `up` continues with 1 of the kind 'worker'"
    )


def test_a_repair_that_does_not_come_about_says_why(
    world: World, logged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.target = target(readyTimeout="5s")
    worker = world.objects[world.workers()[0]]
    box(worker)["image"] = "other:1"
    state = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    pod = {"metadata": {"name": "p"}, "status": {"containerStatuses": [{"image": "i", "state": state}]}}
    world.objects["api/v1/namespaces/lab/pods/p"] = pod
    world.veto = lambda live: live["status"].update(availableReplicas=0)

    with pytest.raises(
        ClusterError, match=r"a: timed out after 5s; not yet: .* runs as declared: pod p: ImagePullBackOff: image i: no"
    ):
        mend(world)


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("Pod", "p", 'MountVolume.SetUp failed: secret "no-such" not found'),
        ("ReplicaSet", "{worker}-5f", "pods is forbidden: exceeded quota: dask"),
        ("DaskWorkerGroup", "{group}", 'admission webhook "policy" denied the request: no label'),
    ],
)
def test_a_repair_that_waits_names_what_only_events_tell(
    world: World, logged: list[str], kind: str, name: str, message: str
) -> None:
    world.target = target(readyTimeout="60s")
    worker = world.objects[world.workers()[0]]
    box(worker)["image"] = "other:1"
    world.objects["api/v1/namespaces/lab/pods/p"] = {"metadata": {"name": "p"}, "status": {"phase": "Pending"}}
    name = name.format(worker=worker["metadata"]["name"], group=world.target.default_group)
    event = {
        "metadata": {},
        "involvedObject": {"kind": kind, "name": name},
        "reason": "Failed to say",
        "type": "Warning",
    }
    world.objects["api/v1/namespaces/lab/events/e"] = event | {"message": message}
    world.veto = lambda live: live["status"].update(availableReplicas=0)

    with pytest.raises(ClusterError) as failure:
        mend(world)

    assert message in str(failure.value)
    assert any("still waiting: " in line and message in line for line in logged)


def test_a_preview_warns_and_changes_nothing(world: World, logged: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    service(world)
    before = copy.deepcopy(world.objects)

    keep(world, monkeypatch, preview=True)

    assert [line.startswith("drift (`up` will repair it): service/") for line in logged] == [True]
    assert world.objects == before


def test_a_cluster_that_is_not_there_yet_is_none_of_its_business(
    world: World, logged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.objects = {}

    assert keep(world, monkeypatch, preview=False) == 0
    assert logged == []


def test_what_cannot_be_looked_at_stops_nothing(logged: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, ClusterError("cannot reach the Kubernetes API"))

    assert asyncio.run(repair._seen(Connection(), target())) == 0
    assert logged == ["a: could not check for drift: cannot reach the Kubernetes API"]
