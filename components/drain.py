"""Draining: a replaced cluster goes on until its clients are done with it. In: who it was. Out: nothing, later.

It is asked over HTTP through the API server: that works from wherever `pulumi` runs, with TLS clusters, and with any
version of Dask in the old cluster.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components import kube
from components.errors import ClusterError
from components.kube import Connection
from components.manifest import Target
from components.quantities import seconds

if TYPE_CHECKING:
    from kr8s.asyncio import Api

POLL_SECONDS = 1.0
TELL_SECONDS = 10.0
# A client that computes in rounds holds nothing between two of them.
IDLE_SECONDS = 15.0


@dataclass(frozen=True)
class Load:
    """What is left on a scheduler. `tasks` are computing, waiting or held in memory for a client."""

    clients: int
    tasks: int

    def __str__(self) -> str:
        return f"{self.clients} client{'s' * (self.clients != 1)} and {self.tasks} task{'s' * (self.tasks != 1)}"


async def drain(connection: Connection, target: Target) -> None:
    """Waits until every other DaskCluster of this name in the stack is idle, or `drainTimeout` has passed."""
    client = await kube.api(connection)
    url = f"apis/kubernetes.dask.org/v1/namespaces/{target.namespace}/daskclusters"
    live = [item["metadata"] for item in await kube.items(client, url, target.labels)]
    old = [meta["name"] for meta in live if meta["name"] != target.physical_name and "deletionTimestamp" not in meta]
    await asyncio.gather(*(until_idle(client, target, name) for name in old))


async def until_idle(client: "Api", target: Target, name: str) -> None:
    """Waits until the DaskCluster `name` is idle or gone, or `drainTimeout` has passed; says which."""
    if not seconds(target.cluster.drain_timeout):
        pulumi.log.warn(f"{name}: its clients are cut off, as drainTimeout is {target.cluster.drain_timeout}")
        return
    begin = time.monotonic()
    deadline, told, busy_at = begin + seconds(target.cluster.drain_timeout), float("-inf"), begin
    while load := await look(client, target.namespace, name):
        now = time.monotonic()
        if load.tasks:
            busy_at = now
        if not load.clients and not load.tasks:
            break
        if not load.tasks and now - busy_at >= IDLE_SECONDS:
            pulumi.log.info(f"{name}: {load} left, idle for {IDLE_SECONDS:.0f} s")
            break
        if now > deadline:
            pulumi.log.warn(f"{name}: drainTimeout of {target.cluster.drain_timeout} is over: cutting off {load}")
            break
        if now - told >= TELL_SECONDS:
            pulumi.log.info(f"{name}: waiting for {load} (up to {deadline - now:.0f} s more)")
            told = now
        await asyncio.sleep(POLL_SECONDS)
    pulumi.log.info(f"{name}: drained after {time.monotonic() - begin:.0f} s")


async def look(client: "Api", namespace: str, name: str) -> Load | None:
    """The load of a scheduler; None where none runs. One that runs and errs is busy: it answered 500 under load."""
    import kr8s

    proxy = f"api/v1/namespaces/{namespace}/services/{name}-scheduler:http-dashboard/proxy"
    try:
        counts = await kube.get(client, f"{proxy}/json/counts.json")
    except (kr8s.ServerError, kr8s.NotFoundError) as error:
        if kube.forbidden(error):
            raise ClusterError(
                f"may not see whether {name} still has work: this needs the right to `get` `services/proxy` in the "
                f"namespace '{namespace}'; or set `drainTimeout: 0s`, which cuts its clients off"
            ) from error
        return Load(clients=1, tasks=1) if await _runs(client, namespace, name) else None
    return load(counts)


def load(counts: dict[str, int]) -> Load:
    """What a scheduler's `counts.json` says. It counts itself, as the client `fire-and-forget`."""
    return Load(clients=max(0, counts["clients"] - 1), tasks=counts["tasks"])


async def _runs(client: "Api", namespace: str, name: str) -> bool:
    """Whether a scheduler's container runs. One whose image is missing, or that has ended, has no work to lose."""
    labels = {"dask.org/cluster-name": name, "dask.org/component": "scheduler"}
    pods = await kube.items(client, f"api/v1/namespaces/{namespace}/pods", labels)
    boxes = [box for pod in pods for box in pod.get("status", {}).get("containerStatuses", [])]
    return any("running" in box.get("state", {}) for box in boxes)
