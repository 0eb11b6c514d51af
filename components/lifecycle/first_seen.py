"""Lists of everything, asked for once in a run, however many of its clusters look for something in them.

A hundred new clusters that each list a hundred clusters would cost the API server the square of their number. Such a
list is good for finding what is older than the run; what is found is read again before anything is done about it.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from ..kube import client as kube
from ..kube.client import Object

_Lists = dict[tuple[Any, ...], "asyncio.Task[list[Object]]"]
# A run has a client of its own.
_lists: "WeakKeyDictionary[kube.Api, _Lists]" = WeakKeyDictionary()


async def items(
    client: kube.Api,
    url: str,
    selector: Mapping[str, str | None] | None = None,
    *,
    fields: str = "",
    metadata_only: bool = False,
) -> list[Object]:
    """What `kube.items` answers, or raises, when the run asks for the first time."""
    known = _lists.setdefault(client, {})
    key = (url, tuple((selector or {}).items()), fields, metadata_only)
    if key not in known or _failed(known[key]):
        asked = kube.items(client, url, selector, fields=fields, metadata_only=metadata_only)
        known[key] = asyncio.create_task(asked)
    # A hook that is cancelled does not end what the others wait for.
    return await asyncio.shield(known[key])


def _failed(task: "asyncio.Task[list[Object]]") -> bool:
    """Whether it is worth asking again: a permission does not come during a run."""
    if not task.done() or task.cancelled():
        return task.cancelled()
    error = task.exception()
    return error is not None and not (isinstance(error, Exception) and kube.forbidden(error))
