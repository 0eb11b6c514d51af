"""A collection that is kept up to date by a watch: what it holds, and what it does where the API server refuses."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from components.kube.client import ServerError
from components.kube.mirror import mirrored
from tests.support.clock import FakeClock
from tests.unit.api import FakeApi
from tests.unit.pods import PODS


def body(name: str, version: str = "1", **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "lab", "resourceVersion": version}} | more


def listing(*found: dict[str, Any], version: str = "7") -> dict[str, Any]:
    return {"metadata": {"resourceVersion": version}, "items": list(found)}


def change(kind: str, it: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "object": it}


def mirror(api: FakeApi, enough: Callable[[list[str]], bool]) -> list[str]:
    """The names in the mirror as soon as there are enough, or after 200 looks."""

    async def look() -> list[str]:
        async with mirrored(api, PODS, "a=b") as found:  # type: ignore[arg-type]
            names: list[str] = []
            for _ in range(200):
                names = [it["metadata"]["name"] for it in await found.items()]
                if enough(names):
                    break
                await asyncio.sleep(0)
            return names

    return asyncio.run(look())


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    return FakeClock().install(monkeypatch)


def test_it_follows_what_is_added_changed_and_deleted_with_one_list() -> None:
    lists = [listing(body("a"), body("b"))]
    api = FakeApi({PODS: lambda: lists.pop()})
    api.changes = [
        [change("ADDED", body("c", "8")), change("BOOKMARK", {"metadata": {"resourceVersion": "9"}})],
        [change("DELETED", body("a", "10")), change("MODIFIED", body("b", "11", status={}))],
    ]

    assert mirror(api, lambda names: "a" not in names and len(api.watches) == 3) == ["b", "c"]
    assert [it["resourceVersion"] for it in api.watches] == ["7", "9", "11"]
    assert {it["labelSelector"] for it in api.watches} == {"a=b"}


@pytest.mark.parametrize("refusal", [410, 403, 500, [{"type": "ERROR", "object": {"code": 410}}]])
def test_a_refused_watch_ends_in_another_list(refusal: Any) -> None:
    lists = [listing(body("a")), listing(body("b"), version="30")]
    api = FakeApi({PODS: lambda: lists.pop(0)}, changes=[refusal])

    assert mirror(api, lambda names: names == ["b"] and len(api.watches) == 2) == ["b"]
    assert [it["resourceVersion"] for it in api.watches] == ["7", "30"]


@pytest.mark.parametrize("before", [[], [listing(body("a"))]], ids=["at first", "later"])
def test_a_refused_list_is_an_error_at_the_next_look(before: list[Any]) -> None:
    answers = [*before, 403]
    api = FakeApi({PODS: lambda: answers.pop(0)}, changes=[410])

    with pytest.raises(ServerError, match="status 403"):
        mirror(api, lambda _: False)
