"""Keeps a replaced cluster running until its clients are done.

Its scheduler is asked over HTTP through the API server: that works from wherever `pulumi` runs, with TLS clusters, and
with any version of Dask in the old cluster.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from ..kube import client as kube
from ..kube import wait
from ..kube.errors import ClusterError
from ..kube.paths import path
from ..manifests.cluster import scheduler_selector
from ..settings.formats.quantities import seconds
from ..vocabulary import DASHBOARD

if TYPE_CHECKING:
    from kr8s.asyncio import Api

POLL_SECONDS = 1.0
TELL_SECONDS = 10.0
# A client that computes in rounds holds nothing between two rounds.
IDLE_SECONDS = 15.0
# EndpointSlices, kube-proxy and load balancers send new clients to the old scheduler for some seconds after a move.
SETTLE_SECONDS = 10.0


@dataclass(frozen=True)
class Load:
    """What is left on a scheduler. `tasks` are computing, waiting or held in memory for a client."""

    clients: int
    tasks: int

    def __str__(self) -> str:
        return f"{self.clients} client{'s' * (self.clients != 1)} and {self.tasks} task{'s' * (self.tasks != 1)}"


@dataclass(frozen=True)
class Silent:
    """A scheduler that runs and does not answer: it computes a large graph, or the API server cannot reach it."""

    reason: str

    def __str__(self) -> str:
        return f"a scheduler that runs and does not answer ({self.reason})"


async def until_idle(client: "Api", namespace: str, name: str, timeout: str, moved: float | None = None) -> None:
    """Waits until the DaskCluster `name` is idle or missing, or `timeout` (such as `10m`) has passed; logs which.

    `moved` is the time on the monotonic clock when its endpoint moved away; None if it did not move.
    """
    if not seconds(timeout):
        pulumi.log.warn(f"{name}: its clients are disconnected now (drainTimeout: {timeout})")
        return
    begin = wait.now()
    deadline, told, busy_at = begin + seconds(timeout), float("-inf"), begin
    settled = begin if moved is None else moved + SETTLE_SECONDS
    load: Load | Silent | None = None

    async def idle() -> bool:
        nonlocal load, told, busy_at
        load, now = await look(client, namespace, name), wait.now()
        if load is None or (load == Load(0, 0) and now >= settled):
            return True
        if isinstance(load, Silent) or load.tasks:
            busy_at = now
        if now - busy_at >= IDLE_SECONDS and now >= settled:
            pulumi.log.info(f"{name}: {load} left, idle for {IDLE_SECONDS:.0f} s")
            return True
        if load != Load(0, 0) and now - told >= TELL_SECONDS and now <= deadline:
            pulumi.log.info(f"{name}: waiting for {load} (up to {deadline - now:.0f} s more)")
            told = now
        return False

    try:
        await wait.wait_until(idle, seconds(timeout), pause=POLL_SECONDS)
    except wait.DeadlineError:
        pulumi.log.warn(f"{name}: drainTimeout ({timeout}) exceeded: {_cut_off(load)}")
    pulumi.log.info(f"{name}: drained after {wait.now() - begin:.0f} s")


def _cut_off(load: Load | Silent | None) -> str:
    if isinstance(load, Load):
        return f"disconnecting {load}"
    return (
        f"cannot tell whether it is still in use: {load}; if this happens in every update, the API server cannot reach "
        "the pods' port 8787 (a firewall, a network policy), and each update waits for the whole `drainTimeout`"
    )


async def look(client: "Api", namespace: str, name: str) -> Load | Silent | None:
    """The load of a scheduler; None if none is running. Raises `ClusterError` without permission to ask."""
    import httpx
    import kr8s

    try:
        return load(await kube.once(client, f"{scheduler_pages(namespace, name)}/counts.json"))
    except (kr8s.ServerError, kr8s.NotFoundError) as error:
        if kube.forbidden(error):
            raise ClusterError(
                f"cannot tell whether {name} is still busy: missing permission to `get` `services/proxy` in the "
                f"namespace '{namespace}'; grant it, or set `drainTimeout: 0s`, which disconnects its clients"
            ) from error
        reason = _words(error)
    except (httpx.TransportError, kr8s.APITimeoutError) as error:
        reason = f"no answer within {kube.REQUEST_SECONDS} s" if isinstance(error, kr8s.APITimeoutError) else str(error)
    except (ValueError, KeyError, TypeError) as error:
        reason = f"its answer cannot be read: {error!r}"
    return Silent(reason) if await _runs(client, namespace, name) else None


def scheduler_pages(namespace: str, name: str) -> str:
    """The path of a scheduler's JSON pages, through the API server."""
    return f"{path('Service', namespace, f'{name}-scheduler:{DASHBOARD}')}/proxy/json"


def _words(error: Exception) -> str:
    """An error answer in one line: the status, and the message of the API server or the scheduler."""
    response = getattr(error, "response", None)
    text = " ".join(str(error).split())[:160]
    return text if response is None or str(response.status_code) in text else f"{response.status_code} {text}"


def load(counts: dict[str, int]) -> Load:
    """The load in a scheduler's `counts.json`, which counts the scheduler itself as the client `fire-and-forget`."""
    return Load(clients=max(0, counts["clients"] - 1), tasks=counts["tasks"])


async def _runs(client: "Api", namespace: str, name: str) -> bool:
    """Whether a scheduler's container runs. One whose image is missing, or that has ended, has no work to lose."""
    pods = await kube.items(client, path("Pod", namespace), scheduler_selector(name))
    boxes = [box for pod in pods for box in pod.get("status", {}).get("containerStatuses", [])]
    return any("running" in box.get("state", {}) for box in boxes)
