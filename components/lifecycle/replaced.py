"""Finds the DaskClusters that a cluster replaces, drains them and deletes them.

Each is deleted here as soon as it is drained, rather than by the engine at the end of `up`. The engine deletes only
when every other step has succeeded: until then new work could begin on a cluster that counts as drained.
"""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import pulumi

from ..kube import client as kube
from ..kube.client import Connection, Object
from ..kube.errors import ClusterError
from ..kube.paths import path, path_of
from ..lifecycle import drain, engine_state, first_seen, strangers
from ..manifests.declared import DeclaredCluster
from ..settings.formats.quantities import seconds
from ..vocabulary import CLUSTER_NAME, INSTANCE, NAME, OWNER, PART_OF


@dataclass(frozen=True)
class Record:
    """What the engine knows of the connection record: its owner's id, and the cluster that it named until now."""

    owner: str | None = None
    """The id in the stack's state; None if the program gives its objects none."""
    named: str | None = None
    """The name of a DaskCluster; None where the record is about to be created."""


@dataclass(frozen=True)
class Old:
    """A live DaskCluster that no resource of the program declares any more."""

    body: Object
    """Its `metadata`, at least."""
    certain: bool
    """Whether it certainly belongs to this stack. Only then it is deleted here."""

    @property
    def name(self) -> str:
        """The name of the DaskCluster in Kubernetes."""
        return self.body["metadata"]["name"]

    @property
    def namespace(self) -> str:
        """The namespace of the DaskCluster."""
        return self.body["metadata"]["namespace"]


