"""A copy of a collection that is kept up to date by a watch, for waits that look at it again and again.

A list of a thousand pods has some 8 MB; what changes between two looks has a few KB.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from ..kube import client as kube
from ..kube.follow import follow


class Mirror:
    """The objects of a collection, by namespace and name."""

    def __init__(self, client: kube.Api, url: str, labels: str) -> None:
        """Begins to follow the collection at `url`, narrowed by a label selector."""
        self._objects: dict[tuple[str, str], kube.Object] = {}
        self._listed = asyncio.Event()
        # It ends only with an error.
        self._task = asyncio.create_task(follow(client, url, {"labelSelector": labels}, self._list, self._change))

    async def items(self) -> list[kube.Object]:
        """The objects as of now; waits for the first list. Raises what the API server has answered, if it refuses."""
        if not self._listed.is_set():
            first = asyncio.create_task(self._listed.wait())
            await asyncio.wait([first, self._task], return_when=asyncio.FIRST_COMPLETED)
            first.cancel()
        if self._task.done():
            self._task.result()
        return list(self._objects.values())

    def stop(self) -> None:
        """Follows no longer."""
        self._task.cancel()

    def _list(self, found: Sequence[kube.Object]) -> None:
        self._objects = {_key(it): it for it in found}
        self._listed.set()

    def _change(self, kind: str, it: kube.Object) -> None:
        if kind == "DELETED":
            self._objects.pop(_key(it), None)
        else:
            self._objects[_key(it)] = it


@asynccontextmanager
async def mirrored(client: kube.Api, url: str, labels: str) -> AsyncIterator[Mirror]:
    """The collection at `url`, narrowed by a label selector, for as long as the caller is in the block."""
    mirror = Mirror(client, url, labels)
    try:
        yield mirror
    finally:
        mirror.stop()


def _key(it: kube.Object) -> tuple[str, str]:
    return it["metadata"].get("namespace", ""), it["metadata"]["name"]
