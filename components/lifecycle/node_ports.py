"""Fixed node ports that change hands between endpoints of one stack.

The engine creates and updates before it deletes. So, at every `up`, the API server would refuse an endpoint that
gets the port of another endpoint of this stack, which is about to be deleted or to get another port.
"""

import asyncio
from collections.abc import Collection

import pulumi

from ..kube import client as kube
from ..kube.client import Connection, Object
from ..kube.errors import ClusterError, UnknownClusterError
from ..kube.paths import path, path_of
from ..lifecycle import first_seen
from ..manifests.context import Spec
from ..manifests.declared import DeclaredCluster
from ..manifests.services import node_ports, without_node_ports
from ..vocabulary import OWNER, PART_OF

# Most Services of a Kubernetes cluster have no node port.
_HAS_PORTS = "spec.type!=ClusterIP"


async def preview(connection: Connection, cluster: DeclaredCluster, declared: Collection[DeclaredCluster]) -> Spec:
    """The endpoint's spec for a preview, without the ports that `up` will hand over first.

    The API server is asked in previews too, and would refuse them.
    """
    wanted = cluster.endpoint["spec"]
    try:
        ours, _ = await _holders(await kube.api(connection), cluster, declared, None)
    except UnknownClusterError:
        return wanted
    except Exception as error:  # a preview shows what it can; `up` asks again
        pulumi.log.warn(f"{cluster.name}: could not find out which Services have its node ports: {error}")
        return wanted
    held = {port for holder in ours for port in node_ports(holder["spec"])}
    for holder in ours:
        pulumi.log.info(f"{cluster.name}: takes over the node port of the Service {_name(holder)}")
    return wanted | {"ports": [without_node_ports(port, held) for port in wanted["ports"]]}


async def hand_over(
    connection: Connection, cluster: DeclaredCluster, declared: Collection[DeclaredCluster], owner: str | None
) -> None:
    """Frees the endpoint's fixed node ports where other endpoints of this stack, whose id is `owner`, have them.

    Those become ClusterIP; established connections stay. Raises `ClusterError` that names a holder of another owner.
    In a preview it only does the latter.
    """
    if not node_ports(cluster.endpoint["spec"]):
        return
    try:
        client = await kube.api(connection)
    except ClusterError:
        if pulumi.runtime.is_dry_run():
            return  # without a Kubernetes API, a preview shows what it can
        raise
    ours, theirs = await _holders(client, cluster, declared, owner)
    for holder in theirs:
        taken = min(node_ports(holder["spec"]) & node_ports(cluster.endpoint["spec"]))
        raise ClusterError(
            f"dask:clusters.{cluster.name}.endpoint.nodePorts: {taken} belongs to the Service {_name(holder)}, which "
            "keeps it; choose another port, or delete that Service"
        )
    for holder in [] if pulumi.runtime.is_dry_run() else ours:
        pulumi.log.info(f"{cluster.name}: the Service {_name(holder)} gives up its node port")
        meta = holder["metadata"]
        ports = [without_node_ports(port, node_ports(holder["spec"])) for port in holder["spec"]["ports"]]
        await kube.patch(
            client, path("Service", meta["namespace"], meta["name"]), {"spec": {"type": "ClusterIP", "ports": ports}}
        )


async def _holders(
    client: kube.Api, cluster: DeclaredCluster, declared: Collection[DeclaredCluster], owner: str | None
) -> tuple[list[Object], list[Object]]:
    """Services with a node port that this endpoint declares: those of the stack that give it up, and all others."""
    asked = node_ports(cluster.endpoint["spec"])
    endpoints = {(it.namespace, it.name): it.endpoint["spec"] for it in declared}
    ours: list[Object] = []
    theirs: list[Object] = []
    own = await kube.find(client, path_of(cluster.endpoint))
    if own and node_ports(own["spec"]) >= asked:
        return [], []  # no other Service can have them
    for service in await _that_hold(client, cluster, asked):
        meta, held = service["metadata"], asked & node_ports(service["spec"])
        where = (meta["namespace"], meta["name"])
        if where == (cluster.namespace, cluster.name):
            continue
        keeps = held & _kept(service["spec"], endpoints.get(where))
        same = owner is None or (meta.get("annotations") or {}).get(OWNER) in (None, owner)
        mine = same and (meta.get("labels") or {}).get(PART_OF) == cluster.part_of and not keeps
        (ours if mine else theirs).append(service)
    return ours, theirs


async def _that_hold(client: kube.Api, cluster: DeclaredCluster, ports: set[int]) -> list[Object]:
    """The Services that have one of these node ports, as they are now."""
    found = await kube.unless_forbidden(first_seen.items(client, path("Service"), fields=_HAS_PORTS))
    if found is None:
        found = await first_seen.items(client, cluster.path("Service"), fields=_HAS_PORTS)
    holders = [it["metadata"] for it in found if ports & node_ports(it["spec"])]
    urls = [path("Service", meta["namespace"], meta["name"]) for meta in holders]
    live = await asyncio.gather(*(kube.find(client, url) for url in urls))
    return [it for it in live if it and ports & node_ports(it["spec"])]


def _kept(live: Spec, endpoint: Spec | None) -> set[int]:
    """The node ports that a Service keeps: those that its endpoint declares, and those that Kubernetes picked."""
    if endpoint is None or endpoint["type"] == "ClusterIP":
        return set()
    fixed = {port["name"]: port.get("nodePort") for port in endpoint["ports"]}
    ports = [(port.get("name"), port.get("nodePort")) for port in live["ports"]]
    return {held for name, held in ports if held and name in fixed and fixed[name] in (None, held)}


def _name(service: Object) -> str:
    return f"'{service['metadata']['name']}' in the namespace '{service['metadata']['namespace']}'"
