"""The Workspace component: the namespace that the clusters live in, and everything that applies to all pods in it."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import ResourceOptions

from . import handover
from .kube import chart
from .kubernetes import Kubernetes
from .lifecycle import operators as peers
from .lifecycle.labels import owned, part_of
from .manifests.context import WorkspaceContext
from .manifests.declared import DeclaredCluster, DeclaredJob
from .objects import KubernetesObject
from .settings import stack as settings
from .settings.cluster import Cluster
from .settings.job import Job
from .vocabulary import PART_OF, ROLE


class Workspace(pulumi.ComponentResource):
    """A namespace with its Pod Security level, quota, limits, network policies and Secrets."""

    namespace: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        namespace: settings.Namespace,
        secrets: Mapping[str, Mapping[str, str]],
        kubernetes: Kubernetes,
        *,
        operator: settings.Operator,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`operator` describes the operator that the network policy allows."""
        super().__init__("dask:k8s:Workspace", name, {}, opts)
        self._name = namespace.name
        self._restricted = namespace.pod_security == "restricted"
        self._home = self._own(namespace) if namespace.create else self._foreign(namespace, kubernetes)
        self.namespace = pulumi.Output.from_input(namespace.name)
        if namespace.quota:
            self._quota(namespace.quota)
        if namespace.limits:
            self._limits(namespace.limits.all_requests(), namespace.limits.all_limits())
        if namespace.network_policies:
            self._policies(namespace, peers.operator_homes(kubernetes.connection, operator, namespace.name))
        self.secret_names = secret_names(secrets, namespace.name)
        for key, data in secrets.items():
            self._secret(self.secret_names[key], data)
        self.register_outputs({"namespace": self.namespace})

    def cluster(self, name: str, cluster: Cluster) -> DeclaredCluster:
        """A cluster of this name, here."""
        return DeclaredCluster(name, cluster, self._context())

    def job(self, name: str, job: Job) -> DeclaredJob:
        """A job of this name, here."""
        return DeclaredJob(name, job, self._context())

    def _context(self) -> WorkspaceContext:
        return WorkspaceContext(self._name, part_of(), self._restricted, tuple(sorted(self.secret_names.items())))

    def _own(self, namespace: settings.Namespace) -> list[pulumi.Resource]:
        level = {f"pod-security.kubernetes.io/{mode}": namespace.pod_security for mode in ("enforce", "warn")}
        labels = owned() | level | dict(namespace.labels)
        metadata: Any = {"name": namespace.name, "labels": labels, "annotations": {ROLE: "workspace"}}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        return [KubernetesObject("namespace", body, ResourceOptions(parent=self))]

    def _foreign(self, namespace: settings.Namespace, kubernetes: Kubernetes) -> list[pulumi.Resource]:
        """One that exists: it may be this stack's own of earlier, which the engine must not delete."""
        handover.let_namespace_go("workspace", namespace.name, kubernetes, ResourceOptions(parent=self))
        return []

    def _object(self, logical: str, api: str, kind: str, content: dict[str, Any], name: str = "dask") -> None:
        """An object in the namespace, which is called `logical` in the program and `name` in Kubernetes."""
        metadata = {"name": name, "namespace": self._name, "labels": owned()}
        body = {"apiVersion": api, "kind": kind, "metadata": metadata} | content
        KubernetesObject(logical, body, ResourceOptions(parent=self, depends_on=self._home))

    def _quota(self, quota: settings.Quota) -> None:
        hard: dict[str, str] = {}
        for resource, most in (("cpu", quota.cpu), ("memory", quota.memory)):
            if most:
                hard |= {f"requests.{resource}": most, f"limits.{resource}": most}
        if quota.pods is not None:
            hard["pods"] = str(quota.pods)
        self._object("quota", "v1", "ResourceQuota", {"spec": {"hard": hard}})

    def _limits(self, requests: dict[str, str], limits: dict[str, str]) -> None:
        limit: Any = {"type": "Container", "default": limits, "defaultRequest": requests}
        self._object("limits", "v1", "LimitRange", {"spec": {"limits": [limit]}})

    def _policies(self, namespace: settings.Namespace, operators: pulumi.Input[Sequence[str]]) -> None:
        """Only pods of this namespace, the operator and the allowed ranges may connect to the pods here.

        In a namespace of another owner, the policy selects the stack's own pods only.
        """
        ranges = [{"ipBlock": {"cidr": cidr}} for cidr in namespace.allow_from]
        selected: Any = {} if namespace.create else {"matchLabels": {PART_OF: part_of()}}

        def spec(homes: Sequence[str]) -> Any:
            peers = [{"podSelector": {}}, *map(_operator_in, homes), *ranges]
            return {"podSelector": selected, "policyTypes": ["Ingress"], "ingress": [{"from": peers}]}

        content = {"spec": pulumi.Output.from_input(operators).apply(spec)}
        self._object("ingress", "networking.k8s.io/v1", "NetworkPolicy", content)

    def _secret(self, physical: str, data: Mapping[str, str]) -> None:
        hidden = {key: pulumi.Output.secret(value) for key, value in data.items()}
        self._object(physical, "v1", "Secret", {"stringData": hidden, "immutable": True}, physical)


def _operator_in(namespace: str) -> dict[str, Any]:
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": {"matchLabels": chart.SELECTOR},
    }


def secret_names(secrets: Mapping[str, Mapping[str, str]], namespace: str) -> dict[str, str]:
    """Names of Secrets that change with their content, so that a changed value reaches the pods.

    The hash is slow and salted with the place: eight digits of a fast one would let short secrets be guessed. The
    stack's name is not in it, because a renamed stack has the same pods (docs/adr/0023).
    """
    return {name: f"{name}-{_slow_hash(f'{namespace}/{name}', data)}" for name, data in secrets.items()}


def _slow_hash(salt: str, data: Mapping[str, str]) -> str:
    content = "\0".join(f"{key}\0{data[key]}" for key in sorted(data))
    return hashlib.scrypt(content.encode(), salt=salt.encode(), n=2**14, r=8, p=1, dklen=4).hex()
