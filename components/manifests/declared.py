"""The clusters that a stack declares: each holds every name, hash and body of its objects, built once.

The components register the bodies, hooks and tools read them, and nothing builds a body a second time to read its
name. The bodies are shared: copy one before you change it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..kube.paths import path, path_of
from ..manifests import autoscaler, monitoring, services
from ..manifests import cluster as manifest
from ..manifests import notebook as notebookmanifest
from ..manifests import worker_arguments as workerargs
from ..manifests.context import Common, PodContext, Spec, WorkspaceContext, recommended_labels
from ..manifests.costs import Pods
from ..manifests.dashboard import dashboard_objects
from ..settings.cluster import Cluster
from ..settings.formats.names import cluster_content, content_hash
from ..settings.stack import Settings
from ..settings.tls import Tls
from ..settings.workers import ScaledPods
from ..vocabulary import DEFAULT_GROUP


class Placed:
    """What clusters and jobs have in common."""

    name: str
    workspace: WorkspaceContext

    @property
    def namespace(self) -> str:
        return self.workspace.namespace

    @property
    def part_of(self) -> str:
        """The owner of the objects: `<project>-<stack>`."""
        return self.workspace.part_of

    @property
    def labels(self) -> dict[str, str]:
        """The labels by which all objects of this name are known, whatever their version."""
        return recommended_labels(self.name, self.part_of)

    def path(self, kind: str, name: str = "") -> str:
        """The API path of a collection in the namespace, or of one object in it."""
        return path(kind, self.namespace, name)


@dataclass(frozen=True)
class DeclaredCluster(Placed):
    """A cluster as the stack declares it."""

    name: str
    """The cluster's name in the stack's configuration."""
    settings: Cluster
    workspace: WorkspaceContext

    @cached_property
    def content_hash(self) -> str:
        """The hash of everything that requires a new cluster when it changes."""
        return cluster_content(manifest.dask_cluster(self.settings, self._context(self.name)))

    @cached_property
    def physical_name(self) -> str:
        """The DaskCluster's name in Kubernetes."""
        return f"{self.name}-{self.content_hash}" if self.settings.update == "blueGreen" else self.name

    @property
    def recreate_suffix(self) -> str:
        """The suffix of the names of the cluster's parts if its own name does not change with its content.

        A DaskCluster that is deleted takes its groups and its autoscaler with it (controller.py, `adopt`), so a cluster
        that is recreated under the same name needs them recreated too, and verified.
        """
        recreated = self.settings.update == "recreate" and not self.settings.adopt
        return self.content_hash if recreated else ""

    @cached_property
    def context(self) -> PodContext:
        """What the objects of this version have to know."""
        return self._context(self.physical_name)

    def _context(self, cluster_name: str) -> PodContext:
        return PodContext(self.name, cluster_name, self.workspace, self.settings.tls, self.tls_secret)

    @property
    def tls_secret(self) -> str:
        """The name of the Secret with the certificates, or with an issuer what the names of its Secrets begin with."""
        return tls_secret_name(self.name, self.settings.tls)

    @property
    def scheduler_name(self) -> str:
        """The name that the operator gives the scheduler's Deployment and Service."""
        return f"{self.physical_name}-scheduler"

    @property
    def default_group(self) -> str:
        """The name that the operator gives the worker group of the default workers."""
        return f"{self.physical_name}-{DEFAULT_GROUP}"

    @cached_property
    def dask_cluster(self) -> Spec:
        return manifest.dask_cluster(self.settings, self.context)

    @cached_property
    def worker_groups(self) -> dict[str, Spec]:
        """The DaskWorkerGroups, by their names in the configuration."""
        groups = self.settings.worker_groups.items()
        suffix = self.recreate_suffix
        return {name: manifest.worker_group(self.settings, self.context, name, it, suffix) for name, it in groups}

    @cached_property
    def groups(self) -> dict[str, ScaledPods]:
        """The settings of all worker groups, the default workers first, by the name of the group in Kubernetes."""
        groups: dict[str, ScaledPods] = {self.default_group: self.settings.workers}
        for key, body in self.worker_groups.items():
            groups[body["metadata"]["name"]] = self.settings.worker_groups[key]
        return groups

    @cached_property
    def expected_workers(self) -> dict[str, int]:
        """The number of workers that must register, by the name of the group in Kubernetes."""
        pods = {name: self.settings.worker_pod(group) for name, group in self.groups.items()}
        return {name: it.wanted * workerargs.processes(it, pods[name]) for name, it in self.groups.items()}

    @property
    def expected_pods(self) -> dict[str, int]:
        """The number of pods that must start, by the name of the group in Kubernetes."""
        return {name: it.wanted for name, it in self.groups.items()}

    @cached_property
    def verify_job(self) -> Spec:
        return manifest.verify_job(self.settings, self.context, self.expected_workers, self.recreate_suffix)

    @cached_property
    def endpoint(self) -> Spec:
        """The Service that clients connect to."""
        return services.endpoint(self.settings, self.context)

    @cached_property
    def connection(self) -> Spec:
        """The ConfigMap with the endpoint's address and the version that the endpoint leads to."""
        return manifest.connection(self.settings, self.context, self.verify_job)

    @cached_property
    def autoscaler(self) -> list[Spec]:
        """What makes the worker groups follow the work, in the order of its creation; empty if no group does."""
        return autoscaler.autoscaler(self.settings, self.context, self.groups)

    @property
    def operators_autoscaler(self) -> str:
        """The path of the DaskAutoscaler that earlier versions of this program have created."""
        return path_of(manifest.operators_autoscaler(self.context, self.recreate_suffix))

    @cached_property
    def disruption_budget(self) -> Spec | None:
        return manifest.disruption_budget(self.settings, self.context)

    @cached_property
    def monitors(self) -> list[Spec]:
        """The monitors and alerts of a Prometheus Operator, and the Grafana dashboard."""
        return monitoring.monitors(self.settings.monitors, self.context, suspended=self.settings.suspended)

    @cached_property
    def dashboard_objects(self) -> list[Spec]:
        """What serves the dashboard under a hostname of its own."""
        return dashboard_objects(self.settings, self.context)

    @cached_property
    def notebook(self) -> dict[str, Spec]:
        """The objects of the notebook, by kind; none without one. Its token is not among them."""
        own = self.settings.notebook
        if own is None:
            return {}
        address = self.connection["data"]["DASK_SCHEDULER_ADDRESS"]
        return {
            "ConfigMap": notebookmanifest.lab_settings(self.settings, self.context),
            "Deployment": notebookmanifest.deployment(self.settings, own, self.context, address),
            "Service": notebookmanifest.service(own, self.context),
        }

    @property
    def kinds_of_pods(self) -> Iterator[Pods]:
        """What runs all the time, for the cost."""
        spec, workers = self.dask_cluster["spec"], self.settings.workers
        if not self.settings.suspended:
            yield Pods("the scheduler", spec["scheduler"]["spec"], 1, 1)
            yield Pods("the workers", spec["worker"]["spec"], workers.wanted, workers.maximum or workers.wanted)
            for name, body in self.worker_groups.items():
                group = self.settings.worker_groups[name]
                pod = body["spec"]["worker"]["spec"]
                yield Pods(f"the group {name}", pod, group.wanted, group.maximum or group.wanted)
        if deployment := self.notebook.get("Deployment"):
            yield Pods("the notebook", deployment["spec"]["template"]["spec"], 1, 1)

    @cached_property
    def bodies(self) -> list[Spec]:
        """Everything that is registered for the cluster, except for its certificates."""
        version = [*self.version, self.verify_job] if self.version else []
        optional = [*self.autoscaler, *filter(None, [self.disruption_budget])]
        lists = (self.monitors, self.dashboard_objects, self.notebook.values())
        return [*version, self.endpoint, self.connection, *(body for bodies in lists for body in bodies), *optional]

    @property
    def version(self) -> list[Spec]:
        """What the operator creates pods from: the DaskCluster and its worker groups. Empty while it is suspended."""
        return [] if self.settings.suspended else [self.dask_cluster, *self.worker_groups.values()]


def tls_secret_name(name: str, tls: Tls) -> str:
    """The name of the Secret with the certificates of a cluster or job, or what the names of several begin with."""
    # Another issuer has another CA, whose certificates the pods that run refuse.
    issuer = f"-{content_hash(tls.issuer.model_dump())}" if tls.issuer else ""
    return tls.secret or f"{name}-tls{issuer}-{tls.rotation}"


def workspace_of(settings: Settings, part_of: str, secrets: Mapping[str, str]) -> WorkspaceContext:
    """The workspace of a stack. `secrets` are the names under `dask:secrets` with the names in Kubernetes."""
    namespace, names = settings.namespace, tuple(sorted(secrets.items()))
    common, accounts = Common(settings.labels, settings.annotations), tuple(settings.service_accounts)
    return WorkspaceContext(namespace.name, part_of, namespace.pod_security == "restricted", names, common, accounts)


def clusters_of(settings: Settings, workspace: WorkspaceContext) -> dict[str, DeclaredCluster]:
    """The clusters of a stack, by their names in the configuration."""
    return {name: DeclaredCluster(name, cluster, workspace) for name, cluster in settings.clusters.items()}
