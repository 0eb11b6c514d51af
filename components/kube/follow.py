"""A list, and a watch that continues it: what a collection of the API server holds, as it changes."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from ..kube import client as kube
from ..kube import wait

# The API server ends a watch after this long, and a client that hears nothing for longer asks again.
WATCH_SECONDS, SILENCE_SECONDS = 60, 75
PAUSE_SECONDS = 1.0


async def follow(
    client: kube.Api,
    url: str,
    params: Mapping[str, str],
    listed: Callable[[Sequence[kube.Object]], None],
    changed: Callable[[str, kube.Object], None],
) -> None:
    """Calls `listed` with all objects, then `changed` with ADDED, MODIFIED or DELETED and one; until it is cancelled.

    Lists anew where a watch is refused. Raises `ServerError` where the list is, and `ClusterError` where the API server
    stays away.
    """
    import httpx

    version = ""
    while True:
        if not version:
            found = await kube.get(client, url, **{**params, "resourceVersion": "0"})
            version = found.get("metadata", {}).get("resourceVersion", "")
            listed(found["items"])
        try:
            async for change in _watch(client, url, {**params, "resourceVersion": version}):
                if change["type"] == "ERROR":
                    version = ""
                    break
                version = change["object"]["metadata"]["resourceVersion"]
                if change["type"] != "BOOKMARK":
                    changed(change["type"], change["object"])
        except (httpx.TransportError, ValueError):
            pass  # the connection has ended, in the middle of a line perhaps
        except kube.ServerError:
            version = ""  # the place is no longer known, or `list` is permitted without `watch`
        await wait.sleep(PAUSE_SECONDS)


async def _watch(client: kube.Api, url: str, params: Mapping[str, str]) -> AsyncIterator[kube.Object]:
    import httpx

    asked = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": str(WATCH_SECONDS), **params}
    patience = httpx.Timeout(kube.REQUEST_SECONDS, read=SILENCE_SECONDS)
    async with kube.call(client, "GET", url, params=asked, stream=True, timeout=patience) as answer:
        async for line in answer.aiter_lines():
            if line:
                yield json.loads(line)
