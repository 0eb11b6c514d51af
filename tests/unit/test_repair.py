"""What is done about drift, and what a run says of it."""

import asyncio
import copy
from collections.abc import Callable
from typing import Any

import httpx
import kr8s
import pulumi
import pytest

from components.kube import client as kube
from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.lifecycle import drain, repair
from tests.support.clock import FakeClock
from tests.unit.world import World, box, found, target


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    FakeClock().install(monkeypatch)
    return World(target())


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    for level in ("info", "warn"):
        monkeypatch.setattr(pulumi.log, level, lines.append)
    return lines


def mend(world: World) -> None:
    asyncio.run(repair.repair(world, world.target))  # type: ignore[arg-type]


def _scheduler_image(world: World) -> None:
    box(world.of("Deployment", "-scheduler"))["image"] = "other:1"


def _scheduler_paused(world: World) -> None:
    world.of("Deployment", "-scheduler")["spec"]["paused"] = True


def _scheduler_stopped(world: World) -> None:
    world.of("Deployment", "-scheduler")["spec"]["replicas"] = 0


def _more_workers(world: World) -> None:
    group = world.of("DaskWorkerGroup", "-default")
    group["spec"]["worker"]["replicas"] = 5
    world._scale(group)


def _lost_workers(world: World) -> None:
    for path in world.workers():
        del world.objects[path]


def _service(world: World) -> None:
    world.of("Service", "-scheduler")["spec"]["ports"][0]["nodePort"] = 31000
    world.of("Service", "-scheduler")["spec"]["type"] = "NodePort"


def _selector(world: World) -> None:
    """The Service then leads to no pod."""
    world.of("Service", "-scheduler")["spec"]["selector"]["by"] = "hand"


def _everything_gone(world: World) -> None:
    world.objects = {path: it for path, it in world.objects.items() if "/daskclusters/" in path or "-big-" in path}


@pytest.mark.parametrize(
    "hand",
    [
        _scheduler_image,
        _scheduler_paused,
        _scheduler_stopped,
        _more_workers,
        _lost_workers,
        _service,
        _selector,
        _everything_gone,
    ],
)
def test_what_a_hand_has_done_is_undone(
    world: World, told: list[str], monkeypatch: pytest.MonkeyPatch, hand: Callable[[World], None]
) -> None:
    monkeypatch.setattr(drain, "look", _idle)
    hand(world)
    assert found(world)

    mend(world)

    assert found(world) == []
    assert len(world.workers()) == 2
    assert told[0].startswith("drift, repairing it: ")


async def _idle(*_: Any) -> None:
    return None


def test_workers_go_one_after_another_and_the_scheduler_last(
    world: World, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "look", _idle)
    _scheduler_image(world)
    for path in [*world.workers(), *world.workers("big")]:
        box(world.objects[path])["image"] = "other:1"

    mend(world)

    assert world.patched[-1].endswith("-scheduler")
    assert len(world.patched) == 4
    waits = [line for line in told if line.endswith(" s") and "runs as declared" in line]
    assert len(waits) == 4


