"""The components of the package for other languages: typed inputs in, the program's own components below.

Each input that holds settings is checked by the same models as a stack file, with the same messages.
"""

import json
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi.provider.experimental.analyzer import Analyzer
from pulumi.provider.experimental.component import ComponentProvider

import components
from components import ExistingNamespace, Kubernetes
from plugin.arguments import Types, whole

PACKAGE = "dask-on-kubernetes"
# The inputs that hold settings, by component, with the names of their models.
SETTINGS = {
    "DaskCluster": {"cluster": "Cluster"},
    "DaskJob": {"job": "Job"},
    "DaskOperator": {"operator": "Operator"},
    "Workspace": {"namespace": "Namespace", "operator": "Operator"},
}
# What holds credentials: each SDK marks it as a secret.
SECRETS = ("kubeconfig", "clientTls", "notebookToken")


class _KubernetesArgs(TypedDict):
    context: NotRequired[str]
    """The context of the kubeconfig. Default: the current one."""
    kubeconfig: NotRequired[Input[str]]
    """A kubeconfig, or the path of one. Default: the ambient one. It may be the output of another resource."""
    labels: NotRequired[dict[str, str]]
    """Labels of everything that is created, its pods included, as `dask:labels` in a stack file."""
    annotations: NotRequired[dict[str, str]]
    """Annotations of everything that is created, as `dask:annotations` in a stack file."""


class _PlacedArgs(_KubernetesArgs):
    namespace: str
    """The name of the namespace. It must exist."""
    pod_security: NotRequired[str]
    """The Pod Security level that the namespace enforces: restricted (default), baseline or privileged."""


class DaskClusterArgs(_PlacedArgs):
    """Where the cluster is, and what it is."""

    cluster: NotRequired[Any]
    """The cluster's settings, as under `dask:clusters.<name>` in a stack file."""


class DaskJobArgs(_PlacedArgs):
    """Where the job runs, and what it is."""

    job: Any
    """The job's settings, as under `dask:jobs.<name>` in a stack file."""


class DaskOperatorArgs(_KubernetesArgs):
    """How the operator is installed."""

    operator: NotRequired[Any]
    """The operator's settings, as under `dask:operator` in a stack file."""


class WorkspaceArgs(_KubernetesArgs):
    """What the namespace is like."""

    namespace: Any
    """The namespace's settings, as under `dask:namespace` in a stack file."""
    operator: NotRequired[Any]
    """The operator that network policies let in, as under `dask:operator` in a stack file."""


