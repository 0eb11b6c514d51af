"""A Kubernetes API in memory, for what `components.kube.client` asks: URLs to objects or to errors."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import kr8s
import pytest

Answer = dict[str, Any] | int | httpx.Response | Callable[[], dict[str, Any] | int]


@dataclass(eq=False)
class FakeApi:
    """Answers GET from `answers` (a status code is an error), and keeps every other request.

    A watch shows the lines of `changes`, one watch after another, and then stays silent.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    sent: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    changes: list[list[dict[str, Any]] | int] = field(default_factory=list)
    watches: list[dict[str, str]] = field(default_factory=list)

    @asynccontextmanager
    async def call_api(self, method: str, *, base: str, url: str, **options: Any) -> AsyncIterator[httpx.Response]:
        path = f"{base}/{url}".lstrip("/")
        options.pop("version", None)
        if method != "GET":
            self.sent.append((method, path, options))
            yield httpx.Response(200, json={})
            return
        if options.get("params", {}).get("watch"):
            self.watches.append(options["params"])
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
        if isinstance(answer, httpx.Response):
            status = str(answer.status_code)
            raise kr8s.ServerError(f"status {status}", status=status, response=answer)
        yield httpx.Response(200, json=answer)


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
