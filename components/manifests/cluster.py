"""Renders the Kubernetes objects of one Dask cluster from its settings. This is the heart of the program.

A cluster's name in Kubernetes is `<name>-<hash of its pods' content>` under `update: blueGreen`, because the operator
ignores almost every change to a DaskCluster (dask-kubernetes #895): when the content changes, a new cluster is created;
when only the replicas change, the cluster is updated.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..manifests import pod as podspec
from ..manifests import worker_arguments as workerargs
from ..manifests.pod import COMM_PORT, DASHBOARD_PORT, Spec, Surroundings
from ..settings.cluster import Cluster, WorkerGroup
from ..settings.formats.names import DEFAULT_GROUP, PART_OF, cluster_content, versioned
from ..settings.formats.quantities import seconds
from ..settings.pod import PodSettings

API_VERSION = "kubernetes.dask.org/v1"
# The operator puts it on its pods (controller.py). A Job with a sidecar would never end.
NO_SIDECAR = "sidecar.istio.io/inject"


@dataclass(frozen=True)
class Target:
    """One declared cluster and its surroundings."""

    name: str
    """The cluster's name in the stack's configuration."""
    cluster: Cluster
    namespace: str
    part_of: str
    """`<project>-<stack>`: the owner of these objects."""
    restricted: bool = True
    secrets: tuple[tuple[str, str], ...] = ()
    """Names under `dask:secrets` with the names of the Secrets in Kubernetes."""

    @cached_property
    def content(self) -> str:
        """The hash of everything that requires a new cluster when it changes."""
        return cluster_content(_cluster(self, self._surroundings(self.name)))

    @cached_property
    def physical_name(self) -> str:
        """The DaskCluster's name in Kubernetes."""
        return f"{self.name}-{self.content}" if self.cluster.update == "blueGreen" else self.name

    @property
    def generation(self) -> str:
        """The suffix of the names of the cluster's parts if its own name does not change with its content.

        A DaskCluster that is deleted takes its groups and its autoscaler with it (controller.py, `adopt`), so a cluster
        that is recreated under the same name needs them recreated too, and verified.
        """
        recreated = self.cluster.update == "recreate" and not self.cluster.adopt
        return self.content if recreated else ""

    @cached_property
    def place(self) -> Surroundings:
        return self._surroundings(self.physical_name)

    @property
    def labels(self) -> dict[str, str]:
        """The recommended labels. The operator copies a DaskCluster's into selectors, so they never change."""
        return recommended_labels(self.name, self.part_of)

    @property
    def tls_secret(self) -> str:
        return self.cluster.tls.secret or f"{self.name}-tls-{self.cluster.tls.rotation}"

    def _surroundings(self, name: str) -> Surroundings:
        tls = self.cluster.tls
        return Surroundings(name, self.namespace, self.restricted, tls, self.tls_secret, dict(self.secrets))


def recommended_labels(instance: str, part_of: str) -> dict[str, str]:
    """https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels."""
    return {
        "app.kubernetes.io/name": "dask",
        "app.kubernetes.io/instance": instance,
        PART_OF: part_of,
    }


def dask_cluster(target: Target) -> Spec:
    """The DaskCluster, with the default workers in it."""
    return _cluster(target, target.place)


def _cluster(target: Target, place: Surroundings) -> Spec:
    cluster = target.cluster
    scheduler_pod, worker_pod = cluster.scheduler_pod(), cluster.worker_pod(cluster.workers)
    spec: Spec = {
        "scheduler": role_metadata(scheduler_pod)
        | {
            "spec": podspec.scheduler(cluster.scheduler, scheduler_pod, place),
            "service": operator_service(
                place.cluster_name, speaks=cluster.workers.autoscaled or cluster.idle_timeout is not None
            ),
        },
        "worker": role_metadata(worker_pod)
        | {"replicas": cluster.workers.wanted, "spec": podspec.worker(cluster.workers, worker_pod, place)},
    }
    if cluster.idle_timeout:
        spec["idleTimeout"] = seconds(cluster.idle_timeout)
    return _object(target, "DaskCluster", place.cluster_name, API_VERSION) | {"spec": spec}


