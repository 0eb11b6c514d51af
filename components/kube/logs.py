"""The ends of containers' logs."""

from ..kube import client as kube


async def tail(client: kube.Api, pod: str, container: str | None, lines: int, *, previous: bool = False) -> str:
    """The last lines of a container's log; `pod` is its API path, None stands for its only container.

    `previous` is the log of the container that ran before the last restart. Raises `ServerError` where the API server
    refuses, and `httpx.TransportError` where it does not answer.
    """
    params = {"tailLines": str(lines)} | ({"container": container} if container else {})
    params |= {"previous": "true"} if previous else {}
    async with kube.call(client, "GET", f"{pod}/log", params=params) as response:
        return response.text


async def tail_if_readable(
    client: kube.Api, pod: str, container: str | None, lines: int, *, previous: bool = False
) -> str:
    """Like `tail`; empty where the log cannot be read."""
    import httpx

    try:
        return await tail(client, pod, container, lines, previous=previous)
    except (kube.ServerError, httpx.TransportError):
        return ""
