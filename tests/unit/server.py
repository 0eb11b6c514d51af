"""A Kubernetes API server as far as HTTPS goes, on a port of this machine, and a kubeconfig that leads to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from tests.unit.https import Authority, encoded, server_context

Answer = tuple[int, dict[str, str], Any]


@dataclass
class Server:
    """Answers by `answer(method, path, headers)`; `asked` are the requests that have come, in order.

    The subject of a client's certificate is in the header `x-certificate`.
    """

    answer: Callable[[str, str, dict[str, str]], Answer]
    asked: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Server"]:
        with TemporaryDirectory() as folder:
            context = server_context(Path(folder), LEAF, clients=AUTHORITY)
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await ended(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(cast("asyncio.Task[None]", asyncio.current_task()))
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().strip().split("\r\n")
                method, path, _ = first.split(" ")
                headers: dict[str, str] = {}
                for key, value in (line.lower().split(": ", 1)[:1] + line.split(": ", 1)[1:] for line in lines):
                    headers[key] = f"{headers[key]}, {value}" if key in headers else value
                await reader.readexactly(int(headers.get("content-length", "0")))
                headers["x-certificate"] = _subject(writer)
                self.asked.append((method, path))
                status, extra, body = self.answer(method, path, headers)
                text = json.dumps(body)
                told = {"Content-Length": str(len(text)), "Content-Type": "application/json"} | extra
                lines = [f"HTTP/1.1 {status} Told", *(f"{key}: {value}" for key, value in told.items()), "", text]
                writer.write("\r\n".join(lines).encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            pass
        finally:
            writer.close()

    def kubeconfig(self, folder: Path, user: dict[str, Any], **cluster: Any) -> str:
        """The path of a kubeconfig for this server."""
        reached = {"server": f"https://127.0.0.1:{self.port}", "certificate-authority-data": CA} | cluster
        file = folder / "kubeconfig"
        file.write_text(json.dumps(config(reached, user)))
        return str(file)


def config(cluster: dict[str, Any], user: dict[str, Any]) -> dict[str, Any]:
    """A kubeconfig of one context."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": cluster}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": user}],
    }


async def ended(tasks: "set[asyncio.Task[None]]") -> None:
    """Ends the connections of a server, and waits until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _subject(writer: asyncio.StreamWriter) -> str:
    shown = writer.get_extra_info("peercert") or {}
    return ", ".join(value for part in shown.get("subject", ()) for _, value in part)


AUTHORITY = Authority()
CA = encoded(AUTHORITY.certificate)
LEAF = AUTHORITY.issue("kubernetes", "127.0.0.1", "::1", "kubernetes.internal")
CLIENT = AUTHORITY.issue("jane")


def with_key() -> dict[str, Any]:
    """A user with a certificate and its private key, as most kubeconfigs have one."""
    certificate, key = CLIENT.encoded
    return {"client-certificate-data": certificate, "client-key-data": key}


def with_plugin(folder: Path, seconds: float = 0) -> dict[str, Any]:
    """A user with an exec plugin that takes its time, and writes a line into `runs` each time. Its tokens differ."""
    plugin = folder / "plugin.sh"
    token = '"token": "\'$(wc -l < runs | tr -d " ")\'"'
    credential = '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {%s}}'
    plugin.write_text(f"#!/bin/sh\ncd {folder}\necho ran >> runs\nsleep {seconds}\necho '{credential % token}'\n")
    plugin.chmod(0o755)
    return {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
    }


def runs(folder: Path) -> int:
    """How often the plugin ran."""
    return len((folder / "runs").read_text().splitlines())
