"""Renders the Kubernetes objects of one Dask cluster from its settings.

A cluster's name in Kubernetes is `<name>-<hash of its pods' content>` under `update: blueGreen`, because the operator
ignores almost every change to a DaskCluster (dask-kubernetes #895): when the content changes, a new cluster is created;
when only the replicas change, the cluster is updated. `declared.DeclaredCluster` calls these functions, each once.
"""

from ..manifests import pod as podspec
from ..manifests.context import PodContext, Spec, annotate, service_host
from ..manifests.dashboard import dashboard_host
from ..manifests.metadata import pod_metadata, role_metadata
from ..manifests.services import operator_service, scheduler_selector
from ..settings.cluster import Cluster
from ..settings.formats.names import versioned
from ..settings.formats.quantities import seconds
from ..settings.workers import WorkerGroup
from ..vocabulary import (
    COMPONENT,
    NO_PROXY_INJECTED,
    SKIP_AWAIT,
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


def worker_group(settings: Cluster, context: PodContext, name: str, group: WorkerGroup, suffix: str) -> Spec:
    """A DaskWorkerGroup. Its name carries a hash of its pods, and of `suffix`."""
    pod = settings.worker_pod(group)
    worker = role_metadata(pod) | {"spec": podspec.worker(group, pod, context)}
    body = context.object("DaskWorkerGroup", versioned(context.cluster_name, [worker, suffix], name))
    return body | {"spec": {"cluster": context.cluster_name, "worker": worker | {"replicas": group.wanted}}}


def operators_autoscaler(context: PodContext, suffix: str) -> Spec:
    """The DaskAutoscaler that earlier versions of this program have created: its name."""
    return context.object("DaskAutoscaler", "-".join(filter(None, (context.cluster_name, suffix))))


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
    scheduler = settings.scheduler
    address = f"{context.scheme}://{service_host(context.name, context.namespace)}:{scheduler.port}"
    # The name changes with every suspension, because the record's hook drains the cluster.
    name = "" if settings.suspended else context.cluster_name
    data = {"DASK_SCHEDULER_ADDRESS": address, "DASK_CLUSTER_NAME": name}
    if settings.endpoint.dashboard.enabled:
        data["DASK_DASHBOARD_URL"] = f"http://{dashboard_host(settings, context)}:{scheduler.dashboard_port}/status"
    body = context.object("ConfigMap", f"{context.name}-connection")
    if settings.verify and not settings.suspended:
        annotate(body, {VERIFIED: verify_job["metadata"]["name"]})
    return body | {"data": data}