class DaskCluster(pulumi.ComponentResource):
    """A Dask cluster that has computed a result, and the endpoint that leads to it."""

    cluster_name: Output[str]
    """The name of the DaskCluster in Kubernetes."""
    scheduler_address: Output[str]
    """Where clients connect: tcp://… or tls://…"""
    dashboard_url: Output[str | None]
    """The dashboard's page, where the endpoint has one."""
    scheduler_node_port: Output[int | None]
    """The scheduler's port on every node, with the type NodePort."""
    dashboard_node_port: Output[int | None]
    """The dashboard's port on every node, with the type NodePort."""
    image: Output[str]
    """The image of scheduler and workers."""
    notebook_url: Output[str | None]
    """The notebook's page, if the cluster has one."""
    notebook_token: Output[str | None]
    """What the notebook asks for, if the token was generated."""
    client_tls: Output[dict[str, str]]
    """`ca`, `cert` and `key` of a client as PEM, if the certificates were generated."""

    def __init__(self, name: str, args: DaskClusterArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:index:DaskCluster", name, {}, opts)
        made = components.DaskCluster(
            name, whole(args.get("cluster") or {}), _place(self, name, args, opts), _after(opts)
        )
        self.cluster_name = made.name
        self.scheduler_address = made.scheduler_address.apply(lambda address: address or "")
        self.dashboard_url = made.dashboard_url
        self.scheduler_node_port = made.scheduler_node_port
        self.dashboard_node_port = made.dashboard_node_port
        self.image = made.image
        self.client_tls = made.client_tls
        self.notebook_url = made.notebook.url if made.notebook else Output.from_input(None)
        token = made.notebook.token if made.notebook else None
        self.notebook_token = token or Output.from_input(None)
        self.register_outputs({"clusterName": self.cluster_name, "schedulerAddress": self.scheduler_address})


class DaskJob(pulumi.ComponentResource):
    """A program that has run to its end on a Dask cluster of its own, or that runs by a schedule."""

    job_name: Output[str]
    """The name of the DaskJob in Kubernetes; with a schedule, that of the CronJob."""
    logs: Output[str]
    """The command that shows the program's output."""

    def __init__(self, name: str, args: DaskJobArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:index:DaskJob", name, {}, opts)
        made = components.DaskJob(name, whole(args["job"]), _place(self, name, args, opts), _after(opts))
        self.job_name, self.logs = made.name, made.outputs()["logs"]
        self.register_outputs({"jobName": self.job_name, "logs": self.logs})


class DaskOperator(pulumi.ComponentResource):
    """The dask-kubernetes-operator, installed by Helm. One stack for each Kubernetes cluster installs it."""

    release_name: Output[str]
    """The name of the Helm release."""
    version: Output[str]
    """The version of the chart."""

    def __init__(self, name: str, args: DaskOperatorArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:index:DaskOperator", name, {}, opts)
        settings, kubernetes = whole(args.get("operator") or {}), _kubernetes(self, name, args, opts)
        common = _common(args)
        made = components.DaskOperator(
            name,
            settings,
            kubernetes,
            labels=common["labels"],
            annotations=common["annotations"],
            opts=_after(opts),
        )
        self.release_name, self.version = made.release_name, made.version
        self.register_outputs({"releaseName": self.release_name, "version": self.version})


class Workspace(pulumi.ComponentResource):
    """A namespace with its Pod Security level, quota, limits and network policies.

    Secrets are not among its inputs: create them, and name them in `envFrom` or `volumes`.
    """

    namespace_name: Output[str]
    """The namespace, once it exists."""

    def __init__(self, name: str, args: WorkspaceArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:index:Workspace", name, {}, opts)
        settings = whole({"namespace": args["namespace"], "operator": args.get("operator") or {}}) | _common(args)
        made = components.Workspace(name, settings, _kubernetes(self, name, args, opts), _after(opts))
        self.namespace_name = made.namespace
        self.register_outputs({"namespaceName": self.namespace_name})


class Package(ComponentProvider):
    """The package's schema and its components."""

    def __init__(self) -> None:
        super().__init__([DaskCluster, DaskJob, DaskOperator, Workspace], PACKAGE)
        self.schema = json.dumps(_completed(json.loads(self.schema or "")))


def _completed(schema: Any) -> Any:
    """The inferred schema with what no type hint says: the types of settings, secrets, and inherited descriptions."""
    types = Types(PACKAGE)
    for token, component in schema["resources"].items():
        inputs = component["inputProperties"]
        for key, model in SETTINGS[token.rpartition(":")[2]].items():
            inputs[key] = types.of_model(model) | {"description": inputs[key].get("description")}
        for key, field in inputs.items():
            # Pulumi reads the docstrings of a TypedDict itself, and not those of its bases.
            field["description"] = field.get("description") or _inherited(key)
        for key, field in [*inputs.items(), *component["properties"].items()]:
            if key in SECRETS:
                field["secret"] = True
    return schema | {"types": types.found}


def _inherited(key: str) -> str | None:
    reader = Analyzer(PACKAGE)
    name = {"podSecurity": "pod_security"}.get(key, key)
    return reader.get_docstring(_PlacedArgs, name) or reader.get_docstring(_KubernetesArgs, name)


def _kubernetes(
    parent: pulumi.ComponentResource, name: str, args: _KubernetesArgs, opts: ResourceOptions | None
) -> Kubernetes:
    """Where the component writes, and who owns what it writes."""
    context, kubeconfig = args.get("context"), args.get("kubeconfig")
    handed: Any = (opts.providers if opts else None) or ()
    packages = [one.package for one in (handed.values() if isinstance(handed, Mapping) else handed)]
    if "kubernetes" in packages and context is None and kubeconfig is None:
        raise pulumi.RunError(
            f"{name}: gets a Kubernetes provider, but also has to reach the cluster by itself, and a provider does not "
            "say which one it is; set `context` or `kubeconfig` instead"
        )
    return Kubernetes(name, context=context, kubeconfig=kubeconfig, parent=parent)


def _place(
    parent: pulumi.ComponentResource, name: str, args: _PlacedArgs, opts: ResourceOptions | None
) -> ExistingNamespace:
    level: Any = args.get("pod_security", "restricted")
    return ExistingNamespace(args["namespace"], _kubernetes(parent, name, args, opts), level, **_common(args))


def _common(args: _KubernetesArgs) -> dict[str, dict[str, str]]:
    """The labels and annotations of everything."""
    return {"labels": args.get("labels", {}), "annotations": args.get("annotations", {})}


def _after(opts: ResourceOptions | None) -> ResourceOptions:
    """What a program says about the order holds for what is inside as well."""
    return ResourceOptions(depends_on=opts.depends_on if opts else None)
