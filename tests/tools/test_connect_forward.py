"""Forwards through the Kubernetes API: which pod a connection reaches, and what ends it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx_ws
import pytest

from tests.unit.api import FakeApi
from tools.connect.forward import LOCALHOST, Forwards, Goal, target
from tools.failure import ToolError

GOAL = Goal("analytics", "lab", "dask-tcp-comm")
SERVICE, PODS = "api/v1/namespaces/analytics/services/lab", "api/v1/namespaces/analytics/pods"


def service(port: int | str = "tcp-comm") -> dict[str, Any]:
    return {"spec": {"selector": {"a": "b"}, "ports": [{"name": "dask-tcp-comm", "targetPort": port}]}}


def pod(name: str, created: int = 1, *, ready: bool = True, **meta: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "creationTimestamp": f"2026-11-2{created}T00:00:00Z"} | meta,
        "spec": {"containers": [{"ports": [{"name": "tcp-comm", "containerPort": 9786}]}]},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


class Channel:
    """The websocket of one connection: it sends back what it gets, after the name of the pod."""

    def __init__(self, pod: str) -> None:
        self.messages: asyncio.Queue[bytes] = asyncio.Queue()
        for first in (b"\x00\x12\x22", b"\x01\x12\x22"):  # as kubelet begins both streams
            self.messages.put_nowait(first)
        self.pod = pod

    async def send_bytes(self, data: bytes) -> None:
        assert data[0] == 0
        if data[1:] == b"end":
            raise httpx_ws.WebSocketDisconnect(1000)
        self.messages.put_nowait(b"\x01no route" if data[1:] == b"fail" else b"\x00" + self.pod.encode() + data[1:])

    async def receive_bytes(self) -> bytes:
        return await self.messages.get()


class Kubernetes(FakeApi):
    """One whose port-forwards lead to `Channel`s."""

    def select(self, *pods: dict[str, Any]) -> None:
        self.answers |= {SERVICE: service(), PODS: {"items": list(pods)}}

    @asynccontextmanager
    async def websocket(self, path: str, *, params: Any, **_: Any) -> AsyncIterator[Channel]:
        assert params == {"ports": "9786"}
        yield Channel(path.removeprefix(f"{PODS}/").removesuffix("/portforward"))


async def said(port: int, words: bytes, link: Any = None) -> tuple[bytes, Any]:
    """The answer, nothing where the connection has ended, and the connection."""
    reader, writer = link or await asyncio.open_connection(LOCALHOST, port)
    writer.write(words)
    try:
        return await asyncio.wait_for(reader.read(100), 5), (reader, writer)
    except ConnectionResetError:
        return b"", (reader, writer)


def with_forward(work: Callable[[Kubernetes, int, list[str]], Any]) -> Any:
    async def run() -> Any:
        kubernetes, lines = Kubernetes(), []
        kubernetes.select(pod("old"))
        forwards = Forwards(kubernetes, lines.append)
        try:
            return await work(kubernetes, await forwards.open(GOAL, 0), lines)
        finally:
            await forwards.close()

    return asyncio.run(run())


def test_a_connection_stays_with_its_pod_and_the_next_one_follows_the_service() -> None:
    async def work(kubernetes: Kubernetes, port: int, lines: list[str]) -> None:
        answer, link = await said(port, b"-1")
        kubernetes.select(pod("new"))

        again, link = await said(port, b"-2", link)
        other, (_, writer) = await said(port, b"-3")

        assert (answer, again, other) == (b"old-1", b"old-2", b"new-3")
        assert lines == [f"{GOAL}: new connections lead to the pod new"]
        writer.close()
        link[1].close()

    with_forward(work)


@pytest.mark.parametrize("ending", [b"end", b"fail"])
def test_a_connection_that_ends_leaves_the_forward_open(ending: bytes) -> None:
    async def work(_: Kubernetes, port: int, lines: list[str]) -> None:
        nothing, (_, writer) = await said(port, ending)
        answer, (_, other) = await said(port, b"!")

        assert (nothing, answer) == (b"", b"old!")
        assert lines == ([f"a connection to {GOAL} ended: no route"] if ending == b"fail" else [])
        writer.close()
        other.close()

    with_forward(work)


def test_a_connection_without_a_pod_is_said_and_the_next_one_finds_it() -> None:
    async def work(kubernetes: Kubernetes, port: int, lines: list[str]) -> None:
        kubernetes.select(pod("old", ready=False))
        nothing, (_, writer) = await said(port, b"?")
        kubernetes.select(pod("old"))
        answer, (_, other) = await said(port, b"!")

        assert (nothing, answer) == (b"", b"old!")
        assert lines == [f"a connection to {GOAL} ended: no ready pod is behind {GOAL}"]
        writer.close()
        other.close()

    with_forward(work)


def test_a_port_that_is_taken_gives_another() -> None:
    async def work(kubernetes: Kubernetes, port: int, lines: list[str]) -> None:
        second = Forwards(kubernetes, lines.append)
        other = await second.open(GOAL, port)
        answer, (_, writer) = await said(other, b"!")

        assert other != port
        assert answer == b"old!"
        writer.close()
        await second.close()

    with_forward(work)


@pytest.mark.parametrize(
    ("pods", "name"),
    [
        ([pod("a", 1), pod("b", 3), pod("c", 2)], "b"),
        ([pod("a", 1), pod("b", 3, ready=False)], "a"),
        ([pod("a", 1), pod("b", 3, deletionTimestamp="2026-11-25T00:00:00Z")], "a"),
    ],
)
def test_the_newest_ready_pod_is_the_target(pods: list[dict[str, Any]], name: str) -> None:
    api = FakeApi({SERVICE: service(), PODS: {"items": pods}})

    assert asyncio.run(target(api, GOAL)) == (name, 9786)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({}, "service/lab in namespace analytics is missing; `pulumi up` creates it"),
        ({SERVICE: {"spec": {"ports": []}}}, "has no port dask-tcp-comm"),
        ({SERVICE: service("other"), PODS: {"items": [pod("a")]}}, "the pod a has no port other"),
    ],
)
def test_what_leads_nowhere_is_said(answers: dict[str, Any], message: str) -> None:
    with pytest.raises(ToolError, match=message):
        asyncio.run(target(FakeApi(answers), GOAL))


def test_a_number_needs_no_name() -> None:
    api = FakeApi({SERVICE: service(1234), PODS: {"items": [pod("a")]}})

    assert asyncio.run(target(api, GOAL)) == ("a", 1234)
