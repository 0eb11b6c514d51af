"""The events of a namespace that report trouble, read by one watch for everybody who waits there.

Many reasons show up in no object: a volume that cannot be mounted, a Deployment that the operator is refused.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from ..kube import client as kube
from ..kube import wait
from ..kube.errors import ClusterError
from ..kube.paths import path

# kopf, on which the operator is built, has types of its own: Error and Fatal.
TROUBLE = "type!=Normal"
# The API server ends a watch after this long, and a client that hears nothing for longer asks again.
WATCH_SECONDS, SILENCE_SECONDS = 240, 300
PAUSE_SECONDS = 1.0
_GONE = 410


@dataclass(frozen=True)
class Event:
    """The last report of one kind about one object."""

    kind: str
    name: str
    reason: str
    message: str
    last: str
    """When it was last reported, in ISO 8601; empty if that is unknown."""


@dataclass
class Events:
    """The reports about the objects of a namespace so far."""

    client: kube.Api
    namespace: str
    _last: dict[tuple[str, str, str], Event] = field(default_factory=dict)
    _users: int = 0
    _task: "asyncio.Task[None] | None" = None

    def __iter__(self) -> Any:
        return iter(list(self._last.values()))

    async def _follow(self) -> None:
        """Lists, then watches from there. Begins anew where the API server no longer knows the place."""
        import httpx

        version = ""
        while True:
            try:
                version = version or await self._list()
                async for change in self._watch(version):
                    if change["type"] == "ERROR":
                        version = ""
                        break
                    version = change["object"]["metadata"]["resourceVersion"]
                    if change["type"] in ("ADDED", "MODIFIED"):
                        self._take(change["object"])
            except (httpx.TransportError, ClusterError, ValueError):
                pass  # the connection has ended, in the middle of a line perhaps
            except kube.ServerError as error:
                if kube.forbidden(error):
                    return
                version = "" if kube.status(error) == _GONE else version
            await wait.sleep(PAUSE_SECONDS)

    async def _list(self) -> str:
        found = await kube.get(self.client, path("Event", self.namespace), fieldSelector=TROUBLE, resourceVersion="0")
        for event in found["items"]:
            self._take(event)
        return found.get("metadata", {}).get("resourceVersion", "")

    async def _watch(self, version: str) -> AsyncIterator[kube.Object]:
        import httpx

        params = {"watch": "1", "fieldSelector": TROUBLE, "allowWatchBookmarks": "true", "resourceVersion": version}
        params["timeoutSeconds"] = str(WATCH_SECONDS)
        patience = httpx.Timeout(kube.REQUEST_SECONDS, read=SILENCE_SECONDS)
        async with kube.call(
            self.client, "GET", path("Event", self.namespace), params=params, stream=True, timeout=patience
        ) as answer:
            async for line in answer.aiter_lines():
                if line:
                    yield json.loads(line)

    def _take(self, event: kube.Object) -> None:
        about = event.get("involvedObject", {})
        kind, name, reason = about.get("kind", ""), about.get("name", ""), event.get("reason", "")
        series = (event.get("series") or {}).get("lastObservedTime")
        last = series or event.get("lastTimestamp") or event.get("eventTime") or ""
        found = Event(kind, name, reason, event.get("message") or "", last)
        known = self._last.get((kind, name, reason))
        if known is None or known.last <= last:
            self._last[kind, name, reason] = found


_watched: "WeakKeyDictionary[kube.Api, dict[str, Events]]" = WeakKeyDictionary()


@asynccontextmanager
async def watched(client: kube.Api, namespace: str) -> AsyncIterator[Events]:
    """The namespace's events, as they come. All who watch at the same time share one connection."""
    here = _watched.setdefault(client, {})
    events = here.setdefault(namespace, Events(client, namespace))
    events._users += 1
    if events._task is None:
        events._task = asyncio.create_task(events._follow())
    try:
        yield events
    finally:
        events._users -= 1
        if not events._users:
            events._task.cancel()
            here.pop(namespace, None)
