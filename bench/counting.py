"""A proxy before the API server that counts requests and bytes by client.

    .venv/bin/python -m bench.counting KUBECONFIG COUNTED

It writes the kubeconfig COUNTED, which leads to the proxy by plain HTTP on the loopback device, prints the address of
its counts, and serves until it is ended. The proxy has the credentials of KUBECONFIG. It is a process of its own, so
that its processor time is nobody's.
"""

import asyncio
import base64
import json
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web
from yarl import URL

COUNTS = "/counted"
START_SECONDS = 60
# What is about one connection, and ends at the proxy.
_OF_A_HOP = {"connection", "transfer-encoding", "keep-alive", "host", "authorization"}

Counts = dict[str, dict[str, int]]
"""`requests` and `bytes`, each by client: the first word of its User-Agent."""


class Proxy:
    """Forwards to one API server. `bytes` are those of bodies, both ways, compressed as they are sent."""

    def __init__(self, session: aiohttp.ClientSession, server: str) -> None:
        self._session, self._server = session, server
        self.requests: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()

    async def serve(self, port: int = 0) -> tuple[web.AppRunner, int]:
        """Starts on a free port of the loopback device, which is returned."""
        app = web.Application(client_max_size=2**30)
        app.router.add_get(COUNTS, self._tell)
        app.router.add_route("*", "/{path:.*}", self._forward)
        # Without it, a watch that its client has ended lasts until something changes.
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        return runner, runner.addresses[0][1]

    async def _tell(self, _: web.Request) -> web.Response:
        return web.json_response({"requests": self.requests, "bytes": self.bytes})

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        client = request.headers.get("User-Agent", "unknown").split("/")[0].split(" ")[0]
        body = await request.read()
        self.requests[client] += 1
        self.bytes[client] += len(body)
        async with self._session.request(
            request.method,
            URL(self._server + request.raw_path, encoded=True),
            headers=[(key, value) for key, value in request.headers.items() if key.lower() not in _OF_A_HOP],
            data=body or None,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            allow_redirects=False,
        ) as upstream:
            headers = [(key, value) for key, value in upstream.headers.items() if key.lower() not in _OF_A_HOP]
            answer = web.StreamResponse(status=upstream.status, headers=dict(headers))
            await answer.prepare(request)
            with suppress(ConnectionResetError):  # the client has ended its watch
                async for part in upstream.content.iter_any():
                    await answer.write(part)
                    self.bytes[client] += len(part)
                await answer.write_eof()
        return answer


def counted(kubeconfig: dict[str, Any], port: int) -> dict[str, Any]:
    """The same context, whose cluster is the proxy; the proxy has the credentials."""
    name = kubeconfig["current-context"]
    cluster = {"server": f"http://127.0.0.1:{port}"}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {}}],
    }


def _entry(kubeconfig: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    return next(it[kind] for it in kubeconfig[f"{kind}s"] if it["name"] == name)


def _tls(cluster: dict[str, Any], user: dict[str, Any]) -> ssl.SSLContext:
    """The client certificate of a kubeconfig that carries its certificates itself, as devcluster's does."""
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as file:
        file.write(base64.b64decode(user["client-certificate-data"]) + b"\n")
        file.write(base64.b64decode(user["client-key-data"]))
        file.flush()
        context.load_cert_chain(file.name)
    return context


async def serve(source: Path, target: Path) -> None:
    """Serves until it is cancelled. Prints the address of the counts when `target` is written."""
    kubeconfig = yaml.safe_load(source.read_text())
    context = _entry(kubeconfig, "context", kubeconfig["current-context"])
    cluster = _entry(kubeconfig, "cluster", context["cluster"])
    connector = aiohttp.TCPConnector(limit=0, ssl=_tls(cluster, _entry(kubeconfig, "user", context["user"])))
    endless = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=endless, auto_decompress=False) as session:
        _, port = await Proxy(session, cluster["server"]).serve()
        target.write_text(yaml.safe_dump(counted(kubeconfig, port)))
        print(f"http://127.0.0.1:{port}{COUNTS}", flush=True)
        await asyncio.Event().wait()


@contextmanager
def counting(source: Path, target: Path) -> Iterator[str]:
    """A proxy while the block runs; yields the address of its counts."""
    command = [sys.executable, "-m", "bench.counting", str(source), str(target)]
    process = subprocess.Popen(command, cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        if not address:
            raise RuntimeError("the counting proxy has ended at once; its words are above")
        yield address
    finally:
        process.terminate()
        process.wait()


def so_far(address: str) -> Counts:
    """The counts of the proxy at this address."""
    with urllib.request.urlopen(address, timeout=START_SECONDS) as answer:
        return json.load(answer)


def since(before: Counts, after: Counts) -> Counts:
    """What was added between two looks; clients that added nothing are left out."""
    return {
        kind: {client: more for client, now in counts.items() if (more := now - before[kind].get(client, 0))}
        for kind, counts in after.items()
    }


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2])))
