"""The Kubernetes that a program works on: the connection, the provider, and the ownership guard as one thing.

They belong together. Hooks and the provider have to talk to the same cluster, and the provider takes over existing
objects: without the guard it would take over any.
"""

import atexit
import contextlib
import gc
import json
import os
import signal
import threading
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import pulumi
from pulumi import Input, Output, Resource, ResourceOptions
from pulumi_kubernetes import Provider

from .kube import client as kube
from .kube.client import Connection
from .kube.errors import ClusterError, MissingKubeconfigError, UnknownClusterError
from .kube.http_api import remove_credentials
from .kube.kubeconfig import load, provider_argument
from .kube.paths import path
from .lifecycle import ask_first, ownership
from .lifecycle.ask_first import AskFirst
from .lifecycle.labels import part_of
from .lifecycle.ownership import Claim

NAME = "kubernetes"
# The variable that has the SDK send its messages for `pulumi up --debug`.
DEBUG = "DASK_ON_KUBERNETES_DEBUG"
# Requests per second and at once. The provider's own limits, 50 and 120, add 8 s to a refresh of 100 clusters. API
# servers limit their clients themselves today (API Priority and Fairness).
_PACE = {"qps": 200.0, "burst": 400}
# By the program's stack: its `Kubernetes` by name, and the id of its state.
_known: "WeakKeyDictionary[Resource, dict[str, Kubernetes]]" = WeakKeyDictionary()
_owners: "WeakKeyDictionary[Resource, Output[str]]" = WeakKeyDictionary()

Kubeconfig = Input[str | Mapping[str, Any]]


class Kubernetes:
    """A Kubernetes cluster, and what this program may write there.

    Without `context` and `kubeconfig` it is the one that the stack names in `kubernetes:context` and
    `kubernetes:kubeconfig`, else the one of the ambient kubeconfig. A kubeconfig is a path or contents, and may be an
    output, such as that of a cluster which the same program creates: a preview then compares nothing until it exists.
    """

    def __init__(
        self,
        name: str = NAME,
        *,
        context: str | None = None,
        kubeconfig: Kubeconfig | None = None,
        parent: Resource | None = None,
    ) -> None:
        """`name` is the provider's, one for each cluster of a program.

        `parent` is a component, called `name`, of a package for other languages: what it creates belongs to it alone.
        """
        refuse_output("the context of a kubeconfig", context)
        given = context is not None or kubeconfig is not None
        if not given:
            config = pulumi.Config("kubernetes")
            context, kubeconfig = config.get("context"), config.get("kubeconfig")
        self.connection = connection(context, kubeconfig)
        refuse_unusable(self.connection)
        self.claim = Claim(part_of(), pulumi.Config().get_bool("takeOver") or False)
        self._adopted: set[str] = set()
        self._hosts: Output[list[str]] | None = None
        provider = name if parent is None else f"{name}-{NAME}"
        self.owner = _owner() if parent is None else ownership.identity(f"{name}-owner", parent)
        # The default provider reads the same configuration, and a component inherits it.
        self.provider = None if parent and not given else self._provider(provider, kubeconfig, parent)
        self.ask = AskFirst(self.connection)
        """What the API server is asked before the first object is written."""
        prefix = "" if name == NAME else f"{name}-"
        hook, asking = f"{prefix}{ownership.HOOK}", f"{prefix}{ask_first.HOOK}"
        guard = ownership.guard(
            self.connection, self.owner, self.claim, hook=hook, provider=self.provider, adopted=self._adopted
        )
        transformations = [self.ask.transformation(asking, self.provider), guard]
        self.options = ResourceOptions(parent=parent, provider=self.provider)
        """The options of every component and object that is written there."""
        if parent is not None:
            self.options.transformations = transformations
            return
        pulumi.require_pulumi_version(">=3.226.0")  # before 3.219 the CLI does not read `requiredPulumiVersion`
        end_quickly()
        for transformation in transformations:
            pulumi.runtime.register_stack_transformation(transformation)
        if root := pulumi.runtime.get_root_resource():
            _known.setdefault(root, {})[name] = self

    def _provider(self, name: str, kubeconfig: Kubeconfig | None, parent: Resource | None) -> Provider:
        pace: Any = {key: it for key, it in _PACE.items() if f"PULUMI_K8S_CLIENT_{key.upper()}" not in os.environ}
        return Provider(
            name,
            **reaching(self.connection, kubeconfig),
            # Takes over what a killed `up` has created, if the guard finds that it belongs to this stack.
            upsert_existing_objects=True,
            # Reverts changes that were made by hand, whatever tool was used.
            enable_patch_force=True,
            kube_client_settings=pace,
            opts=ResourceOptions(parent=parent),
        )

    @classmethod
    def of_program(cls) -> "Kubernetes":
        """The one that the program has created without a name; created now if it has none."""
        root = pulumi.runtime.get_root_resource()
        return (_known.get(root, {}).get(NAME) if root else None) or cls()

    def options_with(self, opts: ResourceOptions | None) -> ResourceOptions:
        """The options of a component that a program gives `opts`. A provider in them would disagree with the hooks."""
        return ResourceOptions.merge(opts, self.options)

    def leave_to_adoption(self, name: str) -> None:
        """The object with this logical name replaces one of another owner (adoption.py), so the guard lets it pass."""
        self._adopted.add(name)

    @property
    def node_hosts(self) -> Output[list[str]]:
        """The nodes' addresses, looked up on first use: only the printed address of a NodePort needs them."""
        if self._hosts is None:
            self._hosts = Output.from_input(node_hosts(self.connection))
        return self._hosts


