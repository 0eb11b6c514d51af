"""Local ports that lead to the pod behind a Service, through the Kubernetes API.

`kubectl port-forward` stays with the pod that it has found first. Here every connection asks anew which pod the Service
selects: connections that exist stay with a replaced cluster until it is drained, and new ones reach the new cluster, as
they do at the endpoint itself (docs/connecting.md).
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from components.kube import client as kube
from components.kube import pods as health
from components.kube.client import Object
from tools.failure import ToolError

LOCALHOST = "127.0.0.1"
_BLOCK = 64 * 1024
_DATA, _ERROR = 0, 1


@dataclass(frozen=True)
class Goal:
    """A port of a Service."""

    namespace: str
    service: str
    port: str
    """The port's name."""

    def __str__(self) -> str:
        return f"service/{self.service} in namespace {self.namespace}"


class Forwards:
    """Forwards of one Kubernetes cluster, until `close`."""

    def __init__(self, client: Any, say: Callable[[str], None]) -> None:
        """`say` gets a line whenever connections lead to another pod, or to none."""
        self._client, self._say = client, say
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.Task[None]] = set()
        self._pods: dict[Goal, str] = {}

    async def open(self, goal: Goal, wanted: int) -> int:
        """Listens on this machine; the port that it got: `wanted`, or another one where that is taken."""
        serve = partial(self._serve, goal)
        try:
            server = await asyncio.start_server(serve, LOCALHOST, wanted)
        except OSError:
            server = await asyncio.start_server(serve, LOCALHOST, 0)
        self._servers.append(server)
        return server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Ends all forwards and the connections through them."""
        for server in self._servers:
            server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, goal: Goal, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._open.add(task)
        try:
            await self._lead(goal, reader, writer)
        except Exception as error:  # whatever ends one connection leaves the forward open for the next
            self._say(f"a connection to {goal} ended: {_reason(error)}")
        finally:
            self._open.discard(task)
            writer.close()

    async def _lead(self, goal: Goal, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pod, port = await target(self._client, goal)
        if self._pods.get(goal) not in (None, pod):
            self._say(f"{goal}: new connections lead to the pod {pod}")
        self._pods[goal] = pod
        url = f"api/v1/namespaces/{goal.namespace}/pods/{pod}/portforward"
        # Under load an answer may take longer than the limit, and Dask has heartbeats of its own.
        patient = {"keepalive_ping_interval_seconds": None}
        async with self._client.websocket(url, params={"ports": str(port)}, **patient) as channel:
            await _copy(channel, reader, writer)


async def target(client: Any, goal: Goal) -> tuple[str, int]:
    """The newest ready pod that the Service selects, and the number of the port there. Raises `ToolError`."""
    service = await kube.find(client, f"api/v1/namespaces/{goal.namespace}/services/{goal.service}")
    if service is None:
        raise ToolError(f"{goal} is missing; `pulumi up` creates it")
    wanted = next((it["targetPort"] for it in service["spec"]["ports"] if it["name"] == goal.port), None)
    if wanted is None:
        raise ToolError(f"{goal} has no port {goal.port}")
    pods = await kube.items(client, f"api/v1/namespaces/{goal.namespace}/pods", service["spec"].get("selector"))
    usable = [pod for pod in pods if health.ready(pod) and "deletionTimestamp" not in pod["metadata"]]
    if not usable:
        raise ToolError(f"no ready pod is behind {goal}")
    newest = max(usable, key=lambda pod: pod["metadata"]["creationTimestamp"])
    return newest["metadata"]["name"], _number(newest, wanted)


def _number(pod: Object, port: int | str) -> int:
    if isinstance(port, int):
        return port
    ports = [it for container in pod["spec"]["containers"] for it in container.get("ports", [])]
    found = next((it["containerPort"] for it in ports if it.get("name") == port), None)
    if found is None:
        raise ToolError(f"the pod {pod['metadata']['name']} has no port {port}")
    return found


async def _copy(channel: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copies in both directions until one side ends."""
    import httpx_ws

    both = {asyncio.create_task(_out(channel, reader)), asyncio.create_task(_back(channel, writer))}
    try:
        done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
    for task in done:
        with suppress(httpx_ws.WebSocketDisconnect, ConnectionError):
            task.result()


async def _out(channel: Any, reader: asyncio.StreamReader) -> None:
    while data := await reader.read(_BLOCK):
        await channel.send_bytes(bytes([_DATA]) + data)


async def _back(channel: Any, writer: asyncio.StreamWriter) -> None:
    """A message begins with the number of its stream. The first one of each stream only names the port.

    See kubelet's websocket.go.
    """
    begun: set[int] = set()
    while True:
        message = await channel.receive_bytes()
        stream, data = message[0], message[1:]
        if stream not in begun:
            begun.add(stream)
        elif stream == _ERROR:
            raise ToolError(data.decode(errors="replace").strip())
        else:
            writer.write(data)
            await writer.drain()


def _reason(error: BaseException) -> str:
    """What went wrong, in one line; the libraries wrap it in groups."""
    if isinstance(error, BaseExceptionGroup):
        return _reason(error.exceptions[0])
    response = getattr(error, "response", None)
    if response is not None and response.status_code == 403:
        return "forbidden; the user needs `get` and `create` on pods/portforward in the namespace"
    if response is not None:
        return f"the Kubernetes API answers {response.status_code}"
    return str(error) or type(error).__name__
