"""Takes over an existing DaskCluster, which was created with kubectl, without restarting it.

While `adopt: true` is set, the live spec of scheduler and workers is read in every run and declared as it is.
Only the number of workers, the labels and the endpoint come from the configuration. The operator never reads a changed
pod spec anyway (dask-kubernetes #895), so declaring a different one would only be untrue.
"""

import asyncio

import pulumi
from pulumi import ResourceHook, ResourceHookArgs

from ..kube import client as kube
from ..kube.client import Connection
from ..kube.errors import ClusterError
from ..manifests.context import Spec
from ..manifests.declared import DeclaredCluster
from ..manifests.services import node_ports, operator_service, without_node_ports
from ..settings.formats.names import cluster_content
from ..vocabulary import CLUSTER_NAME, COMM, DASHBOARD

PORT_NAMES = {COMM, DASHBOARD}


async def spec(connection: Connection, cluster: DeclaredCluster) -> Spec:
    """The DaskCluster's spec: the live one with the declared number of workers. Raises `ClusterError` without one."""
    live = await _live(await kube.api(connection), cluster)
    worker = live["spec"]["worker"]
    return live["spec"] | {"worker": worker | {"replicas": cluster.settings.workers.wanted}}


def content(cluster: DeclaredCluster, spec: Spec) -> str:
    """The `content_hash` of what runs: without `adopt`, the cluster is recreated if the declared one differs.

    What the stack gives everything is not in it: the pods that run have it not, and the objects get it in place.
    """
    # The CRD's default, which is never declared.
    declared = {key: value for key, value in spec.items() if (key, value) != ("idleTimeout", 0)}
    metadata = cluster.dask_cluster["metadata"]
    known = {key: metadata[key] for key in ("name", "namespace")} | {"labels": cluster.labels}
    return cluster_content(cluster.dask_cluster | {"metadata": known, "spec": declared})


async def _live(client: kube.Api, cluster: DeclaredCluster) -> kube.Object:
    where = f"{cluster.namespace}/{cluster.physical_name}"
    try:
        live = await kube.get(client, cluster.path("DaskCluster", cluster.physical_name))
    except kube.ServerError as error:
        raise ClusterError(
            f"dask:clusters.{cluster.name}.adopt: no DaskCluster {where} exists that could be adopted ({error}); name "
            "the cluster and `dask:namespace.name` as `kubectl get daskclusters -A` shows them, or remove `adopt`"
        ) from error
    scheduler = live["spec"]["scheduler"]["spec"]["containers"][0]
    if missing := PORT_NAMES - {port.get("name") for port in scheduler.get("ports", [])}:
        raise ClusterError(
            f"dask:clusters.{cluster.name}.adopt: the scheduler's container of {where} has no port named "
            f"{' and '.join(map(repr, sorted(missing)))}, through which the endpoint leads; it can only be replaced: "
            "remove `adopt`"
        )
    return live


def service(cluster: DeclaredCluster) -> Spec:
    """The operator's Service of an adopted cluster.

    The operator creates it once and never updates it. Tutorials give its ports other names than the operator looks for,
    and then every scale-down fails for ever. The workers have no preStop that hands their data over, so the operator
    has to ask the scheduler to do it, through `tcp-comm`; but not with several groups: it would take workers of any.
    """
    return operator_service(cluster.physical_name, speaks=not cluster.settings.worker_groups)


def room_for_endpoint(connection: Connection, cluster: DeclaredCluster) -> ResourceHook:
    """The hook that frees the endpoint's name and node ports right before the Service is written."""

    async def others_give_way(_: ResourceHookArgs) -> None:
        await endpoint(connection, cluster)

    return ResourceHook(f"{cluster.name}-room", others_give_way)


async def endpoint(connection: Connection, cluster: DeclaredCluster, _: object = None) -> Spec:
    """Frees the endpoint's name and node ports, then returns its spec. Await this right before creating the Service.

    Established connections stay. A preview omits node ports that are still in use: the API server would refuse them.
    """
    client, wanted = await kube.api(connection), cluster.endpoint["spec"]
    in_the_way = await _in_the_way(client, cluster)
    for made in in_the_way:
        name = made["metadata"]["name"]
        change = "gives way to" if name == cluster.name else "becomes ClusterIP in favour of"
        pulumi.log.info(f"{cluster.name}: the Service '{name}' {change} the endpoint '{cluster.name}'")
    if pulumi.runtime.is_dry_run():
        held = {number for made in in_the_way for number in node_ports(made["spec"])}
        return wanted | {"ports": [without_node_ports(port, held) for port in wanted["ports"]]}
    await asyncio.gather(*(_make_room(client, cluster, made) for made in in_the_way))
    return wanted


async def _make_room(client: kube.Api, cluster: DeclaredCluster, made: kube.Object) -> None:
    url = cluster.path("Service", made["metadata"]["name"])
    if made["metadata"]["name"] == cluster.name:
        await kube.delete(client, url)
    elif made["metadata"]["name"] == cluster.scheduler_name:
        await kube.patch(client, url, {"spec": service(cluster)})
    else:
        ports = [without_node_ports(port, node_ports(made["spec"])) for port in made["spec"]["ports"]]
        await kube.patch(client, url, {"spec": {"type": "ClusterIP", "ports": ports}})


async def _in_the_way(client: kube.Api, cluster: DeclaredCluster) -> list[kube.Object]:
    """Conflicting Services that select this cluster. Raises if a conflicting Service selects anything else."""
    asked, found = node_ports(cluster.endpoint["spec"]), []
    for made in await kube.items(client, cluster.path("Service")):
        meta, spec = made["metadata"], made["spec"]
        held = asked & node_ports(spec)
        ours = meta["name"] == cluster.name and meta.get("labels", {}).items() >= cluster.labels.items()
        if ours or not (held or meta["name"] == cluster.name):
            continue
        if (spec.get("selector") or {}).get(CLUSTER_NAME) != cluster.physical_name:
            what = f"the node port {min(held)}" if held else "the name"
            raise ClusterError(
                f"dask:clusters.{cluster.name}.endpoint: {what} belongs to the Service '{meta['name']}', which does "
                "not lead to this cluster; delete it "
                f"(`kubectl delete service -n {cluster.namespace} {meta['name']}`), or choose another"
            )
        found.append(made)
    return found