def refuse_output(what: str, value: Any) -> None:
    """Raises if a name is an output: an `up` knows it later than it is needed, and a preview perhaps never."""
    if isinstance(value, Output):
        raise pulumi.RunError(
            f"{what} must be a plain name, because names that a preview has to know are made of it; give the name "
            "itself, such as the one that your program gives the namespace, and `depends_on` for the order"
        )


def connection(context: str | None, kubeconfig: Kubeconfig | None) -> Connection:
    """How hooks reach the cluster of a context and a kubeconfig, now or as soon as the kubeconfig is known."""
    if kubeconfig is None or isinstance(kubeconfig, str):
        return Connection(context, kubeconfig)
    contents = _contents(kubeconfig)

    async def known() -> Connection | None:
        return Connection(context, await contents.future()) if await contents.is_known() else None

    return Connection(context, later=known)


def _contents(kubeconfig: Kubeconfig) -> Output[str]:
    return Output.from_input(kubeconfig).apply(lambda it: it if isinstance(it, str) else json.dumps(it))


def _owner() -> Output[str]:
    """The id of the stack's state. A program has one, whatever the number of clusters that it works on."""
    root = pulumi.runtime.get_root_resource()
    if root is None:
        return ownership.identity()
    if root not in _owners:
        _owners[root] = ownership.identity()
    return _owners[root]


def reaching(where: Connection, kubeconfig: Kubeconfig | None = None) -> dict[str, Any]:
    """The arguments of every provider of this program.

    Its identifier is always the same. Another one makes the engine replace everything, as for another cluster
    (provider.go, DiffConfig; #2745, #4019): a rotated kubeconfig would, and a context that is named where the current
    one was used before. On the same cluster that ends in deleting what has just been taken over.
    """
    secret = where.later or where.holds_contents
    given = _contents(kubeconfig) if where.later and kubeconfig is not None else provider_argument(where)
    return {
        "context": where.context,
        "kubeconfig": Output.secret(given) if secret else given,
        "cluster_identifier": "the stack's",
        # A changed connection record, or other registry credentials, are an update of the object. Otherwise the
        # provider creates what exists and then deletes it.
        "enable_config_map_mutable": True,
        "enable_secret_mutable": True,
    }


def refuse_unusable(where: Connection) -> None:
    """Raises `KubeconfigError` for what no client could use, before anything runs. A preview needs no kubeconfig."""
    if not where.later:
        with contextlib.suppress(MissingKubeconfigError):
            load(where)


def end_quickly() -> None:
    """The program ends at once when the engine interrupts it, does not linger when it is done, and keeps to its task.

    The engine interrupts it when a step has failed; the reason has been printed, and a traceback would only hide it.
    For each resource, the SDK sends the engine seven messages that only `pulumi up --debug` shows, and waits for each.

    Does nothing in a program that the Automation API runs: it is a thread of a process that has other things to do.
    """
    if threading.current_thread() is not threading.main_thread():
        return

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
    except UnknownClusterError:
        return []
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