def operator_service(cluster_name: str, *, speaks: bool) -> Spec:
    """The Service that the operator creates once and never updates.

    Its port is called `tcp-comm` only where the operator has to speak to the scheduler (autoscaling, idleTimeout).
    Under any other name the operator's look-up fails inside its own `suppress`, and a scale-down takes workers of the
    scaled group only (controller.py, retire_workers; dask-kubernetes #914). Remove when: #914 is fixed.
    """
    return {
        "type": "ClusterIP",
        "selector": _scheduler_selector(cluster_name),
        # Workers need not wait for the readiness probe's next turn.
        "publishNotReadyAddresses": True,
        "ports": [
            _service_port("tcp-comm" if speaks else "comm", COMM_PORT, "tcp-comm"),
            _service_port("http-dashboard", DASHBOARD_PORT, "http-dashboard"),
        ],
    }


def worker_groups(target: Target) -> dict[str, Spec]:
    """The DaskWorkerGroups, by their name in the configuration. Their names carry a hash of their pods."""
    return {name: _worker_group(target, name, group) for name, group in target.cluster.worker_groups.items()}


def _worker_group(target: Target, name: str, group: WorkerGroup) -> Spec:
    pod = target.cluster.worker_pod(group)
    worker = role_metadata(pod) | {"spec": podspec.worker(group, pod, target.place)}
    physical = versioned(target.physical_name, [worker, target.generation], name)
    body = _object(target, "DaskWorkerGroup", physical, API_VERSION)
    return body | {"spec": {"cluster": target.physical_name, "worker": worker | {"replicas": group.replicas}}}


def autoscaler(target: Target) -> Spec | None:
    """The DaskAutoscaler, if the default workers have bounds."""
    workers = target.cluster.workers
    if not workers.autoscaled:
        return None
    bounds = {"cluster": target.physical_name, "minimum": workers.wanted, "maximum": workers.maximum}
    name = "-".join(filter(None, (target.physical_name, target.generation)))
    return _object(target, "DaskAutoscaler", name, API_VERSION) | {"spec": bounds}


def endpoint(target: Target) -> Spec:
    """The Service of ours that clients connect to: the name and the ports stay when the cluster behind it changes.

    It does not carry `dask.org/component: scheduler`, to which the operator would react.
    """
    settings, scheduler = target.cluster.endpoint, target.cluster.scheduler
    ports = [_service_port("dask-tcp-comm", scheduler.port, "tcp-comm", settings.node_ports.scheduler)]
    if settings.dashboard:
        dashboard = settings.node_ports.dashboard
        ports.append(_service_port("dask-http-dashboard", scheduler.dashboard_port, "http-dashboard", dashboard))
    body = _object(target, "Service", target.name, "v1")
    if settings.type != "LoadBalancer":
        # Pulumi's own wait for endpoints costs 10 s, and the verify Job has already computed through the scheduler.
        body["metadata"]["annotations"] = {"pulumi.com/skipAwait": "true"}
    body["metadata"].setdefault("annotations", {}).update(settings.annotations)
    spec: Spec = {"type": settings.type, "selector": _scheduler_selector(target.physical_name), "ports": ports}
    if settings.type == "LoadBalancer" and settings.source_ranges:
        spec["loadBalancerSourceRanges"] = list(settings.source_ranges)
    return body | {"spec": spec}


def expected_workers(target: Target) -> dict[str, int]:
    """Worker group -> workers that must have registered. The operator calls the default group `<cluster>-default`."""
    cluster, made = target.cluster, {f"{target.physical_name}-{DEFAULT_GROUP}": target.cluster.workers}
    made |= {body["metadata"]["name"]: cluster.worker_groups[name] for name, body in worker_groups(target).items()}
    return {name: it.wanted * workerargs.processes(it, cluster.worker_pod(it)) for name, it in made.items()}


