"""Warnings about monitors and dashboards that are declared and would show nothing."""

import re
from collections.abc import Iterator

from ...settings.cluster import Cluster
from ...settings.formats.images import is_upstream
from ...settings.mistakes import Mistake
from ...settings.pod import merge
from ...settings.pod_parts import Packages
from ...settings.stack import Settings


def silent(cluster: Cluster) -> Iterator[Mistake]:
    """Pods that export no metrics.

    Upstream's images contain no prometheus_client (dask-docker, base/Dockerfile), without which `/metrics` is empty.
    """
    monitors = cluster.monitors
    if not (monitors.enabled or monitors.alerts or monitors.grafana):
        return
    for path, role in cluster.roles().items():
        pod = merge(cluster, role)
        if pod.image and is_upstream(pod.image) and not _installs_client(pod.packages):
            rule = f"exports no metrics, because the image '{pod.image}' does not contain prometheus_client"
            yield Mistake(rule, "add `packages: {pip: [prometheus-client]}` to the cluster", path, None)


def shut_out(cluster: Cluster, settings: Settings) -> Iterator[Mistake]:
    """Network policies that let neither Prometheus nor an ingress in."""
    if not settings.namespace.network_policies or settings.namespace.allow_from:
        return
    wanted = [("monitors", "Prometheus", "monitoring")] if cluster.monitors.enabled else []
    if cluster.endpoint.dashboard.hostname:
        wanted.append(("endpoint", "the ingress or the gateway", "ingress-nginx"))
    for key, who, example in wanted:
        rule = f"leads nowhere: the network policy keeps {who} out, unless it runs in the stack's own namespace"
        yield Mistake(rule, f"add `dask:namespace.allowFrom: [{{namespace: {example}}}]`", (key,), None)


def _installs_client(packages: Packages) -> bool:
    return any(re.match(r"prometheus[-_.]client\b", package) for package in (*packages.pip, *packages.conda))
