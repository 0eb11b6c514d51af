"""The events of a namespace that report trouble, read by one watch for everybody who waits there.

Many reasons show up in no object: a volume that cannot be mounted, a Deployment that the operator is refused.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from ..kube import client as kube
from ..kube import wait
from ..kube.errors import ClusterError
from ..kube.follow import PAUSE_SECONDS, follow
from ..kube.paths import path

# kopf, on which the operator is built, has types of its own: Error and Fatal.
TROUBLE = "type!=Normal"


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
        """Reads on whatever happens; without the permission it reads nothing."""
        url, params = path("Event", self.namespace), {"fieldSelector": TROUBLE}
        while True:
            try:
                await follow(self.client, url, params, self._take_all, self._change)
            except ClusterError:
                pass  # `follow` has waited for the API server; it waits again
            except kube.ServerError as error:
                if kube.forbidden(error):
                    return
                await wait.sleep(PAUSE_SECONDS)

    def _take_all(self, found: Sequence[kube.Object]) -> None:
        for event in found:
            self._take(event)

    def _change(self, kind: str, event: kube.Object) -> None:
        if kind != "DELETED":
            self._take(event)

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