def verify_job(target: Target) -> Spec:
    """The Job that ends `up` with a computed result. A different set of workers is a different Job."""
    ready_seconds = seconds(target.cluster.ready_timeout)
    pod = podspec.verify(target.cluster, target.place, expected_workers(target), ready_seconds)
    body = _object(target, "Job", versioned(target.name, [pod, target.generation], "verify"), "batch/v1")
    # A failed Job stays failed: the next `up` has to recreate it.
    body["metadata"]["annotations"] = {"pulumi.com/replaceUnready": "true"}
    # A namespace's rules (a label that every pod needs, no sidecar) hold for this pod as for those of the operator.
    role = role_metadata(target.cluster.scheduler_pod()).get("metadata", {})
    labels = role.get("labels", {}) | target.labels | {"dask.org/component": "verify", NO_SIDECAR: "false"}
    template = {"metadata": role | {"labels": labels}, "spec": pod}
    return body | {"spec": {"backoffLimit": 0, "activeDeadlineSeconds": ready_seconds + 60, "template": template}}


def disruption_budget(target: Target) -> Spec | None:
    """Keeps a node drain from evicting the scheduler, with which all work would be lost (dask-kubernetes #606)."""
    if not target.cluster.scheduler.pod_disruption_budget:
        return None
    body = _object(target, "PodDisruptionBudget", f"{target.physical_name}-scheduler", "policy/v1")
    selector = {"matchLabels": _scheduler_selector(target.physical_name)}
    return body | {"spec": {"maxUnavailable": 0, "selector": selector}}


def connection(target: Target) -> Spec:
    """A ConfigMap for programs inside Kubernetes (`envFrom`), and the record that older clusters were drained."""
    scheme = "tls" if target.cluster.tls.enabled else "tcp"
    host, scheduler = f"{target.name}.{target.namespace}.svc", target.cluster.scheduler
    data = {"DASK_SCHEDULER_ADDRESS": f"{scheme}://{host}:{scheduler.port}", "DASK_CLUSTER_NAME": target.physical_name}
    if target.cluster.endpoint.dashboard:
        data["DASK_DASHBOARD_URL"] = f"http://{host}:{scheduler.dashboard_port}/status"
    return _object(target, "ConfigMap", f"{target.name}-connection", "v1") | {"data": data}


def monitors(target: Target) -> dict[str, Spec]:
    """Prometheus Operator monitors of scheduler and workers, by kind."""
    settings = target.cluster.monitors
    if not settings.enabled:
        return {}
    api = "monitoring.coreos.com/v1"
    scrape = [{"port": "http-dashboard", "interval": settings.interval}]
    made = {
        "ServiceMonitor": {"endpoints": scrape, "selector": _pods_of(target, "scheduler")},
        "PodMonitor": {"podMetricsEndpoints": scrape, "selector": _pods_of(target, "worker")},
    }
    return {
        kind: _object(target, kind, target.name, api, settings.labels) | {"spec": spec} for kind, spec in made.items()
    }


def _pods_of(target: Target, component: str) -> Spec:
    return {"matchLabels": {"app.kubernetes.io/instance": target.name, "dask.org/component": component}}


def _scheduler_selector(cluster_name: str) -> dict[str, str]:
    return {"dask.org/cluster-name": cluster_name, "dask.org/component": "scheduler"}


def _service_port(name: str, number: int, target: str, node_port: int | None = None) -> Spec:
    port: Spec = {"name": name, "port": number, "targetPort": target, "protocol": "TCP"}
    return port | ({"nodePort": node_port} if node_port else {})


def role_metadata(pod: PodSettings) -> Spec:
    metadata = {key: value for key, value in (("labels", pod.labels), ("annotations", pod.annotations)) if value}
    return {"metadata": metadata} if metadata else {}


def _object(target: Target, kind: str, name: str, api: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    metadata = {"name": name, "namespace": target.namespace, "labels": target.labels | (labels or {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata}
