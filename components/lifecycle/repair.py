"""Handles drift in every run: a preview warns about it, `up` repairs it.

Detection starts immediately and concurrently, so an `up` without drift waits for nothing, and new clusters are not
checked. The repair runs after the cluster's own resources have been updated, because only then can the children match
the declaration: while the file changes replicas from 2 to 4, live 2 is not drift. Then it checks again and repairs what
is left. No resource depends on it: the cluster keeps serving. A program does not know what `--target` names, so a
targeted `up` repairs as well.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import pulumi
from pulumi import Output, Resource

from ..kube import client as kube
from ..kube import events, wait
from ..kube import pods as health
from ..kube.client import Connection
from ..kube.errors import ClusterError
from ..kube.events import Event
from ..lifecycle import admission, drain, drift, event_troubles
from ..lifecycle.drift import Drift, Live
from ..lifecycle.lasting import Lasting
from ..lifecycle.looks import stopping_nothing
from ..manifests.declared import DeclaredCluster
from ..settings.formats.quantities import seconds
from ..vocabulary import CLUSTER_NAME

POLL_SECONDS = 0.5
# How often a repair that is not done yet is asked for its reasons.
REASONS_SECONDS = 2.0
# How many times `readyTimeout` all repairs of one cluster may take together, before the next one is begun.
BOUND = 3
_Surveys = dict[tuple[Connection, str], "asyncio.Task[drift.Survey]"]
_surveys: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Surveys]" = WeakKeyDictionary()


def keep(connection: Connection, cluster: DeclaredCluster, changed: Sequence[Resource]) -> Output[None]:
    """Warns of drift in a preview; in `up` repairs it once the resources in `changed` are as declared."""

    async def mend(parts: list[Any]) -> None:
        if parts[0] and not pulumi.runtime.is_dry_run():
            await repair(await kube.api(connection), cluster)

    before = Output.from_input(_seen(connection, cluster))
    return Output.all(before, *(resource.urn for resource in changed)).apply(mend)


async def _seen(connection: Connection, cluster: DeclaredCluster) -> int:
    """Counts the drifts, and warns about them in a preview. Never fails the run."""
    found = await stopping_nothing(_drifts(connection, cluster), f"{cluster.name}: could not check for drift") or []
    for one in found if pulumi.runtime.is_dry_run() else ():
        pulumi.log.warn(f"drift: {one}" if one.refused else f"drift (`up` will repair it): {one}")
    return len(found)


async def _drifts(connection: Connection, cluster: DeclaredCluster) -> list[Drift]:
    client = await kube.api(connection)
    live = (await _survey(client, connection, cluster.namespace)).of(cluster)
    return await admission.settled(client, cluster, live, drift.find(cluster, live)) if live else []


async def _survey(client: kube.Api, connection: Connection, namespace: str) -> drift.Survey:
    """What the namespace holds. All clusters that ask at the same time get the same answer."""
    under_way = _surveys.setdefault(asyncio.get_running_loop(), {})
    key = (connection, namespace)
    if key not in under_way:
        under_way[key] = asyncio.create_task(drift.survey(client, namespace))
        under_way[key].add_done_callback(lambda _: under_way.pop(key))
    return await asyncio.shield(under_way[key])


async def repair(client: kube.Api, cluster: DeclaredCluster) -> None:
    """Repairs every drift, kind by kind, and waits for all pods of the cluster: workers end with their scheduler.

    Starts no further repair after three times `readyTimeout`: it reports what is left, and the next `up` continues.
    Raises `ClusterError` if a repair does not succeed within `readyTimeout`.
    """

    def whole(live: Live) -> bool:
        return all(map(_rolled_out, live.deployments.values()))

    mended, deadline = False, wait.now() + BOUND * seconds(cluster.settings.ready_timeout)
    for kind, mend in _REPAIRS.items():
        found = await _to_mend(client, cluster, kind)
        for index, one in enumerate(found):
            if wait.now() > deadline:
                pulumi.log.warn(
                    f"{cluster.name}: the repairs have taken {BOUND} times {cluster.settings.ready_timeout} "
                    f"(readyTimeout); the next `up` continues with {len(found) - index} of the kind '{kind}'"
                )
                return
            await mend(client, cluster, one)
            mended = True
    if mended:
        await _until(client, cluster, whole, f"{cluster.physical_name} is whole")


async def _to_mend(client: kube.Api, cluster: DeclaredCluster, kind: drift.Kind) -> list[Drift]:
    """The drifts of one kind that can be repaired; all are reported."""
    live = await drift.look(client, cluster)
    found = [one for one in drift.find(cluster, live) if one.kind == kind] if live else []
    found = await admission.settled(client, cluster, live, found) if live else []
    for one in found:
        pulumi.log.warn(f"drift: {one}" if one.refused else f"drift, repairing it: {one}")
    found = [one for one in found if not one.refused]
    # The operator recreates everything that is missing in one step.
    return found[:1] if kind == "missing" else found


async def _missing(client: kube.Api, cluster: DeclaredCluster, _: Drift) -> None:
    """The operator creates what is missing when a cluster enters this phase (controller.py, on.field status.phase)."""

    def made(live: Live) -> bool:
        return all(one.kind != "missing" for one in drift.find(cluster, live)) and _phase(live) != "Created"

    await kube.patch(client, cluster.path("DaskCluster", cluster.physical_name), {"status": {"phase": "Created"}})
    await _until(client, cluster, made, "the operator has recreated what was deleted")


def _phase(live: Live) -> str:
    return live.cluster.get("status", {}).get("phase", "")


async def _service(client: kube.Api, cluster: DeclaredCluster, one: Drift) -> None:
    await kube.patch(client, cluster.path("Service", one.name), admission.patch(cluster, one))


async def _replicas(client: kube.Api, cluster: DeclaredCluster, one: Drift) -> None:
    await _resize(client, cluster, one.name, cluster.groups[one.name].wanted)


async def _workers(client: kube.Api, cluster: DeclaredCluster, one: Drift) -> None:
    """The operator counts only when the number changes: so this writes the live number, then the declared one."""
    live = await drift.look(client, cluster)
    if live and one.name in live.groups:
        wanted = live.groups[one.name]["spec"]["worker"]["replicas"]
        await _resize(client, cluster, one.name, len(live.workers(one.name)))
        await _resize(client, cluster, one.name, wanted)


async def _resize(client: kube.Api, cluster: DeclaredCluster, group: str, replicas: int) -> None:
    def resized(live: Live) -> bool:
        body = live.groups.get(group, {"metadata": {}})
        return drift.handled(body) == replicas == len(live.workers(group))

    await kube.patch(client, cluster.path("DaskWorkerGroup", group), admission.resize(replicas))
    await _until(client, cluster, resized, f"the operator has brought {group} to {replicas} workers")


async def _scheduler(client: kube.Api, cluster: DeclaredCluster, one: Drift) -> None:
    """Its restart loses all results, so it waits for an idle cluster as a replaced one is waited for."""
    live = await drift.look(client, cluster)
    if live and one.name in live.deployments and live.deployments[one.name].get("status", {}).get("availableReplicas"):
        await drain.until_idle(client, cluster.namespace, cluster.physical_name, cluster.settings.drain_timeout)
    await _worker(client, cluster, one)


async def _worker(client: kube.Api, cluster: DeclaredCluster, one: Drift) -> None:
    """Gives a Deployment its declared pods, and waits until they run: so workers go one after another.

    A worker's preStop hands its data over first.
    """
    if await kube.patch(client, cluster.path("Deployment", one.name), admission.patch(cluster, one)) is None:
        return  # the operator has deleted it in the meantime, for a smaller number of workers

    def rolled_out(live: Live) -> bool:
        return one.name not in live.deployments or _rolled_out(live.deployments[one.name])

    await _until(client, cluster, rolled_out, f"{one.name} runs as declared")


def _rolled_out(deployment: kube.Object) -> bool:
    status = deployment.get("status", {})
    numbers = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    return status.get("observedGeneration") == deployment["metadata"]["generation"] and numbers == [1, 1, 1]


async def _until(client: kube.Api, cluster: DeclaredCluster, condition: Callable[[Live], bool], what: str) -> None:
    """Waits until the live objects meet the condition, or the cluster is deleted.

    After `readyTimeout`, it raises `ClusterError` with what keeps the pods from running.
    """
    begin = asked = wait.now()
    lasting, timeout = Lasting(cluster.name), cluster.settings.ready_timeout
    async with events.watched(client, cluster.namespace) as reported:

        async def met() -> bool:
            nonlocal asked
            live = await drift.look(client, cluster)
            if live is None:
                return True
            if condition(live):
                pulumi.log.info(f"{what}, after {wait.now() - begin:.0f} s")
                return True
            if wait.now() - asked >= REASONS_SECONDS:
                asked = wait.now()
                lasting.judge(await _reasons(client, cluster, live, reported, asked - begin))
            return False

        try:
            await wait.wait_until(met, seconds(timeout), pause=POLL_SECONDS)
        except wait.DeadlineError:
            why = "; ".join(map(str, lasting.troubles)) or "see the operator's log"
            raise ClusterError(f"{cluster.name}: timed out after {timeout}; not yet: {what}: {why}") from None


async def _reasons(
    client: kube.Api, cluster: DeclaredCluster, live: Live, reported: Iterable[Event], waited: float
) -> list[health.Trouble]:
    """What keeps pods of the cluster from running. None of it ends a repair before its time: pods crash, and come."""
    pods = await kube.items(client, cluster.path("Pod"), {CLUSTER_NAME: cluster.physical_name})
    owners = {cluster.physical_name, *live.groups}
    about = event_troubles.keeping(pods, owners, [cluster.scheduler_name, *(f"{it}-worker-" for it in live.groups)])
    refused = health.deployment_troubles(list(live.deployments.values()))
    found = [*refused, *health.pod_troubles(pods), *event_troubles.troubles(reported, about, waited)]
    return [replace(it, fatal=False) for it in found]


_REPAIRS: dict[drift.Kind, Callable[[kube.Api, DeclaredCluster, Drift], Awaitable[None]]] = {
    "missing": _missing,
    "service": _service,
    "replicas": _replicas,
    "workers": _workers,
    "worker": _worker,
    "scheduler": _scheduler,
}