async def drain_and_delete(
    connection: Connection,
    cluster: DeclaredCluster,
    declared: Collection[DeclaredCluster],
    record: Record,
    settled: float | None = None,
) -> None:
    """Drains every cluster that `cluster` replaces, and deletes it. `declared` are all of the program.

    `settled`: until when new clients may still come to them (drain.py). Warns of those that nobody will delete.

    Raises `ClusterError`, after the others are done, if a scheduler cannot be asked: that cluster is not deleted.
    """
    client = await kube.api(connection)
    found = await find(client, cluster, declared, record)
    living = await asyncio.gather(*(_lives(client, it) for it in found))
    old = [it for it, lives in zip(found, living, strict=True) if lives]
    if old:
        await _refuse_unmoved(client, cluster)
    if others := await strangers.versions(client, cluster, record.owner):
        strangers.report(cluster, others - {name for _, name in await _recorded(client, cluster, record)})
    ends = (_end(client, it, _timeout(it, cluster, declared), settled) for it in old)
    for result in await asyncio.gather(*ends, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def _lives(client: kube.Api, old: Old) -> bool:
    """Whether it still exists: another cluster may have replaced it since it was listed."""
    live = await kube.find(client, path("DaskCluster", old.namespace, old.name)) or {"metadata": {}}
    meta = live["metadata"]
    return meta.get("uid") == old.body["metadata"]["uid"] and "deletionTimestamp" not in meta


async def _refuse_unmoved(client: kube.Api, cluster: DeclaredCluster) -> None:
    """Raises `ClusterError` if the live endpoint leads elsewhere, as after a `--target` without it."""
    endpoint = await kube.find(client, path_of(cluster.endpoint)) or {}
    live, declared = (endpoint.get("spec") or {}).get("selector") or {}, cluster.endpoint["spec"]["selector"]
    if declared.items() - live.items():
        meant = "and the cluster is suspended" if cluster.settings.suspended else f"and not to {cluster.physical_name}"
        raise ClusterError(
            f"{cluster.name}: the endpoint leads to {live.get(CLUSTER_NAME) or 'nothing'} {meant}, so no older "
            "cluster is drained or deleted; run `up` without `--target`"
        )


async def _end(client: kube.Api, old: Old, timeout: str, settled: float | None) -> None:
    await drain.until_idle(client, old.namespace, old.name, timeout, settled)
    if not old.certain:
        return
    where = path("DaskCluster", old.namespace, old.name)
    await kube.delete_with_children(client, where, old.body["metadata"]["uid"])
    pulumi.log.info(f"{old.name}: deleted")


def _timeout(old: Old, cluster: DeclaredCluster, declared: Collection[DeclaredCluster]) -> str:
    """`drainTimeout` of the replacing cluster; the longest of all if no cluster has this name now."""
    if _label(old.body, INSTANCE) == cluster.name:
        return cluster.settings.drain_timeout
    return max((it.settings.drain_timeout for it in declared), key=seconds, default=cluster.settings.drain_timeout)


async def find(
    client: kube.Api, cluster: DeclaredCluster, declared: Collection[DeclaredCluster], record: Record
) -> list[Old]:
    """The clusters that `cluster` replaces; while it is suspended, every one that runs.

    Older versions of it; the one that its connection record names; and, wherever they are, those with the id of this
    stack's state: after another namespace, another stack's name, or another name under `dask:clusters`.
    """
    living = {(it.namespace, it.physical_name) for it in (*declared, cluster) if not it.settings.suspended}
    names = {it.name for it in declared} | {cluster.name}
    recorded = await _recorded(client, cluster, record)
    found, nameless = [], []
    for body in await _all(client, cluster, record):
        meta = body["metadata"]
        where = (meta["namespace"], meta["name"])
        # A DaskJob's cluster belongs to the job.
        if where in living or "deletionTimestamp" in meta or meta.get("ownerReferences"):
            continue
        if where in recorded or _is_version(body, cluster, record):
            # Without an id of the state, another user's stack of this name has the same labels.
            found.append(Old(body, certain=where in recorded or record.owner is not None))
        elif _label(body, INSTANCE) == cluster.name:
            found += _elsewhere(body, cluster, record)
        elif _label(body, INSTANCE) not in names:
            nameless += _elsewhere(body, cluster, record)
    return found + await _renamed(client, cluster, declared, record, nameless)


async def _renamed(
    client: kube.Api,
    cluster: DeclaredCluster,
    declared: Collection[DeclaredCluster],
    record: Record,
    nameless: list[Old],
) -> list[Old]:
    """Clusters whose names are no longer under `dask:clusters` and that `cluster` may replace.

    None where `cluster` is not new. While another new cluster is not ready yet, it may be that one's: then they are
    drained and not deleted, and the last new cluster deletes them.
    """
    if record.named is not None or not nameless:
        return []
    urls = [path_of(it.connection) for it in declared if (it.namespace, it.name) != (cluster.namespace, cluster.name)]
    last = all(await asyncio.gather(*(kube.find(client, url) for url in urls)))
    return [Old(it.body, certain=it.certain and last) for it in nameless]


def _is_version(body: Object, cluster: DeclaredCluster, record: Record) -> bool:
    """Whether a DaskCluster is a version of `cluster`, in the same namespace."""
    labels = body["metadata"].get("labels", {})
    here = body["metadata"]["namespace"] == cluster.namespace and labels.items() >= cluster.labels.items()
    return here and (record.owner is None or _owner(body) in (None, record.owner))


def _elsewhere(body: Object, cluster: DeclaredCluster, record: Record) -> Iterable[Old]:
    """A cluster in another namespace or with another name, where it is this stack's: by its id, or as far as known."""
    if record.owner is None:
        return
    if _owner(body) == record.owner:
        yield Old(body, certain=True)
    elif _owner(body) is None and _label(body, PART_OF) == cluster.part_of:
        yield Old(body, certain=False)


async def _all(client: kube.Api, cluster: DeclaredCluster, record: Record) -> list[Object]:
    """The DaskClusters of the namespace, and of all others if this stack's can be told apart."""
    if record.owner is not None:
        everywhere = first_seen.items(client, path("DaskCluster"), {NAME: "dask"}, metadata_only=True)
        found = await kube.unless_forbidden(everywhere)
        if found is not None:
            return found
    here = await first_seen.items(client, cluster.path("DaskCluster"), metadata_only=True)
    moved = record.owner is not None and record.named is None
    return [*here, *await _of_the_state(client, cluster)] if moved else here


async def _of_the_state(client: kube.Api, cluster: DeclaredCluster) -> list[Object]:
    """The clusters that the state knows in other namespaces: one may have moved, and not all can be listed."""
    try:
        metadata = [it["metadata"] for it in await engine_state.objects("DaskCluster")]
        others = [it for it in metadata if it["namespace"] != cluster.namespace]
        found = (kube.find(client, path("DaskCluster", it["namespace"], it["name"])) for it in others)
        return [body for body in await asyncio.gather(*found) if body]
    except Exception as error:
        pulumi.log.warn(
            f"{cluster.name}: a cluster that moves here from another namespace is not drained, because DaskClusters "
            f"cannot be listed cluster-wide, and not be read where the state knows them ({error}); before you move "
            "one, grant `get` or `list` on `daskclusters`"
        )
        return []


async def _recorded(client: kube.Api, cluster: DeclaredCluster, record: Record) -> set[tuple[str, str]]:
    """The clusters that the connection record names: in the engine's state, and live."""
    live = await kube.find(client, path_of(cluster.connection)) or {}
    ours = _label(live, PART_OF) == cluster.part_of and (record.owner is None or _owner(live) in (None, record.owner))
    named = {record.named, live.get("data", {}).get("DASK_CLUSTER_NAME") if ours else None}
    return {(cluster.namespace, name) for name in named if name}


async def refuse_terminating(connection: Connection, cluster: DeclaredCluster) -> None:
    """Raises `ClusterError` where the cluster that the endpoint is about to lead to is being deleted.

    That happens where an `up` was killed while it deleted a replaced cluster, and the change is then taken back.
    """
    if cluster.settings.suspended:
        return
    client = await kube.api(connection)
    live = await kube.find(client, cluster.path("DaskCluster", cluster.physical_name))
    if live and "deletionTimestamp" in live["metadata"]:
        raise ClusterError(
            f"{cluster.name}: the DaskCluster '{cluster.physical_name}' is still being deleted, from an update that "
            "was interrupted; run `up` again when `kubectl get daskclusters` no longer lists it"
        )


def _label(body: Object, key: str) -> Any:
    return body.get("metadata", {}).get("labels", {}).get(key)


def _owner(body: Object) -> str | None:
    return body.get("metadata", {}).get("annotations", {}).get(OWNER)
