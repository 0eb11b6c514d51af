"""Takes over an existing DaskCluster, which was created with kubectl, without restarting it.

While `adopt: true` is set, the live spec of scheduler and workers is read in every run and declared as it is.
Only the number of workers, the labels and the endpoint come from the configuration. The operator never reads a changed
pod spec anyway (dask-kubernetes #895), so declaring a different one would only be untrue.
"""

import asyncio
from typing import TYPE_CHECKING

import pulumi

from ..kube import client as kube
from ..kube.client import Connection
from ..kube.errors import ClusterError
from ..manifests import cluster as manifest
from ..manifests.cluster import Target
from ..manifests.pod import Spec
from ..settings.formats.names import cluster_content

if TYPE_CHECKING:
    from kr8s.asyncio import Api

PORT_NAMES = {"tcp-comm", "http-dashboard"}


async def spec(connection: Connection, target: Target) -> Spec:
    """The DaskCluster's spec: the live one with the declared number of workers. Raises `ClusterError` without one."""
    live = await _live(await kube.api(connection), target)
    worker = live["spec"]["worker"]
    replicas = worker.get("replicas") if target.cluster.workers.autoscaled else target.cluster.workers.wanted
    return live["spec"] | {"worker": worker | {"replicas": replicas}}


def content(target: Target, spec: Spec) -> str:
    """The hash of what runs, as in `Target.content`: without `adopt`, the cluster is recreated if they differ."""
    # The CRD's default, which is never declared.
    declared = {key: value for key, value in spec.items() if (key, value) != ("idleTimeout", 0)}
    return cluster_content(manifest.dask_cluster(target) | {"spec": declared})


async def _live(client: "Api", target: Target) -> kube.Object:
    import kr8s

    where = f"{target.namespace}/{target.physical_name}"
    url = f"apis/{manifest.API_VERSION}/namespaces/{target.namespace}/daskclusters/{target.physical_name}"
    try:
        live = await kube.get(client, url)
    except (kr8s.ServerError, kr8s.NotFoundError) as error:
        raise ClusterError(
            f"dask:clusters.{target.name}.adopt: no DaskCluster {where} exists that could be adopted ({error}); name "
            "the cluster and `dask:namespace.name` as `kubectl get daskclusters -A` shows them, or remove `adopt`"
        ) from error
    scheduler = live["spec"]["scheduler"]["spec"]["containers"][0]
    if missing := PORT_NAMES - {port.get("name") for port in scheduler.get("ports", [])}:
        raise ClusterError(
            f"dask:clusters.{target.name}.adopt: the scheduler's container of {where} has no port named "
            f"{' and '.join(map(repr, sorted(missing)))}, through which the endpoint leads; it can only be replaced: "
            "remove `adopt`"
        )
    return live


def service(target: Target) -> Spec:
    """The operator's Service of an adopted cluster.

    The operator creates it once and never updates it. Tutorials give its ports other names than the operator looks for,
    and then every scale-down fails for ever. The workers have no preStop that hands their data over, so the operator
    has to ask the scheduler to do it, through `tcp-comm`; but not with several groups: it would take workers of any.
    """
    return manifest.operator_service(target.physical_name, speaks=not target.cluster.worker_groups)


async def endpoint(connection: Connection, target: Target, _: object = None) -> Spec:
    """Frees the endpoint's name and node ports, then returns its spec. Await this right before creating the Service.

    Established connections stay. A preview omits node ports that are still in use: the API server would refuse them.
    """
    client, wanted = await kube.api(connection), manifest.endpoint(target)["spec"]
    in_the_way = await _in_the_way(client, target)
    for made in in_the_way:
        name = made["metadata"]["name"]
        change = "gives way to" if name == target.name else "becomes ClusterIP in favour of"
        pulumi.log.info(f"{target.name}: the Service '{name}' {change} the endpoint '{target.name}'")
    if pulumi.runtime.is_dry_run():
        held = {number for made in in_the_way for number in node_ports(made["spec"])}
        return wanted | {"ports": [without(port, held) for port in wanted["ports"]]}
    await asyncio.gather(*(_make_room(client, target, made) for made in in_the_way))
    return wanted


async def _make_room(client: "Api", target: Target, made: kube.Object) -> None:
    url = f"{_services(target)}/{made['metadata']['name']}"
    if made["metadata"]["name"] == target.name:
        await kube.delete(client, url)
    elif made["metadata"]["name"] == f"{target.physical_name}-scheduler":
        await kube.patch(client, url, {"spec": service(target)})
    else:
        ports = [without(port, node_ports(made["spec"])) for port in made["spec"]["ports"]]
        await kube.patch(client, url, {"spec": {"type": "ClusterIP", "ports": ports}})


async def _in_the_way(client: "Api", target: Target) -> list[kube.Object]:
    """Conflicting Services that select this cluster. Raises if a conflicting Service selects anything else."""
    asked, found = node_ports(manifest.endpoint(target)["spec"]), []
    for made in await kube.items(client, _services(target)):
        meta, spec = made["metadata"], made["spec"]
        held = asked & node_ports(spec)
        ours = meta["name"] == target.name and meta.get("labels", {}).items() >= target.labels.items()
        if ours or not (held or meta["name"] == target.name):
            continue
        if (spec.get("selector") or {}).get("dask.org/cluster-name") != target.physical_name:
            what = f"the node port {min(held)}" if held else "the name"
            raise ClusterError(
                f"dask:clusters.{target.name}.endpoint: {what} belongs to the Service '{meta['name']}', which does not "
                f"lead to this cluster; delete it (`kubectl delete service -n {target.namespace} {meta['name']}`), or "
                "choose another"
            )
        found.append(made)
    return found


def _services(target: Target) -> str:
    return f"api/v1/namespaces/{target.namespace}/services"


def node_ports(spec: Spec) -> set[int]:
    """The node ports in a Service's spec."""
    return {port["nodePort"] for port in spec.get("ports", []) if port.get("nodePort")}


def without(port: Spec, held: set[int]) -> Spec:
    """A port of a Service, without its node port if that is in `held`."""
    return {key: value for key, value in port.items() if key != "nodePort" or value not in held}
