"""Drift: what hands change on a cluster in memory, and what the program does about it."""

import asyncio

import pulumi
import pytest

from components.kube.client import Connection
from components.lifecycle import repair
from tests.unit.api import connected
from tests.unit.world import World, box


def mend(world: World) -> None:
    asyncio.run(repair.repair(world, world.target))  # type: ignore[arg-type]


def scheduler_image(world: World) -> None:
    box(world.of("Deployment", "-scheduler"))["image"] = "other:1"


def scheduler_paused(world: World) -> None:
    world.of("Deployment", "-scheduler")["spec"]["paused"] = True


def scheduler_stopped(world: World) -> None:
    world.of("Deployment", "-scheduler")["spec"]["replicas"] = 0


def more_workers(world: World) -> None:
    group = world.of("DaskWorkerGroup", "-default")
    group["spec"]["worker"]["replicas"] = 5
    world._scale(group)


def lost_workers(world: World) -> None:
    for path in world.workers():
        del world.objects[path]


def service(world: World) -> None:
    world.of("Service", "-scheduler")["spec"]["ports"][0]["nodePort"] = 31000
    world.of("Service", "-scheduler")["spec"]["type"] = "NodePort"


def selector(world: World) -> None:
    """The Service then leads to no pod."""
    world.of("Service", "-scheduler")["spec"]["selector"]["by"] = "hand"


def everything_gone(world: World) -> None:
    world.objects = {path: it for path, it in world.objects.items() if "/daskclusters/" in path or "-big-" in path}


def keep(world: World, monkeypatch: pytest.MonkeyPatch, *, preview: bool) -> int:
    connected(monkeypatch, world)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)
    return asyncio.run(repair._seen(Connection(), world.target))
