"""The component of the package: plain inputs in, one Dask cluster in a namespace that exists out.

The settings stay one mapping, as under `dask:clusters` in a stack file: the models check it, in any language, with the
same messages. The namespace and the operator belong to the one stack that owns them.
"""

from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes import Provider

from components import cluster
from components import kubernetes as kubernetes_module
from components.configuration import parse
from components.kube.client import Connection
from components.lifecycle import ownership
from components.lifecycle.ask_first import AskFirst
from components.lifecycle.labels import part_of
from components.lifecycle.ownership import Claim
from components.manifests.context import WorkspaceContext
from components.manifests.declared import DeclaredCluster

PACKAGE = "dask-on-kubernetes"


class DaskClusterArgs(TypedDict):
    """The inputs of the component, in any language."""

    namespace: str
    """The namespace for the cluster. It must exist."""
    cluster: NotRequired[dict[str, Any]]
    """The cluster's settings, as under `dask:clusters.<name>` in a stack file: docs/configuration.md."""
    pod_security: NotRequired[str]
    """The Pod Security level that the namespace enforces: restricted (the default), baseline or privileged."""
    context: NotRequired[str]
    """The context of the kubeconfig. Default: the current one."""
    kubeconfig: NotRequired[str]
    """A kubeconfig, or the path of one. Default: the ambient one."""


class DaskCluster(pulumi.ComponentResource):
    """A Dask cluster that has computed a result, and the endpoint that leads to it."""

    cluster_name: pulumi.Output[str]
    """The name of the DaskCluster in Kubernetes."""
    scheduler_address: pulumi.Output[str]
    """Where clients connect: tcp://… or tls://…"""
    dashboard_url: pulumi.Output[str | None]
    """The dashboard's page, where the endpoint has one."""
    scheduler_node_port: pulumi.Output[int | None]
    dashboard_node_port: pulumi.Output[int | None]
    image: pulumi.Output[str]
    client_tls: pulumi.Output[dict[str, str]]
    """`ca`, `cert` and `key` of a client as PEM, if the certificates were generated."""

    def __init__(self, name: str, args: DaskClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:index:DaskCluster", name, {}, opts)
        connection = Connection(args.get("context"), args.get("kubeconfig"))
        made_for = target(name, args, part_of())
        hosts = pulumi.Output.from_input(kubernetes_module.node_hosts(connection)) if _needs_hosts(made_for) else None
        made = cluster.DaskCluster(name, made_for, connection, node_hosts=hosts, opts=self._child(name, connection))
        self.cluster_name = made.name
        self.scheduler_address = made.scheduler_address.apply(lambda address: address or "")
        self.dashboard_url = made.dashboard_url
        self.scheduler_node_port = made.scheduler_node_port
        self.dashboard_node_port = made.dashboard_node_port
        self.image = made.image
        self.client_tls = made.client_tls
        self.register_outputs({"clusterName": self.cluster_name, "schedulerAddress": self.scheduler_address})

    def _child(self, name: str, connection: Connection) -> pulumi.ResourceOptions:
        """A provider for the cluster that the hooks use, unless the program's own one leads there."""
        owner = ownership.identity(f"{name}-owner", self)
        claim = Claim(part_of(), pulumi.Config().get_bool("takeOver") or False)
        # Providers before 4.29 always take over existing objects.
        ask = AskFirst(connection).transformation(f"{name}-ask-first")
        guarded = [ask, ownership.guard(connection, owner, claim, hook=f"{name}-ownership")]
        if connection == Connection():
            return pulumi.ResourceOptions(parent=self, transformations=guarded)
        provider = Provider(
            f"{name}-kubernetes",
            **kubernetes_module.reaching(connection),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return pulumi.ResourceOptions(parent=self, provider=provider, transformations=guarded)


def target(name: str, args: DaskClusterArgs, owner: str) -> DeclaredCluster:
    """The cluster that the arguments describe. Raises `ConfigError` with every mistake in them."""
    level = args.get("pod_security", "restricted")
    namespace = {"name": args["namespace"], "create": False, "podSecurity": level}
    config = parse({"namespace": namespace, "clusters": {name: whole(args.get("cluster") or {})}})
    workspace = WorkspaceContext(config.namespace.name, owner, restricted=level == "restricted")
    return DeclaredCluster(name, config.clusters[name], workspace)


def _needs_hosts(made_for: DeclaredCluster) -> bool:
    settings = made_for.settings.endpoint
    return settings.type == "NodePort" and settings.host == "auto"


def whole(value: Any) -> Any:
    """The value with its whole numbers as integers: the engine hands over every number as a float."""
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
