"""What the objects of a cluster or job have to know of the place that they are in: names, labels, TLS and Secrets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..settings.tls import Tls
from ..vocabulary import API_VERSIONS, COMM_PORT, INSTANCE, NAME, PART_OF

Spec = dict[str, Any]


@dataclass(frozen=True)
class Common:
    """The labels and annotations that a stack gives everything that it creates."""

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def below(self, metadata: Mapping[str, Any]) -> Spec:
        """The metadata with them, where it has none of the same name itself."""
        own = {"labels": self.labels, "annotations": self.annotations}
        return {**metadata} | {key: {**it, **(metadata.get(key) or {})} for key, it in own.items() if it}


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
    common: Common = Common()
    """What all objects and pods are labelled and annotated with."""
    service_accounts: tuple[str, ...] = ()
    """The service accounts that the stack creates."""


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

    @property
    def common(self) -> Common:
        """What everything is labelled and annotated with."""
        return self.workspace.common

    @property
    def labels(self) -> dict[str, str]:
        """The recommended labels of all objects of this name."""
        return recommended_labels(self.name, self.workspace.part_of)

    @property
    def tls_secrets(self) -> dict[str, str]:
        """The Secrets with the certificates, by role: one for all, or with an issuer one for each."""
        each = self.tls.issuer is not None
        return {it: f"{self.tls_secret}-{it}" if each else self.tls_secret for it in ("scheduler", "worker", "client")}

    def has_created(self, kind: str, name: str) -> bool:
        """Whether it is the stack that creates this Secret or service account for its pods."""
        certificates = [self.tls_secret] if self.tls.generated else []
        secrets = [*dict(self.workspace.secrets).values(), *certificates]
        return name in {"Secret": secrets, "ServiceAccount": self.workspace.service_accounts}.get(kind, ())

    def object(self, kind: str, name: str, labels: dict[str, str] | None = None) -> Spec:
        """An object's kind and metadata."""
        own = self.labels | (labels or {})
        metadata = self.common.below({"name": name, "namespace": self.namespace, "labels": own})
        return {"apiVersion": API_VERSIONS[kind], "kind": kind, "metadata": metadata}


def recommended_labels(instance: str, part_of: str) -> dict[str, str]:
    """The labels of a cluster's or job's objects. The operator copies them into selectors, so they never change."""
    return {NAME: "dask", INSTANCE: instance, PART_OF: part_of}


def annotate(body: Spec, annotations: Mapping[str, str]) -> Spec:
    """The body, with more annotations, over those that it has."""
    body["metadata"]["annotations"] = {**body["metadata"].get("annotations", {}), **annotations}
    return body


def service_host(name: str, namespace: str) -> str:
    """The host name of a Service inside Kubernetes."""
    return f"{name}.{namespace}.svc"
