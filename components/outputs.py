"""Exports what `pulumi stack output` shows. Other stacks read these outputs, so their names must not change."""

from collections.abc import Mapping
from typing import Any

import pulumi

from .cluster import DaskCluster
from .job import DaskJob
from .workspace import Workspace

FLAT = ("schedulerAddress", "dashboardUrl", "schedulerNodePort", "dashboardNodePort")


def export(workspace: Workspace, clusters: Mapping[str, DaskCluster], jobs: Mapping[str, DaskJob]) -> None:
    """Exports `namespace`, `clusters`, and with exactly one cluster its addresses once more, flat."""
    shown: dict[str, Any] = {name: cluster.outputs() for name, cluster in clusters.items()}
    pulumi.export("namespace", workspace.namespace)
    pulumi.export("clusters", shown)
    if len(clusters) == 1:
        [only] = shown.values()
        for name in FLAT:
            pulumi.export(name, only[name])
    if jobs:
        pulumi.export("jobs", {name: job.outputs() for name, job in jobs.items()})
    notebooks = {name: cluster.notebook for name, cluster in clusters.items() if cluster.notebook}
    tokens = {name: notebook.token for name, notebook in notebooks.items() if notebook.token}
    if tokens:
        pulumi.export("notebookTokens", pulumi.Output.secret(tokens))
    encrypted = {name: cluster.client_tls for name, cluster in clusters.items() if cluster.encrypted}
    if encrypted:
        pulumi.export("clientTls", pulumi.Output.secret(encrypted))
