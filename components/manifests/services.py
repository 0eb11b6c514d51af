"""The Services that lead to a scheduler: the operator's own, and the endpoint that clients connect to."""

from ..manifests.context import PodContext, Spec, annotate
from ..settings.cluster import Cluster
from ..vocabulary import (
    CLUSTER_NAME,
    COMM,
    COMM_PORT,
    COMPONENT,
    DASHBOARD,
    DASHBOARD_PORT,
    ENDPOINT_COMM,
    ENDPOINT_DASHBOARD,
    SKIP_AWAIT,
    SUSPENDED,
)


def operator_service(cluster_name: str, *, speaks: bool) -> Spec:
    """The Service that the operator creates once and never updates.

    Its port is called `tcp-comm` only where the operator's autoscaler spoke to the scheduler.
    Under any other name the operator's look-up fails inside its own `suppress`, and a scale-down takes workers of the
    scaled group only (controller.py, retire_workers; dask-kubernetes #914). Remove when: #914 is fixed.
    """
    return {
        "type": "ClusterIP",
        "selector": scheduler_selector(cluster_name),
        # Workers need not wait for the readiness probe's next turn.
        "publishNotReadyAddresses": True,
        "ports": [
            service_port(COMM if speaks else "comm", COMM_PORT, COMM),
            service_port(DASHBOARD, DASHBOARD_PORT, DASHBOARD),
        ],
    }


def endpoint(settings: Cluster, context: PodContext) -> Spec:
    """The Service of ours that clients connect to: the name and the ports stay when the cluster behind it changes.

    It does not carry `dask.org/component: scheduler`, to which the operator would react.
    """
    own, scheduler = settings.endpoint, settings.scheduler
    ports = [service_port(ENDPOINT_COMM, scheduler.port, COMM, own.node_ports.scheduler)]
    if own.exposes_dashboard:
        ports.append(service_port(ENDPOINT_DASHBOARD, scheduler.dashboard_port, DASHBOARD, own.node_ports.dashboard))
    body = context.object("Service", context.name)
    if own.type != "LoadBalancer":
        # Pulumi's own wait for endpoints costs 10 s, and the verify Job has already computed through the scheduler.
        annotate(body, {SKIP_AWAIT: "true"})
    annotate(body, own.annotations)
    spec: Spec = {"type": own.type, "selector": led_to(settings, context), "ports": ports}
    if own.type == "LoadBalancer" and own.source_ranges:
        spec["loadBalancerSourceRanges"] = list(own.source_ranges)
    if own.load_balancer_class:
        spec["loadBalancerClass"] = own.load_balancer_class
    if own.external_traffic_policy:
        spec["externalTrafficPolicy"] = own.external_traffic_policy
    return body | {"spec": spec}


def led_to(settings: Cluster, context: PodContext) -> dict[str, str]:
    """The labels of the pod that the cluster's address leads to. No pod has those of a suspended cluster.

    They do not contain the name of the DaskCluster, so that a change of the pods changes nothing until the wake-up.
    """
    if settings.suspended:
        return {CLUSTER_NAME: context.name, COMPONENT: SUSPENDED}
    return scheduler_selector(context.cluster_name)


def scheduler_selector(cluster_name: str) -> dict[str, str]:
    """The labels of the scheduler's pod."""
    return {CLUSTER_NAME: cluster_name, COMPONENT: "scheduler"}


def service_port(name: str, number: int, target: str, node_port: int | None = None) -> Spec:
    """A port of a Service. `target` is the name of the container's port."""
    port: Spec = {"name": name, "port": number, "targetPort": target, "protocol": "TCP"}
    return port | ({"nodePort": node_port} if node_port else {})


def node_ports(spec: Spec) -> set[int]:
    """The node ports in a Service's spec."""
    return {port["nodePort"] for port in spec.get("ports", []) if port.get("nodePort")}


def without_node_ports(port: Spec, held: set[int]) -> Spec:
    """A port of a Service, without its node port if that is in `held`."""
    return {key: value for key, value in port.items() if key != "nodePort" or value not in held}
