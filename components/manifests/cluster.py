"""Renders the Kubernetes objects of one Dask cluster from its settings.

A cluster's name in Kubernetes is `<name>-<hash of its pods' content>` under `update: blueGreen`, because the operator
ignores almost every change to a DaskCluster (dask-kubernetes #895): when the content changes, a new cluster is created;
when only the replicas change, the cluster is updated. `declared.DeclaredCluster` calls these functions, each once.
"""

from ..manifests import pod as podspec
from ..manifests.context import PodContext, Spec, annotate, service_host
from ..settings.cluster import Cluster, WorkerGroup
from ..settings.formats.names import versioned
from ..settings.formats.quantities import seconds
from ..settings.pod import PodSettings
from ..vocabulary import (
    CLUSTER_NAME,
    COMM,
    COMM_PORT,
    COMPONENT,
    DASHBOARD,
    DASHBOARD_PORT,
    ENDPOINT_COMM,
    ENDPOINT_DASHBOARD,
    NO_PROXY_INJECTED,
    NO_SIDECAR,
    SKIP_AWAIT,
    SUSPENDED,
    VERIFIED,
)


def dask_cluster(settings: Cluster, context: PodContext) -> Spec:
    """The DaskCluster, with the default workers in it."""
    scheduler_pod, worker_pod = settings.scheduler_pod(), settings.worker_pod(settings.workers)
    spec: Spec = {
        "scheduler": role_metadata(scheduler_pod)
        | {
            "spec": podspec.scheduler(settings.scheduler, scheduler_pod, context),
            "service": operator_service(context.cluster_name, speaks=_was_autoscaled(settings)),
        },
        "worker": role_metadata(worker_pod)
        | {"replicas": settings.workers.wanted, "spec": podspec.worker(settings.workers, worker_pod, context)},
    }
    return context.object("DaskCluster", context.cluster_name) | {"spec": spec}


def _was_autoscaled(settings: Cluster) -> bool:
    """Whether the operator's autoscaler could have scaled this cluster, as it did until this program had its own.

    The port keeps its name then, so that such a cluster keeps running under its name.
    """
    return settings.workers.autoscaled and not (settings.tls.enabled or settings.worker_groups)


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


def worker_group(settings: Cluster, context: PodContext, name: str, group: WorkerGroup, suffix: str) -> Spec:
    """A DaskWorkerGroup. Its name carries a hash of its pods, and of `suffix`."""
    pod = settings.worker_pod(group)
    worker = role_metadata(pod) | {"spec": podspec.worker(group, pod, context)}
    body = context.object("DaskWorkerGroup", versioned(context.cluster_name, [worker, suffix], name))
    return body | {"spec": {"cluster": context.cluster_name, "worker": worker | {"replicas": group.wanted}}}


def operators_autoscaler(context: PodContext, suffix: str) -> Spec:
    """The DaskAutoscaler that earlier versions of this program have created: its name."""
    return context.object("DaskAutoscaler", "-".join(filter(None, (context.cluster_name, suffix))))


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


def verify_job(settings: Cluster, context: PodContext, expected_workers: dict[str, int], suffix: str) -> Spec:
    """The Job that ends `up` with a computed result. A different set of workers is a different Job."""
    ready_seconds = seconds(settings.ready_timeout)
    # As long once more as the pods may take to start, because this one starts together with them.
    patience = 2 * ready_seconds
    pod = podspec.verify(settings, context, expected_workers, patience)
    body = context.object("Job", versioned(context.name, [pod, suffix], "verify"))
    # A hook waits for its result, which the provider sees two seconds later (lifecycle/verification.py).
    annotate(body, {SKIP_AWAIT: "true"})
    # A namespace's rules (a label that every pod needs, no sidecar) hold for this pod as for those of the operator.
    metadata = pod_metadata(context, settings.scheduler_pod(), {COMPONENT: "verify"}, {NO_PROXY_INJECTED: "disabled"})
    template = {"metadata": metadata, "spec": pod}
    return body | {"spec": {"backoffLimit": 0, "activeDeadlineSeconds": patience + 60, "template": template}}


def disruption_budget(settings: Cluster, context: PodContext) -> Spec | None:
    """Keeps a node drain from evicting the scheduler, with which all work would be lost (dask-kubernetes #606)."""
    if not settings.scheduler.pod_disruption_budget or settings.suspended:
        return None
    body = context.object("PodDisruptionBudget", f"{context.cluster_name}-scheduler")
    selector = {"matchLabels": scheduler_selector(context.cluster_name)}
    return body | {"spec": {"maxUnavailable": 0, "selector": selector}}


def connection(settings: Cluster, context: PodContext, verify_job: Spec) -> Spec:
    """A ConfigMap for programs inside Kubernetes (`envFrom`), and the record of two things.

    By its annotation, this set of workers has computed; by its data, older clusters were drained.
    """
    host, scheduler = service_host(context.name, context.namespace), settings.scheduler
    address = f"{context.scheme}://{host}:{scheduler.port}"
    # The name changes with every suspension, because the record's hook drains the cluster.
    name = "" if settings.suspended else context.cluster_name
    data = {"DASK_SCHEDULER_ADDRESS": address, "DASK_CLUSTER_NAME": name}
    if settings.endpoint.dashboard.enabled:
        data["DASK_DASHBOARD_URL"] = f"http://{dashboard_host(settings, context)}:{scheduler.dashboard_port}/status"
    body = context.object("ConfigMap", f"{context.name}-connection")
    if settings.verify and not settings.suspended:
        annotate(body, {VERIFIED: verify_job["metadata"]["name"]})
    return body | {"data": data}


def dashboard_name(context: PodContext) -> str:
    """The name of the dashboard's own Service, and of the Ingress or HTTPRoute to it."""
    return f"{context.name}-dashboard"


def dashboard_host(settings: Cluster, context: PodContext) -> str:
    """The host of the dashboard inside Kubernetes: its own Service, where it has one, else the endpoint."""
    own = settings.endpoint.dashboard.hostname is not None
    return service_host(dashboard_name(context) if own else context.name, context.namespace)


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


def pod_metadata(
    context: PodContext, pod: PodSettings, labels: dict[str, str], annotations: dict[str, str] | None = None
) -> Spec:
    """The metadata of a pod that the program itself creates. `annotations` are defaults, which the user's override."""
    role = role_metadata(pod).get("metadata", {})
    # What is the stack's gives way to what is the role's, and everything to what selects the pod.
    given = context.common.below(role | {"annotations": (annotations or {}) | role.get("annotations", {})})
    own = given.get("labels", {}) | context.labels | labels | {NO_SIDECAR: "false"}
    return {key: value for key, value in (given | {"labels": own}).items() if value}


def role_metadata(pod: PodSettings) -> Spec:
    """The labels and annotations that the user gives the pods of a role."""
    metadata = {key: value for key, value in (("labels", pod.labels), ("annotations", pod.annotations)) if value}
    return {"metadata": metadata} if metadata else {}
