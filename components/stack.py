"""The outputs of a stack. In: its components. Out: what `pulumi stack output` shows; the names are a contract."""

import os
import signal
from collections.abc import Mapping
from typing import Any

import pulumi

from components.cluster import DaskCluster
from components.endpoint import node_hosts
from components.job import DaskJob
from components.kube import Connection, remove_credentials
from components.settings import Settings

FLAT = ("schedulerAddress", "dashboardUrl", "schedulerNodePort", "dashboardNodePort")


def reaching(where: Connection) -> dict[str, Any]:
    """What every provider of ours is given.

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
    """The program ends at once when the engine interrupts it, and does not linger when it is done.

    The engine interrupts it when a step has failed; the reason has been printed, and a traceback would only hide it.
    """

    def end(*_: object) -> None:
        remove_credentials()
        os._exit(1)

    signal.signal(signal.SIGINT, end)


def hosts(settings: Settings, where: Connection) -> pulumi.Output[list[str]] | None:
    """The nodes' addresses, looked up only where a printed address needs one."""
    endpoints = [cluster.endpoint for cluster in settings.clusters.values()]
    if any(endpoint.type == "NodePort" and endpoint.host == "auto" for endpoint in endpoints):
        return pulumi.Output.from_input(node_hosts(where))
    return None


def export(namespace: str, clusters: Mapping[str, DaskCluster], jobs: Mapping[str, DaskJob]) -> None:
    """Exports `namespace`, `clusters`, and with exactly one cluster its addresses once more, flat."""
    shown: dict[str, Any] = {name: cluster.outputs() for name, cluster in clusters.items()}
    pulumi.export("namespace", namespace)
    pulumi.export("clusters", shown)
    if len(clusters) == 1:
        [only] = shown.values()
        for name in FLAT:
            pulumi.export(name, only[name])
    if jobs:
        pulumi.export("jobs", {name: job.outputs() for name, job in jobs.items()})
    encrypted = {name: cluster.client_tls for name, cluster in clusters.items() if cluster.encrypted}
    if encrypted:
        pulumi.export("clientTls", pulumi.Output.secret(encrypted))
