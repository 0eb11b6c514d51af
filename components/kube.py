"""Talking to the Kubernetes API from the program, outside of any resource: lists, reads and server-side applies.

kr8s is imported on first use, because most commands change nothing and need none of it. Everything is async: hooks
run in the event loop that also answers the engine.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from components.errors import ClusterError

if TYPE_CHECKING:
    import httpx
    from kr8s.asyncio import Api

Object = dict[str, Any]
T = TypeVar("T")
FIELD_MANAGER = "dask-on-kubernetes"
CONNECT_SECONDS = 20
REQUEST_SECONDS = 30
# For how long a read is tried again when the API server is away: it is restarted, or the network comes back.
AWAY_SECONDS = 120
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Connection:
    """Which Kubernetes cluster: the same choice as the provider's. Both None: the ambient kubeconfig."""

    context: str | None = None
    kubeconfig: str | None = field(default=None, repr=False)

    @property
    def holds_contents(self) -> bool:
        """Whether `kubeconfig` is what stands in the file, and so a secret, rather than its path."""
        return "\n" in (self.kubeconfig or "") or (self.kubeconfig or "").lstrip().startswith("{")


async def api(connection: Connection) -> Api:
    """A client of the cluster. Raises `ClusterError` that names the server when it does not answer."""
    import kr8s.asyncio

    try:
        # Asks for the server's version, every time.
        return await asyncio.wait_for(
            kr8s.asyncio.api(kubeconfig=_source(connection), context=connection.context), CONNECT_SECONDS
        )
    except Exception as error:
        where = f"the context '{connection.context}'" if connection.context else "the ambient kubeconfig"
        if server := await _server(connection):
            where += f" at {server}"
        reason = str(error) or f"no answer within {CONNECT_SECONDS} s"
        raise ClusterError(
            f"cannot reach the Kubernetes API of {where}: {reason}; "
            "check `kubectl cluster-info` and `kubernetes:context`"
        ) from error


def _source(connection: Connection) -> Any:
    """`kubernetes:kubeconfig` as the provider takes it: the path of a file, or what stands in one."""
    text = connection.kubeconfig
    return yaml.safe_load(text) if text and connection.holds_contents else text


async def _server(connection: Connection) -> str | None:
    """The address that the kubeconfig gives; None where it gives none."""
    from kr8s.asyncio import Api

    try:
        client = Api(kubeconfig=_source(connection), context=connection.context, bypass_factory=True)
        await client.auth
        return client.auth.server
    except Exception:  # whatever is wrong with the kubeconfig, the caller is about to say it
        return None


@asynccontextmanager
async def call(client: Api, method: str, url: str, **arguments: Any) -> AsyncIterator[httpx.Response]:
    """One request against the API server's root, `url` without a leading slash. Raises kr8s.ServerError."""
    root, _, rest = url.partition("/")
    arguments = {"timeout": REQUEST_SECONDS} | arguments
    async with client.call_api(method, version="", base=f"/{root}", url=rest, **arguments) as response:
        yield response


async def get(client: Api, url: str, **params: str) -> Object:
    """The JSON behind `url`. Raises kr8s.ServerError, also for 404; `ClusterError` when the server stays away."""
    import httpx
    import kr8s

    away_since: float | None = None
    while True:
        try:
            return await _json(client, "GET", url, params=params)
        except (httpx.TransportError, kr8s.APITimeoutError) as error:
            now = time.monotonic()
            away_since = away_since or now
            if now - away_since > AWAY_SECONDS:
                raise ClusterError(f"the Kubernetes API has not answered for {AWAY_SECONDS} s: {error!r}") from error
        await asyncio.sleep(POLL_SECONDS)


async def find(client: Api, url: str) -> Object | None:
    """The object behind `url`, None where there is none or its kind is unknown."""
    return await _unless(404, get(client, url))


async def items(client: Api, url: str, selector: dict[str, str] | None = None) -> list[Object]:
    """The objects of a collection, narrowed by labels; none where the kind or the namespace is unknown."""
    labels = ",".join(f"{key}={value}" for key, value in (selector or {}).items())
    found = await _unless(404, get(client, url, **({"labelSelector": labels} if labels else {})))
    return found["items"] if found else []


async def delete(client: Api, url: str) -> None:
    """Deletes one object; nothing where it is gone."""
    await _unless(404, _json(client, "DELETE", url))


def url(body: Object) -> str:
    """The path of an object that is as its kind, namespace and name say."""
    api, kind, meta = body["apiVersion"], body["kind"].lower(), body["metadata"]
    root = f"apis/{api}" if "/" in api else f"api/{api}"
    home = f"/namespaces/{meta['namespace']}" if meta.get("namespace") else ""
    # The rule of apimachinery's UnsafeGuessKindToResource, as far as our kinds need it.
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
    return f"{root}{home}/{plural}/{meta['name']}"


async def apply(client: Api, url: str, body: Object) -> Object:
    """A server-side apply under our field manager."""
    params = {"fieldManager": FIELD_MANAGER, "force": "true"}
    headers = {"Content-Type": "application/apply-patch+yaml"}
    return await _json(client, "PATCH", url, params=params, content=json.dumps(body), headers=headers)


async def patch(client: Api, url: str, body: Object | list[Object]) -> Object | None:
    """A merge patch of what a mapping holds, lists as a whole; or a JSON patch's operations. None where it is gone."""
    kind = "json-patch" if isinstance(body, list) else "merge-patch"
    params, headers = {"fieldManager": FIELD_MANAGER}, {"Content-Type": f"application/{kind}+json"}
    return await _unless(404, _json(client, "PATCH", url, params=params, content=json.dumps(body), headers=headers))


async def _json(client: Api, method: str, url: str, **arguments: Any) -> Object:
    async with call(client, method, url, **arguments) as response:
        return response.json()


async def unless_forbidden(answer: Awaitable[T]) -> T | None:
    """The answer; None where it is refused for want of rights."""
    return await _unless(403, answer)


async def _unless(code: int, answer: Awaitable[T]) -> T | None:
    """The answer; None for this HTTP status."""
    import kr8s

    try:
        return await answer
    except (kr8s.ServerError, kr8s.NotFoundError) as error:
        if _status(error) == code:
            return None
        raise


def forbidden(error: Exception) -> bool:
    """Whether the API server has refused for want of rights."""
    return _status(error) == 403


def _status(error: Exception) -> int | None:
    response = getattr(error, "response", None)
    return None if response is None else response.status_code
