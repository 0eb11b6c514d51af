"""The Workspace component: the namespace that the clusters live in, and everything that applies to all pods in it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pulumi
from pulumi import ResourceOptions

from . import handover
from .children import options_of_children
from .configuration import common, stack_settings
from .kubernetes import Kubernetes, refuse_output
from .lifecycle import operators as peers
from .lifecycle.labels import owned, part_of
from .manifests.context import WorkspaceContext
from .manifests.declared import workspace_of
from .manifests.secrets import secret, secret_names, service_account
from .objects import KubernetesObject
from .settings.peers import Peer
from .settings.prices import Prices
from .settings.stack import Namespace as NamespaceSettings
from .settings.stack import Quota, Settings
from .vocabulary import API_VERSIONS, PART_OF, ROLE


class ExistingNamespace:
    """A namespace that the program does not create, for its clusters and jobs."""

    def __init__(
        self,
        name: str,
        kubernetes: Kubernetes | None = None,
        pod_security: Literal["restricted", "baseline", "privileged"] = "restricted",
        *,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """`pod_security` is the Pod Security Standard that the namespace enforces.

        `labels` and `annotations` are given to everything that is created in it, as by `dask:labels` in a stack file.
        """
        refuse_output("the namespace of a cluster or job", name)
        self.kubernetes = kubernetes or Kubernetes.of_program()
        self.as_settings = {"name": name, "create": False, "podSecurity": pod_security}
        given = common(labels, annotations)
        self.context = WorkspaceContext(name, part_of(), restricted=pod_security == "restricted", common=given)
        self.prices: Prices | None = None


class Workspace(pulumi.ComponentResource):
    """A namespace with its Pod Security level, quota, limits, network policies, Secrets and service accounts."""

    namespace: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        settings: Settings | Mapping[str, Any],
        kubernetes: Kubernetes | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`settings` are those of a stack; as a mapping, the keys of a stack file without `dask:`.

        Their `operator` is the one that network policies let in. If the stack no longer installs it, what it had
        installed is handed over here.
        """
        settings = stack_settings(settings)
        namespace, self.kubernetes = settings.namespace, kubernetes or Kubernetes.of_program()
        self.kubernetes.ask.settings = settings  # whose paths its messages name
        self.prices: Prices | None = settings.prices
        super().__init__("dask:k8s:Workspace", name, {}, self.kubernetes.options_with(opts))
        self._options = options_of_children(self, opts)
        self._name = namespace.name
        self.as_settings = namespace.model_dump(mode="json", by_alias=True, exclude_unset=True)
        self.context = workspace_of(settings, part_of(), secret_names(settings))
        self._home = self._own(namespace) if namespace.create else self._foreign(namespace)
        self.namespace = pulumi.Output.from_input(namespace.name)
        if namespace.quota:
            self._quota(namespace.quota)
        if namespace.limits:
            self._limits(namespace.limits.all_requests(), namespace.limits.all_limits())
        if namespace.network_policies:
            homes = peers.operator_homes(self.kubernetes.connection, settings.operator, namespace.name)
            self._policies(namespace, homes)
        for key, physical in self.context.secrets:
            hidden = {name: pulumi.Output.secret(value) for name, value in settings.secrets[key].items()}
            self._object(physical, "v1", "Secret", secret(settings, key, hidden), physical)
        for key, account in settings.service_accounts.items():
            more, content = service_account(account)
            self._object(f"{key}-account", "v1", "ServiceAccount", content, key, more)
        if not settings.operator.install:
            handover.let_operator_go("operator", (settings.operator.namespace, namespace.name), self.kubernetes)
        self.register_outputs({"namespace": self.namespace})

    def _own(self, namespace: NamespaceSettings) -> list[pulumi.Resource]:
        level = {f"pod-security.kubernetes.io/{mode}": namespace.pod_security for mode in ("enforce", "warn")}
        labels = owned() | level | dict(namespace.labels)
        metadata: Any = {"name": namespace.name, "labels": labels, "annotations": {ROLE: "workspace"}}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": self.context.common.below(metadata)}
        return [KubernetesObject("namespace", body, self._options())]

    def _foreign(self, namespace: NamespaceSettings) -> list[pulumi.Resource]:
        """One that exists: it may be this stack's own of earlier, which the engine must not delete."""
        handover.let_namespace_go("workspace", namespace.name, self.kubernetes, ResourceOptions(parent=self))
        return []

    def _object(
        self,
        logical: str,
        api: str,
        kind: str,
        content: Mapping[str, Any],
        name: str = "dask",
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """An object in the namespace, which is called `logical` in the program and `name` in Kubernetes.

        `more` are further labels and annotations.
        """
        notes = dict(more or {})
        own = {"name": name, "namespace": self._name} | notes | {"labels": owned() | notes.get("labels", {})}
        metadata = self.context.common.below(own)
        body = {"apiVersion": api, "kind": kind, "metadata": metadata} | dict(content)
        KubernetesObject(logical, body, self._options(self._home))

    def _quota(self, quota: Quota) -> None:
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

    def _policies(self, namespace: NamespaceSettings, operators: pulumi.Input[Sequence[peers.Home]]) -> None:
        """Only pods of this namespace, the operator and the allowed ranges may connect to the pods here.

        In a namespace of another owner, the policy selects the stack's own pods only.
        """
        allowed = [_peer(peer) for peer in namespace.allow_from]
        selected: Any = {} if namespace.create else {"matchLabels": {PART_OF: part_of()}}

        def spec(homes: Sequence[peers.Home]) -> Any:
            callers = [{"podSelector": {}}, *(_pods_in(*home) for home in homes), *allowed]
            return {"podSelector": selected, "policyTypes": ["Ingress"], "ingress": [{"from": callers}]}

        content = {"spec": pulumi.Output.from_input(operators).apply(spec)}
        self._object("ingress", API_VERSIONS["NetworkPolicy"], "NetworkPolicy", content)


Home = Workspace | ExistingNamespace


def home_of(workspace: Home | str) -> Home:
    """Where a cluster or job is created, from what a program says."""
    refuse_output("the namespace of a cluster or job", workspace)
    return ExistingNamespace(workspace) if isinstance(workspace, str) else workspace


def _peer(peer: Peer) -> dict[str, Any]:
    return {"ipBlock": {"cidr": peer.cidr}} if peer.cidr else _pods_in(peer.namespace or "", peer.pods)


def _pods_in(namespace: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """Pods with these labels in a namespace, all of them without labels; the name is a label that every one has."""
    pods = {"podSelector": {"matchLabels": dict(labels)}} if labels else {}
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}} | pods
