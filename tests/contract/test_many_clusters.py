"""A hundred clusters in one stack file, and clusters of many workers: what is asked of the API server."""

import argparse
import asyncio
import runpy
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from components.configuration import parse
from components.kube.client import Connection
from tests.unit.api import FakeApi, connected
from tests.unit.registrations import Registration, registered
from tests.unit.world import World
from tools import drift, status
from tools.declared import Declared

COUNT = 100
SECONDS = 3
# DaskCluster, PodDisruptionBudget, verify Job, endpoint Service, connection ConfigMap.
EACH = 5


class Asked(FakeApi):
    """A Kubernetes with nothing on it unless it gets `answers`, which counts the requests and the answers' bytes."""

    count = 0
    bytes = 0

    @asynccontextmanager
    async def send(self, method: str, path: str, **options: Any) -> AsyncIterator[httpx.Response]:
        self.count += 1
        async with super().send(method, path, **options) as response:
            self.bytes += len(response.content)
            yield response


@pytest.fixture(autouse=True)
def kubernetes(monkeypatch: pytest.MonkeyPatch) -> Asked:
    made = Asked()

    connected(monkeypatch, made)
    return made


def declared(names: Iterable[str], spent: list[float] | None = None) -> dict[tuple[str, str], Registration]:
    """What the program registers for clusters of these names, by parent and name; adds `__main__`'s CPU seconds."""

    def main() -> None:
        begin = time.thread_time()
        runpy.run_path("__main__.py", run_name="__main__")
        if spent is not None:
            spent.append(time.thread_time() - begin)

    clusters = {name: {"endpoint": {"type": "ClusterIP"}} for name in names}
    made = {(one.parent, one.name): one for one in registered({"clusters": clusters}, main).registrations}
    del made["dask-dev", "owner"]  # whose input is another in every run, and only counts in the first
    return made


def test_they_are_read_checked_and_declared_soon() -> None:
    """All that happens before the SDK sends the registrations; and they are few."""
    spent: list[float] = []

    made = declared((f"c{number}" for number in range(COUNT)), spent)

    assert len([one for one in made.values() if one.parent.startswith("c")]) == COUNT * EACH
    assert spent[0] < SECONDS


def test_one_more_touches_no_other() -> None:
    ten = [f"c{number}" for number in range(10)]

    before, after = declared(ten), declared([*ten, "new"])

    added = [made for name, made in after.items() if name not in before]
    assert len([made for made in added if made.parent == "new"]) == EACH
    assert {made.parent for made in added if made.name != "new"} == {"new"}
    assert {name: after[name].inputs for name in before} == {name: made.inputs for name, made in before.items()}
    assert {name: after[name].depends_on for name in before} == {n: made.depends_on for n, made in before.items()}


def test_a_run_without_a_change_asks_no_more_often_for_a_hundred_than_for_one(kubernetes: Asked) -> None:
    declared(["c0"])
    for_one, kubernetes.count = kubernetes.count, 0

    declared(f"c{number}" for number in range(COUNT))

    assert kubernetes.count == for_one > 0


Look = Callable[[Any, Declared], Awaitable[Any]]


async def see_drift(client: Any, stack: Declared) -> None:
    await drift._say(client, stack, argparse.Namespace(stack="dev"))


LOOKS: dict[str, Look] = {"status": status.look, "drift": see_drift}
# status: the scheduler's two pages. drift: each object that the program creates.
FOR_EACH_CLUSTER = {"status": 2, "drift": 4}


def asked(look: Look, clusters: int, workers: int = 1) -> tuple[int, int]:
    """The requests and the bytes of a look at so many running clusters of so many workers."""
    settings = {"workers": {"replicas": workers}, "endpoint": {"type": "ClusterIP"}}
    stack = Declared("dask-dev", parse({"clusters": {f"c{n:02}": settings for n in range(clusters)}}), Connection())
    api = Asked(living(stack))

    async def run() -> None:
        await look(api, stack)

    asyncio.run(run())
    return api.count, api.bytes


def living(stack: Declared) -> dict[str, Any]:
    """The objects of all clusters, and their collections."""
    found: dict[str, Any] = {}
    for cluster in stack.clusters.values():
        found |= World(cluster).objects
    collections: dict[str, Any] = {path.rpartition("/")[0]: {"items": []} for path in found}
    for path, body in found.items():
        body["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
        collections[path.rpartition("/")[0]]["items"].append(body)
    return found | collections


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_asks_a_fixed_number_of_times_for_each_cluster(name: str) -> None:
    (one, _), (two, _), (many, _) = (asked(LOOKS[name], count) for count in (1, 2, 20))

    assert (two - one, many - one) == (FOR_EACH_CLUSTER[name], 19 * FOR_EACH_CLUSTER[name])


@pytest.mark.parametrize("name", LOOKS)
def test_the_answers_grow_with_the_clusters_and_not_with_their_square(name: str) -> None:
    (_, few), (_, more), (_, most) = (asked(LOOKS[name], count) for count in (10, 20, 40))

    assert 0 < most - more < 1.01 * 2 * (more - few)


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_asks_no_more_often_for_many_workers(name: str) -> None:
    (few, _), (many, _) = (asked(LOOKS[name], 2, workers) for workers in (1, 100))

    assert few == many > 0
