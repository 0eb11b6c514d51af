"""Asks a pod over HTTP through its kubelet, by a port-forward of one request.

The API server need not reach the pod's network for it, only the node: that also works where a firewall lets the control
plane through to the kubelets alone (private GKE, EKS with strict security groups), and with any network policy.
"""

from __future__ import annotations

import asyncio
import io
import json
from http.client import HTTPException, HTTPResponse
from typing import Any

from ..kube.http_api import Api
from ..kube.paths import path

SECONDS = 15
# The API server sends pairs of channels: the even one has the data of a port, and the odd one its errors.
_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1


class ForwardError(Exception):
    """The request has not reached the pod, or its answer cannot be read. `status` is the API server's, or None."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


async def get_json(client: Api, namespace: str, pod: str, port: int, page: str) -> Any:
    """The JSON that the pod answers on its `port`. Raises `ForwardError`."""
    request = f"GET {page} HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        raw = await asyncio.wait_for(_exchange(client, namespace, pod, port, request.encode()), SECONDS)
    except TimeoutError as error:
        raise ForwardError(f"no answer within {SECONDS} s") from error
    return _json(raw)


async def _exchange(client: Api, namespace: str, pod: str, port: int, request: bytes) -> bytes:
    """What the pod sends until it closes the connection."""
    import httpx
    import httpx_ws

    url = f"{path('Pod', namespace, pod)}/portforward"
    answer, failure, seen = b"", "", set[int]()
    try:
        async with client.websocket(url, params={"ports": str(port)}, subprotocols=[_PROTOCOL]) as websocket:
            await websocket.send_bytes(bytes([_DATA]) + request)
            while not _complete(answer) and not failure:
                message = await websocket.receive_bytes()
                channel, content = message[0], message[1:]
                # The first message of each channel is the number of the port.
                if channel in seen:
                    answer += content if channel == _DATA else b""
                    failure = content.decode(errors="replace").strip() if channel == _ERROR else ""
                seen.add(channel)
    except* httpx_ws.WebSocketDisconnect:
        pass  # the end of the answer
    except* (httpx_ws.HTTPXWSException, httpx.TransportError) as group:
        raise _refusal(group) from group
    if failure:
        raise ForwardError(failure)
    return answer


def _refusal(group: BaseExceptionGroup[Any]) -> ForwardError:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    response = getattr(first, "response", None)
    if response is None:
        return ForwardError(str(first) or repr(first))
    return ForwardError(f"{response.status_code} {response.reason_phrase}", response.status_code)


class _Received:
    """What has been received, as `HTTPResponse` reads it from a socket."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, *_: Any) -> io.BytesIO:
        return io.BytesIO(self._raw)


def _complete(raw: bytes) -> bool:
    """Whether the answer has the length that it announces: not every kubelet passes the end of a connection on."""
    head, separator, body = raw.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(separator and lengths) and len(body) >= int(lengths[0])


def _json(raw: bytes) -> Any:
    try:
        response = HTTPResponse(_Received(raw))  # type: ignore[arg-type]
        response.begin()
        text = response.read()
    except HTTPException as error:
        raise ForwardError(f"no HTTP answer: {error!r}") from error
    if response.status != 200:
        raise ForwardError(f"{response.status} {response.reason}")
    return json.loads(text)
