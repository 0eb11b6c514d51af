"""A Kubernetes API in memory, for what `components.kube` asks: URLs to objects or to errors."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import httpx_ws
import pytest

from components.kube import client as kube

Answer = dict[str, Any] | int | httpx.Response | Callable[[], dict[str, Any] | int | httpx.Response]

Forward = dict[str, Any] | bytes | int | Exception | Callable[[], dict[str, Any] | int]


@dataclass(eq=False)
class FakeApi:
    """Answers GET from `answers` (a status code is an error), and keeps every other request.

    `forwards` are port-forwards by `<namespace>/<pod>:<port>`: what the pod answers, or the status of a refusal.
    A watch shows the lines of `changes`, one watch after another, and then stays silent; one of a collection in
    `living` shows how its answer changes from `moment` to `moment`.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    forwards: dict[str, Forward] = field(default_factory=dict)
    sent: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    changes: list[list[dict[str, Any]] | int] = field(default_factory=list)
    watches: list[dict[str, str]] = field(default_factory=list)
    living: set[str] = field(default_factory=set)
    moment: int = 0

    @asynccontextmanager
    async def send(self, method: str, path: str, **options: Any) -> AsyncIterator[httpx.Response]:
        if method != "GET":
            self.sent.append((method, path, options))
            yield httpx.Response(200, json={})
            return
        if options.get("params", {}).get("watch"):
            self.watches.append(options["params"])
            if path in self.living:
                yield httpx.Response(200, content=self._life(path))
                return
            shown = self.changes.pop(0) if self.changes else None
            request = httpx.Request(method, f"http://kubernetes/{path}")
            status = shown if isinstance(shown, int) else 200
            lines = None if isinstance(shown, int) else shown
            yield httpx.Response(status, content=_lines(lines if status == 200 else []), request=request)
            return
        answer = self.answers.get(path, 404)
        answer = answer() if callable(answer) else answer
        if isinstance(answer, int):
            answer = httpx.Response(answer, request=httpx.Request(method, f"http://kubernetes/{path}"))
        if not isinstance(answer, httpx.Response):
            answer = httpx.Response(200, json=answer)
        if answer.is_error:
            raise kube.ServerError(f"status {answer.status_code}", answer)
        yield answer

    async def _life(self, path: str) -> AsyncIterator[bytes]:
        """The differences between the collection and what it was a moment ago."""
        known, last = self._living(path), self.moment
        while True:
            await asyncio.sleep(0)
            if self.moment == last:
                continue
            now, last = self._living(path), self.moment
            changed = [
                ("MODIFIED" if it in known else "ADDED", body) for it, body in now.items() if known.get(it) != body
            ]
            changed += [("DELETED", body) for it, body in known.items() if it not in now]
            for kind, body in changed:
                meta = {"resourceVersion": str(last)} | body["metadata"]
                yield json.dumps({"type": kind, "object": body | {"metadata": meta}}).encode() + b"\n"
            known = now

    def _living(self, path: str) -> dict[str, dict[str, Any]]:
        answer = self.answers[path]
        answer = answer() if callable(answer) else answer
        return {it["metadata"]["name"]: it for it in json.loads(json.dumps(answer))["items"]}

    @asynccontextmanager
    async def websocket(self, path: str, *, params: dict[str, str], **_: Any) -> AsyncIterator[Any]:
        namespace, _kind, pod = path.removeprefix("api/v1/namespaces/").removesuffix("/portforward").split("/")
        answer = self.forwards.get(f"{namespace}/{pod}:{params['ports']}", 502)
        answer = answer() if callable(answer) else answer
        if isinstance(answer, int):
            response = httpx.Response(answer, request=httpx.Request("GET", "http://kubernetes"))
            raise ExceptionGroup("unhandled errors in a TaskGroup", [httpx_ws.WebSocketUpgradeError(response)])
        if isinstance(answer, Exception):
            raise answer
        yield Forwarded(answer)


class Forwarded:
    """The stream of a port-forward: a pair of channels, each of which begins with the port's number."""

    def __init__(self, answer: dict[str, Any] | bytes) -> None:
        if isinstance(answer, dict):
            body = json.dumps(answer).encode()
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        error = answer.startswith(b"error")
        self.request = b""
        self._messages = [b"\x00\x53\x22", b"\x01\x53\x22", b"\x01" + answer if error else b"\x00" + answer]

    async def send_bytes(self, data: bytes) -> None:
        self.request += data

    async def receive_bytes(self) -> bytes:
        assert self.request.startswith(b"\x00GET /"), self.request
        if not self._messages:
            raise httpx_ws.WebSocketDisconnect(1000)
        return self._messages.pop(0)


async def _lines(changes: list[dict[str, Any]] | None) -> AsyncIterator[bytes]:
    for change in changes or ():
        yield json.dumps(change).encode() + b"\n"
    if changes is None:
        await asyncio.Event().wait()


def connected(monkeypatch: pytest.MonkeyPatch, api: Any) -> None:
    """Makes `api` what the program reaches; an exception is what the attempt to connect raises."""

    async def connect(_: Any) -> Any:
        if isinstance(api, Exception):
            raise api
        return api

    monkeypatch.setattr("components.kube.client.api", connect)
