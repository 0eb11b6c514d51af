"""A Kubernetes API server as far as HTTP goes, on a port of this machine, and a kubeconfig that leads to it."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.manifests import certificates

Answer = tuple[int, dict[str, str], Any]


@dataclass
class Server:
    """Answers by `answer(method, path, headers)`; `asked` are the requests that have come, in order."""

    answer: Callable[[str, str, dict[str, str]], Answer]
    asked: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Server"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().strip().split("\r\n")
                method, path, _ = first.split(" ")
                headers = {key.lower(): value for key, value in (line.split(": ", 1) for line in lines)}
                await reader.readexactly(int(headers.get("content-length", "0")))
                self.asked.append((method, path))
                status, extra, body = self.answer(method, path, headers)
                text = json.dumps(body)
                told = {"Content-Length": str(len(text)), "Content-Type": "application/json"} | extra
                lines = [f"HTTP/1.1 {status} Told", *(f"{key}: {value}" for key, value in told.items()), "", text]
                writer.write("\r\n".join(lines).encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def kubeconfig(self, folder: Path, user: dict[str, Any]) -> str:
        """The path of a kubeconfig for this server. Its CA is of no use over plain HTTP, and is written out all the
        same."""
        ca = base64.b64encode(MATERIAL["ca.crt"].encode()).decode()
        cluster = {"server": f"http://127.0.0.1:{self.port}", "certificate-authority-data": ca}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": cluster}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": user}],
        }
        file = folder / "kubeconfig"
        file.write_text(json.dumps(config))
        return str(file)


MATERIAL = certificates.make("x", 10)


def with_key() -> dict[str, Any]:
    """A user with a certificate and its private key, as most kubeconfigs have one."""
    encoded = {end: base64.b64encode(MATERIAL[f"client.{end}"].encode()).decode() for end in ("crt", "key")}
    return {"client-certificate-data": encoded["crt"], "client-key-data": encoded["key"]}


def with_plugin(folder: Path, seconds: float = 0) -> dict[str, Any]:
    """A user with an exec plugin that takes its time, and writes a line into `runs` each time. Its tokens differ."""
    plugin = folder / "plugin.sh"
    token = '"token": "\'$(wc -l < runs | tr -d " ")\'"'
    credential = '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {%s}}'
    plugin.write_text(f"#!/bin/sh\ncd {folder}\necho ran >> runs\nsleep {seconds}\necho '{credential % token}'\n")
    plugin.chmod(0o755)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}}


def runs(folder: Path) -> int:
    """How often the plugin ran."""
    return len((folder / "runs").read_text().splitlines())
