"""Talking to the Kubernetes API from the program, outside of any resource: lists, reads and server-side applies.

httpx is imported on first use, because most commands change nothing and need none of it. Everything is async: hooks
run in the event loop that also answers the engine.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from ..kube.errors import ClusterError, ServerError
from ..kube.http_api import Api, remove_credentials
from ..kube.kubeconfig import Connection
from ..kube.session import api
from ..kube.wait import DeadlineError, wait_until

if TYPE_CHECKING:
    import httpx

__all__ = ["Api", "Connection", "ServerError", "api", "remove_credentials"]

Object = dict[str, Any]
T = TypeVar("T")
FIELD_MANAGER = "dask-on-kubernetes"
REQUEST_SECONDS = 30
# How long a request is retried while the API server is unreachable: during its restart, or a network failure.
AWAY_SECONDS = 120
POLL_SECONDS = 1.0
# The server has not processed these requests, or may succeed soon.
_PASSING = {429, 500, 502, 503, 504}
_NOT_TAKEN = {429}
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@asynccontextmanager
async def call(client: Api, method: str, url: str, **arguments: Any) -> AsyncIterator[httpx.Response]:
    """One request against the API server's root, `url` without a leading slash. Raises `ServerError`."""
    options: dict[str, Any] = {"timeout": REQUEST_SECONDS} | arguments
    async with client.send(method, url, **options) as response:
        if response.is_error:
            await response.aread()  # what is streamed has not been read yet
            raise _refusal(response)
        yield response


def _refusal(response: httpx.Response) -> ServerError:
    """The error answer, with the API server's own message if there is one."""
    try:
        words = response.json()["message"]
    except (ValueError, KeyError, TypeError):
        words = f"{response.status_code} {response.reason_phrase}: {response.text[:200]}".strip(": ")
    return ServerError(words, response)


async def get(client: Api, url: str, *, accept: str = "application/json", **params: str) -> Object:
    """The JSON behind `url`. Raises `ServerError`, also for 404; `ClusterError` when the server stays away."""
    return await _patiently(_PASSING, client, "GET", url, params=params, headers={"Accept": accept})


async def once(client: Api, url: str, **params: str) -> Object:
    """Like `get`, without retries: for requests through a proxy, whose errors are not the API server's."""
    return await _json(client, "GET", url, params=params)


async def _patiently(passing: set[int], client: Api, method: str, url: str, **arguments: Any) -> Object:
    """The answer to a request that may be sent twice: retried while the server is unreachable, or for `passing`."""
    import httpx

    failure: Exception | None = None

    async def answer() -> list[Object]:
        nonlocal failure
        try:
            return [await _json(client, method, url, **arguments)]
        except (httpx.TransportError, ServerError) as error:
            if isinstance(error, ServerError) and status(error) not in passing:
                raise
            failure = error
            return []

    try:
        [answered] = await wait_until(answer, AWAY_SECONDS, pause=lambda: _pause(failure))
    except DeadlineError:
        raise ClusterError(f"the Kubernetes API has not answered for {AWAY_SECONDS} s: {failure!r}") from failure
    return answered


def _pause(error: Exception | None) -> float:
    """Seconds until the next try: what the server asks for in `Retry-After`, at most half a minute."""
    response = getattr(error, "response", None)
    asked = "" if response is None else response.headers.get("Retry-After", "")
    return min(float(asked), 30.0) if asked.isdecimal() else POLL_SECONDS


async def find(client: Api, url: str) -> Object | None:
    """The object at `url`; None if it is missing or its kind is unknown."""
    return await _unless(404, get(client, url))


async def items(
    client: Api,
    url: str,
    selector: Mapping[str, str | None] | None = None,
    *,
    fields: str = "",
    from_memory: bool = False,
    metadata_only: bool = False,
) -> list[Object]:
    """The objects of a collection, narrowed by labels; none where the kind or the namespace is unknown.

    None as a label's value: whatever it is. `fields` is a field selector. `from_memory`: as the API server remembers
    them, perhaps a moment old, which costs it less than asking etcd. `metadata_only`: each has nothing but `metadata`.
    """
    labels = ",".join(key if value is None else f"{key}={value}" for key, value in (selector or {}).items())
    params = ({"labelSelector": labels} if labels else {}) | ({"fieldSelector": fields} if fields else {})
    params |= {"resourceVersion": "0"} if from_memory else {}
    accept = _METADATA if metadata_only else "application/json"
    found = await _unless(404, get(client, url, accept=accept, **params))
    return found["items"] if found else []


async def delete(client: Api, url: str) -> None:
    """Deletes one object; nothing where it is missing."""
    await _unless(404, _patiently(_NOT_TAKEN, client, "DELETE", url))


async def delete_with_children(client: Api, url: str, uid: str) -> None:
    """Deletes the object `uid` after what it owns; does nothing if it is missing, or if another object has its name."""
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground"}
    content = json.dumps(options | {"preconditions": {"uid": uid}})
    await _unless(409, _unless(404, _patiently(_NOT_TAKEN, client, "DELETE", url, content=content)))


async def apply(client: Api, url: str, body: Object, *, manager: str = FIELD_MANAGER, dry_run: bool = False) -> Object:
    """A server-side apply. Fields that `manager` has applied before and that `body` lacks are removed.

    With `dry_run` the answer is what the API server would store, and nothing changes.
    """
    params = {"fieldManager": manager, "force": "true"} | ({"dryRun": "All"} if dry_run else {})
    headers = {"Content-Type": "application/apply-patch+yaml"}
    return await _patiently(_NOT_TAKEN, client, "PATCH", url, params=params, content=json.dumps(body), headers=headers)


async def patch(client: Api, url: str, body: Object | list[Object], *, dry_run: bool = False) -> Object | None:
    """A merge patch of what a mapping holds, lists as a whole; or a JSON patch's operations. None where it is missing.

    With `dry_run` the answer is what the API server would store, after all admission, and nothing changes.
    """
    kind = "json-patch" if isinstance(body, list) else "merge-patch"
    params = {"fieldManager": FIELD_MANAGER} | ({"dryRun": "All"} if dry_run else {})
    headers = {"Content-Type": f"application/{kind}+json"}
    sent = _patiently(_NOT_TAKEN, client, "PATCH", url, params=params, content=json.dumps(body), headers=headers)
    return await _unless(404, sent)


async def create(client: Api, url: str, body: Object, *, dry_run: bool) -> Object:
    """Creates an object in the collection `url`; with `dry_run` the answer is what the API server would store."""
    params = {"fieldManager": FIELD_MANAGER} | ({"dryRun": "All"} if dry_run else {})
    return await _patiently(_NOT_TAKEN, client, "POST", url, params=params, content=json.dumps(body))


async def _json(client: Api, method: str, url: str, **arguments: Any) -> Object:
    async with call(client, method, url, **arguments) as response:
        return response.json()


async def unless_forbidden(answer: Awaitable[T]) -> T | None:
    """The answer; None on 403 Forbidden."""
    return await _unless(403, answer)


async def _unless(code: int, answer: Awaitable[T]) -> T | None:
    """The answer; None for this HTTP status."""
    try:
        return await answer
    except ServerError as error:
        if status(error) == code:
            return None
        raise


def forbidden(error: Exception) -> bool:
    """Whether the API server has answered 403 Forbidden."""
    return status(error) == 403


def status(error: Exception) -> int | None:
    """The HTTP status of an error answer; None where there was no answer."""
    response = getattr(error, "response", None)
    return None if response is None else response.status_code
