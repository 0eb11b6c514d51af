"""Versions of a cluster that another state has created, as after a lost one: no run drains or deletes them."""

from collections.abc import Iterable

import pulumi

from ..kube import client as kube
from ..lifecycle import first_seen
from ..manifests.declared import DeclaredCluster
from ..vocabulary import OWNER


async def versions(client: kube.Api, cluster: DeclaredCluster, owner: str | None) -> set[str]:
    """The DaskClusters with the labels of `cluster` and an id other than `owner`; empty without permission to list."""
    if owner is None:
        return set()
    found = await kube.unless_forbidden(first_seen.items(client, cluster.path("DaskCluster"), metadata_only=True))
    metadata = [it["metadata"] for it in found or []]
    return {
        meta["name"]
        for meta in metadata
        if meta.get("labels", {}).items() >= cluster.labels.items()
        and (meta.get("annotations") or {}).get(OWNER) not in (None, owner)
        # A DaskJob's cluster belongs to the job.
        and not meta.get("ownerReferences")
        and meta["name"] != cluster.physical_name
    }


def report(cluster: DeclaredCluster, names: Iterable[str]) -> None:
    """Warns of them, with what deletes them."""
    for name in sorted(names):
        pulumi.log.warn(
            f"{cluster.name}: the DaskCluster '{name}' is a version of it that another state has created (one that was "
            "lost, or another user's), so it is neither drained nor deleted; if nobody uses it: "
            f"`kubectl delete daskcluster -n {cluster.namespace} {name}`"
        )
