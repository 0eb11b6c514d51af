"""Finds out how a cluster can be reached from this machine: at its own address, or through a forward."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from components.vocabulary import ENDPOINT_COMM, ENDPOINT_DASHBOARD, NOTEBOOK_PORT
from tools.connect.environment import Inventory
from tools.connect.forward import Goal
from tools.connect.place import Place, host_and_port, moved
from tools.failure import ToolError

SCHEDULER, DASHBOARD, NOTEBOOK = ENDPOINT_COMM, ENDPOINT_DASHBOARD, NOTEBOOK_PORT
_ANSWER_SECONDS = 3

Answers = Callable[[str], Awaitable[bool]]
Ask = Callable[[str, Mapping[str, str]], Awaitable[Inventory]]
Open = Callable[[Goal, int], Awaitable[int]]


@dataclass(frozen=True)
class Ways:
    """What can be tried from here."""

    answers: Answers
    """Whether something listens at an address."""
    ask: Ask
    """What the cluster at an address has installed; OSError or TimeoutError without a scheduler there."""
    open: Open
    """Opens a forward and returns its local port."""


@dataclass(frozen=True)
class Reached:
    """A cluster that answers."""

    address: str
    dashboard: str | None
    notebook: str | None
    inventory: Inventory
    because: str = ""
    """Why the scheduler is reached through a forward; empty where it is not."""
    forwarded: bool = False
    """Whether anything is reached through a forward, and so only while this runs."""


async def reach(place: Place, tls: Mapping[str, str], ways: Ways, *, forward: bool = False) -> Reached:
    """Tries the address itself, unless `forward`, and a forward after it. Raises `ToolError`."""
    found, because = await _directly(place, tls, ways) if not forward else (None, "--forward asks for it")
    address, dashboard = place.address or "", place.dashboard
    if found is None:
        address, found = await _by_forward(place, tls, ways)
    if dashboard and not (found and not because and await ways.answers(dashboard)):
        dashboard = await _page(place, place.name, DASHBOARD, dashboard, ways)
    notebook = place.notebook
    if notebook and (forward or not await ways.answers(notebook)):
        notebook = await _page(place, f"{place.name}-notebook", NOTEBOOK, notebook, ways)
    moved_away = (dashboard, notebook) != (place.dashboard, place.notebook)
    return Reached(address, dashboard, notebook, found, because, bool(because) or moved_away)


async def _directly(place: Place, tls: Mapping[str, str], ways: Ways) -> tuple[Inventory | None, str]:
    """What the cluster at its own address has installed, or why nothing is known of it."""
    if not place.address:
        return None, "the endpoint has no address yet"
    if not await ways.answers(place.address):
        return None, f"{place.address} cannot be reached from here"
    try:
        return await ways.ask(place.address, tls), ""
    except (OSError, TimeoutError):
        return None, f"no scheduler answers at {place.address}"


async def _by_forward(place: Place, tls: Mapping[str, str], ways: Ways) -> tuple[str, Inventory]:
    port = await ways.open(Goal(place.namespace, place.name, SCHEDULER), 8786)
    address = moved("tls://x" if tls or place.encrypted else "tcp://x", port)
    try:
        return address, await ways.ask(address, tls)
    except (OSError, TimeoutError) as error:
        raise ToolError(
            f"no scheduler answers behind the Service {place.name} in namespace {place.namespace} either: "
            f"{error or 'no answer in time'}; see `make status`"
        ) from error


async def _page(place: Place, service: str, port: str, url: str, ways: Ways) -> str:
    wanted = {DASHBOARD: 8787, NOTEBOOK: 8888}[port]
    return moved(url, await ways.open(Goal(place.namespace, service, port), wanted))


async def answers(address: str) -> bool:
    """Whether something accepts connections at the address."""
    host, port = host_and_port(address)
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), _ANSWER_SECONDS)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