def test_a_busy_scheduler_is_waited_for(world: World, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    loads = iter([drain.Load(1, 3), drain.Load(1, 1), drain.Load(0, 0)])
    asked: list[int] = []

    async def look(*_: Any) -> drain.Load:
        asked.append(len(world.patched))
        return next(loads)

    monkeypatch.setattr(drain, "look", look)
    _scheduler_image(world)

    mend(world)

    assert asked == [0, 0, 0]
    assert any("waiting for 1 client and 3 tasks" in line for line in told)


def test_a_scheduler_that_does_not_run_is_not_waited_for(
    world: World, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pod cannot be asked, which counts as busy."""

    async def never(*_: Any) -> drain.Load:
        raise AssertionError("asked")

    monkeypatch.setattr(drain, "look", never)
    _scheduler_image(world)
    world.of("Deployment", "-scheduler")["status"]["availableReplicas"] = 0
    world.veto = lambda live: live["status"].update(availableReplicas=1)

    mend(world)

    assert found(world) == []


def test_old_and_new_pods_never_run_side_by_side(world: World, told: list[str]) -> None:
    box(world.objects[world.workers()[0]])["image"] = "other:1"

    mend(world)

    assert world.objects[world.workers()[0]]["spec"]["strategy"] == {"type": "Recreate"}


def test_a_worker_that_goes_in_the_meantime_is_let_go(world: World, told: list[str]) -> None:
    """The operator may be scaling the group down while its workers are put right."""
    going = world.workers()[0]
    box(world.objects[going])["image"] = "other:1"
    world.first = lambda _: world.objects.pop(going, None)

    mend(world)

    assert world.patched == []


def _mirrored(live: dict[str, Any]) -> None:
    """A webhook that has images pulled from a mirror."""
    if "template" in live.get("spec", {}) and not box(live)["image"].startswith("mirror/"):
        box(live)["image"] = f"mirror/{box(live)['image']}"


@pytest.mark.parametrize("hook", ["veto", "on_create"])
@pytest.mark.parametrize("preview", [True, False])
def test_what_a_webhook_makes_of_a_cluster_is_no_drift_and_nobody_is_waited_for(
    world: World, told: list[str], monkeypatch: pytest.MonkeyPatch, hook: str, preview: bool
) -> None:
    monkeypatch.setattr(drain, "look", _never)
    for path in [*world.workers(), world.url("Deployment", f"{world.target.physical_name}-scheduler")]:
        _mirrored(world.objects[path])
    setattr(world, hook, _mirrored)
    before = copy.deepcopy(world.objects)

    assert keep(world, monkeypatch, preview=preview) == 0
    mend(world)

    assert (told, world.patched) == ([], [])
    assert world.objects == before


async def _never(*_: Any) -> drain.Load:
    raise AssertionError("asked")


@pytest.mark.parametrize("hook", ["veto", "on_create"])
def test_beside_a_webhook_a_hands_change_is_undone_one_worker_after_another(
    world: World, told: list[str], hook: str
) -> None:
    setattr(world, hook, _mirrored)
    for path in world.workers():
        _mirrored(world.objects[path])
        box(world.objects[path])["args"] = ["by", "hand"]

    mend(world)

    assert len(world.patched) == 2
    assert len([line for line in told if "runs as declared" in line]) == 2
    for path in world.workers():
        assert box(world.objects[path])["image"].startswith("mirror/")
        assert box(world.objects[path])["args"] != ["by", "hand"]
    assert not [line for line in told if "image" in line]


@pytest.mark.parametrize("hand", [_service, _more_workers])
def test_a_webhook_on_the_operators_service_or_a_number_of_workers_is_not_fought_either(
    world: World, told: list[str], hand: Callable[[World], None]
) -> None:
    hand(world)
    wanted = {name: copy.deepcopy(it["spec"]) for name, it in world.objects.items()}

    def put_back(live: dict[str, Any]) -> None:
        for name, it in world.objects.items():
            if it["metadata"]["name"] == live["metadata"]["name"] and "/deployments/" not in name:
                live["spec"] = copy.deepcopy(wanted[name])

    world.veto = put_back

    mend(world)

    assert (told, world.patched) == ([], [])


def test_a_paused_deployment_is_told_with_both_values(world: World, told: list[str]) -> None:
    world.objects[world.workers()[0]]["spec"]["paused"] = True
    # The API server leaves out what is false.
    world.veto = lambda live: live["spec"].pop("paused") if live["spec"].get("paused") is False else None

    mend(world)

    assert told[0].endswith(": paused: live true, declared false")


@pytest.mark.parametrize("preview", [True, False])
def test_what_the_api_server_refuses_is_told_in_its_words_and_stops_nothing(
    world: World, told: list[str], monkeypatch: pytest.MonkeyPatch, preview: bool
) -> None:
    def refuse(_: dict[str, Any]) -> None:
        words = 'admission webhook "policy.example" denied the request: only from the mirror'
        response = httpx.Response(403, request=httpx.Request("PATCH", "http://kubernetes"))
        raise kr8s.ServerError(words, status="403", response=response)

    box(world.objects[world.workers()[0]])["image"] = "other:1"
    world.veto = refuse

    keep(world, monkeypatch, preview=preview)
    if not preview:
        mend(world)

    assert world.patched == []
    [line] = told
    assert line.startswith("drift: deployment/")
    assert line.endswith(
        'which cannot be repaired: admission webhook "policy.example" denied the request: only from the mirror'
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "deployments.apps is forbidden: cannot patch"), (400, 'webhook "x" does not support dry run')],
)
def test_where_the_api_server_cannot_be_asked_the_drift_is_told_as_it_is(
    world: World, told: list[str], monkeypatch: pytest.MonkeyPatch, status: int, words: str
) -> None:
    def refuse(_: dict[str, Any]) -> None:
        response = httpx.Response(status, request=httpx.Request("PATCH", "http://kubernetes"))
        raise kr8s.ServerError(words, status=str(status), response=response)

    box(world.objects[world.workers()[0]])["image"] = "other:1"
    world.veto = refuse

    keep(world, monkeypatch, preview=True)

    assert [line.startswith("drift (`up` will repair it): deployment/") for line in told] == [True]


def test_all_repairs_together_have_a_bound_and_the_next_up_goes_on(
    world: World, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.target = target(readyTimeout="5s")
    for path in [*world.workers(), *world.workers("big")]:
        box(world.objects[path])["image"] = "other:1"
    clock = FakeClock().install(monkeypatch)
    world.first = lambda _: setattr(clock, "time", clock.time + 8)

    mend(world)

    assert len(world.patched) == 2
    assert told[-1] == (
        "a: the repairs have taken 3 times 5s (readyTimeout); the next `up` continues with 1 of the kind 'worker'"
    )


def test_a_repair_that_does_not_come_about_says_why(
    world: World, told: list[str], monkeypatch: pytest.MonkeyPatch
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


def keep(world: World, monkeypatch: pytest.MonkeyPatch, *, preview: bool) -> int:
    async def connect(_: Connection) -> World:
        return world

    monkeypatch.setattr(kube, "api", connect)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)
    return asyncio.run(repair._seen(Connection(), world.target))


def test_a_preview_warns_and_changes_nothing(world: World, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _service(world)
    before = copy.deepcopy(world.objects)

    keep(world, monkeypatch, preview=True)

    assert [line.startswith("drift (`up` will repair it): service/") for line in told] == [True]
    assert world.objects == before


def test_a_cluster_that_is_not_there_yet_is_none_of_its_business(
    world: World, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.objects = {}

    assert keep(world, monkeypatch, preview=False) == 0
    assert told == []


def test_what_cannot_be_looked_at_stops_nothing(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreachable(_: Connection) -> World:
        raise ClusterError("cannot reach the Kubernetes API")

    monkeypatch.setattr(kube, "api", unreachable)

    assert asyncio.run(repair._seen(Connection(), target())) == 0
    assert told == ["a: could not check for drift: cannot reach the Kubernetes API"]
