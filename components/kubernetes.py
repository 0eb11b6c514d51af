"""The Kubernetes that a program works on: the connection, the provider, and the ownership guard.

The three belong together, because the provider takes over existing objects: without the guard it would take over any.
"""

import atexit
import gc
import os
import signal
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_kubernetes import Provider

from .kube import client as kube
from .kube.client import Connection
from .kube.errors import ClusterError
from .kube.paths import path
from .kube.session import remove_credentials
from .lifecycle import ownership
from .lifecycle.ask_first import AskFirst
from .lifecycle.labels import part_of
from .lifecycle.ownership import Claim
from .settings.cluster import Endpoint
from .settings.notebook import NotebookEndpoint
from .settings.stack import Settings

# The variable that has the SDK send its messages for `pulumi up --debug`.
DEBUG = "DASK_ON_KUBERNETES_DEBUG"


@dataclass(frozen=True)
class Kubernetes:
    """Where a program's objects are written, and which owner they get."""

    connection: Connection
    provider: Provider
    owner: Output[str]
    """The id of the state, which every object carries."""
    claim: Claim
    ask: AskFirst
    """What the API server is asked before the first object is written."""

    @property
    def options(self) -> ResourceOptions:
        """The options of every component and object of the program."""
        return ResourceOptions(provider=self.provider)

    def hosts(self, settings: Settings) -> Output[list[str]] | None:
        """The nodes' addresses, looked up only if a printed address needs one."""
        endpoints: list[Endpoint | NotebookEndpoint] = [cluster.endpoint for cluster in settings.clusters.values()]
        endpoints += [cluster.notebook.endpoint for cluster in settings.clusters.values() if cluster.notebook]
        if any(endpoint.type == "NodePort" and endpoint.host == "auto" for endpoint in endpoints):
            return Output.from_input(node_hosts(self.connection))
        return None


def connect(settings: Settings) -> Kubernetes:
    """The Kubernetes that the stack names in `kubernetes:context`; the one of the ambient kubeconfig otherwise."""
    end_quickly()
    config = pulumi.Config("kubernetes")
    connection = Connection(config.get("context"), config.get("kubeconfig"))
    provider = Provider(
        "kubernetes",
        **reaching(connection),
        # Takes over what a killed `up` has created, if the guard finds that it belongs to this stack.
        upsert_existing_objects=True,
        # Reverts changes that were made by hand, whatever tool was used.
        enable_patch_force=True,
    )
    owner, claim = ownership.identity(), Claim(part_of(), settings.take_over)
    adopted = frozenset(f"{name}-endpoint" for name, cluster in settings.clusters.items() if cluster.adopt)
    guard = ownership.guard(connection, owner, claim, provider=provider, adopted=adopted)
    ask = AskFirst(connection, settings)
    for transformation in (ask.transformation(provider=provider), guard):
        pulumi.runtime.register_stack_transformation(transformation)
    return Kubernetes(connection, provider, owner, claim, ask)


def reaching(where: Connection) -> dict[str, Any]:
    """The arguments of every provider of this program.

    Its identifier is always the same. Another one makes the engine replace everything, as for another cluster
    (provider.go, DiffConfig; #2745, #4019): a rotated kubeconfig would, and a context that is named where the current
    one was used before. On the same cluster that ends in deleting what has just been taken over.
    """
    return {
        "context": where.context,
        "kubeconfig": pulumi.Output.secret(where.kubeconfig) if where.holds_contents else where.kubeconfig,
        "cluster_identifier": "the stack's",
        # A changed connection record or Secret is an update of the object, not a new one.
        "enable_config_map_mutable": True,
    }


def end_quickly() -> None:
    """The program ends at once when the engine interrupts it, does not linger when it is done, and keeps to its task.

    The engine interrupts it when a step has failed; the reason has been printed, and a traceback would only hide it.
    For each resource, the SDK sends the engine seven messages that only `pulumi up --debug` shows, and waits for each.
    """

    def end(*_: object) -> None:
        remove_credentials()
        os._exit(1)

    signal.signal(signal.SIGINT, end)
    # A run that changes nothing makes little garbage, and Python would search everything for it ten times.
    gc.set_threshold(50_000, 50, 50)
    if not os.environ.get(DEBUG):
        pulumi.log.debug = lambda *_, **__: None
    # Python would otherwise search all modules for garbage once more before it ends, which takes half a second.
    atexit.register(gc.freeze)


async def node_hosts(connection: Connection) -> list[str]:
    """An address of every ready node: its external one, where it has one, else its internal one.

    None in a preview without a Kubernetes API, which shows what it can. Raises `ClusterError` without permission to
    list nodes: then `endpoint.host` has to name one.
    """
    try:
        client = await kube.api(connection)
    except ClusterError as error:
        if not pulumi.runtime.is_dry_run():
            raise
        pulumi.log.warn(f"the addresses of node ports are not known: {error}")
        return []
    try:
        nodes = (await kube.get(client, path("Node")))["items"]
    except Exception as error:
        raise ClusterError(
            f"cannot list the nodes to find the NodePort's address: {error}; set `endpoint.host` of the cluster"
        ) from error
    return [host for node in sorted(nodes, key=lambda node: node["metadata"]["name"]) if (host := _host(node))]


def _host(node: dict[str, Any]) -> str | None:
    status = node.get("status", {})
    ready = any(item["type"] == "Ready" and item["status"] == "True" for item in status.get("conditions", []))
    by_type = {item["type"]: item["address"] for item in reversed(status.get("addresses", []))}
    return (by_type.get("ExternalIP") or by_type.get("InternalIP")) if ready else None
