"""A hundred clusters in one stack file."""

import runpy
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.unit.api import FakeApi, connected
from tests.unit.registrations import Registration, registered

COUNT = 100
SECONDS = 3
# DaskCluster, PodDisruptionBudget, verify Job, endpoint Service, connection ConfigMap.
EACH = 5


class Asked(FakeApi):
    """A Kubernetes with nothing on it, which counts the requests."""

    count = 0

    @asynccontextmanager
    async def send(self, method: str, path: str, **options: Any) -> AsyncIterator[httpx.Response]:
        self.count += 1
        async with super().send(method, path, **options) as response:
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
