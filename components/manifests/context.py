"""What the objects of a cluster or job have to know of the place that they are in: names, labels, TLS and Secrets."""

from dataclasses import dataclass, field
from typing import Any

from ..settings.cluster import Tls
from ..vocabulary import API_VERSIONS, COMM_PORT, INSTANCE, NAME, PART_OF

Spec = dict[str, Any]


@dataclass(frozen=True)
class WorkspaceContext:
    """The namespace that clusters and jobs are in, and the stack that owns them."""

    namespace: str
    part_of: str
    """`<project>-<stack>`: the owner of the objects."""
    restricted: bool = True
    """Whether the namespace enforces the restricted Pod Security Standard."""
    secrets: tuple[tuple[str, str], ...] = ()
    """Names under `dask:secrets` with the names of the Secrets in Kubernetes."""


@dataclass(frozen=True)
class PodContext:
    """One version of a cluster or job, in its workspace."""

    name: str
    """The name in the stack's configuration."""
    cluster_name: str
    """The name of the DaskCluster in Kubernetes."""
    workspace: WorkspaceContext
    tls: Tls = field(default_factory=Tls)
    tls_secret: str = ""

    @property
    def namespace(self) -> str:
        """The namespace of the pod."""
        return self.workspace.namespace

    @property
    def restricted(self) -> bool:
        """Whether the namespace enforces the Pod Security level `restricted`."""
        return self.workspace.restricted

    @property
    def scheduler_address(self) -> str:
        """The address of this version's scheduler. Workers and the verify Job use it, not the endpoint."""
        return f"{self.scheme}://{service_host(f'{self.cluster_name}-scheduler', self.namespace)}:{COMM_PORT}"

    @property
    def scheme(self) -> str:
        """The protocol of Dask's connections: `tls` or `tcp`."""
        return "tls" if self.tls.enabled else "tcp"

    def secret(self, name: str) -> str:
        """The name in Kubernetes of a Secret that a user refers to: one under `dask:secrets`, or one that exists."""
        return dict(self.workspace.secrets).get(name, name)

    def object(self, kind: str, name: str, labels: dict[str, str] | None = None) -> Spec:
        """An object's kind and metadata."""
        own = recommended_labels(self.name, self.workspace.part_of) | (labels or {})
        metadata = {"name": name, "namespace": self.namespace, "labels": own}
        return {"apiVersion": API_VERSIONS[kind], "kind": kind, "metadata": metadata}


def recommended_labels(instance: str, part_of: str) -> dict[str, str]:
    """The labels of a cluster's or job's objects. The operator copies them into selectors, so they never change."""
    return {NAME: "dask", INSTANCE: instance, PART_OF: part_of}


def service_host(name: str, namespace: str) -> str:
    """The host name of a Service inside Kubernetes."""
    return f"{name}.{namespace}.svc"
