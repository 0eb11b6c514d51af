"""A repair does not fight admission webhooks, and reports what the API server refuses."""

import copy
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from components.kube import client as kube
from components.lifecycle import drain
from tests.support.clock import FakeClock
from tests.unit.hands import keep, mend, more_workers, service
from tests.unit.world import World, box, target


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    FakeClock().install(monkeypatch)
    return World(target())


def _mirrored(live: dict[str, Any]) -> None:
    """A webhook that has images pulled from a mirror."""
    if "template" in live.get("spec", {}) and not box(live)["image"].startswith("mirror/"):
        box(live)["image"] = f"mirror/{box(live)['image']}"


@pytest.mark.parametrize("hook", ["veto", "on_create"])
@pytest.mark.parametrize("preview", [True, False])
def test_what_a_webhook_makes_of_a_cluster_is_no_drift_and_nobody_is_waited_for(
    world: World, logged: list[str], monkeypatch: pytest.MonkeyPatch, hook: str, preview: bool
) -> None:
    monkeypatch.setattr(drain, "look", _never)
    for path in [*world.workers(), world.url("Deployment", f"{world.target.physical_name}-scheduler")]:
        _mirrored(world.objects[path])
    setattr(world, hook, _mirrored)
    before = copy.deepcopy(world.objects)

    assert keep(world, monkeypatch, preview=preview) == 0
    mend(world)

    assert (logged, world.patched) == ([], [])
    assert world.objects == before


async def _never(*_: Any) -> drain.Load:
    raise AssertionError("asked")


@pytest.mark.parametrize("hook", ["veto", "on_create"])
def test_beside_a_webhook_a_hands_change_is_undone_one_worker_after_another(
    world: World, logged: list[str], hook: str
) -> None:
    setattr(world, hook, _mirrored)
    for path in world.workers():
        _mirrored(world.objects[path])
        box(world.objects[path])["args"] = ["by", "hand"]

    mend(world)

    assert len(world.patched) == 2
    assert len([line for line in logged if "runs as declared" in line]) == 2
    for path in world.workers():
        assert box(world.objects[path])["image"].startswith("mirror/")
        assert box(world.objects[path])["args"] != ["by", "hand"]
    assert not [line for line in logged if "image" in line]


@pytest.mark.parametrize("hand", [service, more_workers])
def test_a_webhook_on_the_operators_service_or_a_number_of_workers_is_not_fought_either(
    world: World, logged: list[str], hand: Callable[[World], None]
) -> None:
    hand(world)
    wanted = {name: copy.deepcopy(it["spec"]) for name, it in world.objects.items()}

    def put_back(live: dict[str, Any]) -> None:
        for name, it in world.objects.items():
            if it["metadata"]["name"] == live["metadata"]["name"] and "/deployments/" not in name:
                live["spec"] = copy.deepcopy(wanted[name])

    world.veto = put_back

    mend(world)

    assert (logged, world.patched) == ([], [])


def test_a_paused_deployment_is_told_with_both_values(world: World, logged: list[str]) -> None:
    world.objects[world.workers()[0]]["spec"]["paused"] = True
    # The API server leaves out what is false.
    world.veto = lambda live: live["spec"].pop("paused") if live["spec"].get("paused") is False else None

    mend(world)

    assert logged[0].endswith(": paused: live true, declared false")


@pytest.mark.parametrize("preview", [True, False])
def test_what_the_api_server_refuses_is_told_in_its_words_and_stops_nothing(
    world: World, logged: list[str], monkeypatch: pytest.MonkeyPatch, preview: bool
) -> None:
    def refuse(_: dict[str, Any]) -> None:
        words = 'admission webhook "policy.example" denied the request: only from the mirror'
        response = httpx.Response(403, request=httpx.Request("PATCH", "http://kubernetes"))
        raise kube.ServerError(words, response)

    box(world.objects[world.workers()[0]])["image"] = "other:1"
    world.veto = refuse

    keep(world, monkeypatch, preview=preview)
    if not preview:
        mend(world)

    assert world.patched == []
    [line] = logged
    assert line.startswith("drift: deployment/")
    assert line.endswith(
        'which cannot be repaired: admission webhook "policy.example" denied the request: only from the mirror'
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "deployments.apps is forbidden: cannot patch"), (400, 'webhook "x" does not support dry run')],
)
def test_where_the_api_server_cannot_be_asked_the_drift_is_told_as_it_is(
    world: World, logged: list[str], monkeypatch: pytest.MonkeyPatch, status: int, words: str
) -> None:
    def refuse(_: dict[str, Any]) -> None:
        response = httpx.Response(status, request=httpx.Request("PATCH", "http://kubernetes"))
        raise kube.ServerError(words, response)

    box(world.objects[world.workers()[0]])["image"] = "other:1"
    world.veto = refuse

    keep(world, monkeypatch, preview=True)

    assert [line.startswith("drift (`up` will repair it): deployment/") for line in logged] == [True]
