"""The endpoint's addresses, as typed URLs and ports, from the endpoint Service and the nodes' hosts."""

from dataclasses import dataclass
from typing import Any

from ..hosts import host_port
from ..manifests.context import service_host
from ..manifests.declared import DeclaredCluster
from ..settings.dashboard import Dashboard
from ..settings.notebook import Notebook
from ..vocabulary import ENDPOINT_COMM, ENDPOINT_DASHBOARD, NOTEBOOK_PORT


@dataclass(frozen=True)
class Address:
    """Where clients and browsers find one cluster. Ports are None where the type has none, or before they are known."""

    scheduler_address: str | None
    dashboard_url: str | None
    scheduler_node_port: int | None
    dashboard_node_port: int | None


def address(cluster: DeclaredCluster, spec: Any, status: Any, hosts: list[str]) -> Address:
    """The addresses behind a Service's `spec` and `status` outputs."""
    settings, scheduler = cluster.settings.endpoint, cluster.settings.scheduler
    ports = {"scheduler": scheduler.port, "dashboard": scheduler.dashboard_port}
    node_ports: dict[str, int | None] = {"scheduler": None, "dashboard": None}
    if settings.type == "ClusterIP":
        host = service_host(cluster.name, cluster.namespace)
    elif settings.type == "LoadBalancer":
        host = _load_balancer(status)
    else:
        host = hosts[0] if hosts else None
        node_ports = {
            "scheduler": settings.node_ports.scheduler or _node_port(spec, ENDPOINT_COMM),
            "dashboard": settings.node_ports.dashboard or _node_port(spec, ENDPOINT_DASHBOARD),
        }
        ports = node_ports
    host = host if settings.host == "auto" else settings.host
    dashboard = _url("http", host, ports["dashboard"]) if settings.exposes_dashboard else _served(settings.dashboard)
    return Address(
        scheduler_address=_url(cluster.context.scheme, host, ports["scheduler"]),
        dashboard_url=dashboard and f"{dashboard}/status",
        scheduler_node_port=node_ports["scheduler"],
        dashboard_node_port=node_ports["dashboard"] if settings.exposes_dashboard else None,
    )


def notebook_url(cluster: DeclaredCluster, notebook: Notebook, spec: Any, status: Any, hosts: list[str]) -> str | None:
    """The address of the cluster's notebook, from its Service's `spec` and `status` outputs."""
    endpoint, port = notebook.endpoint, notebook.port
    if endpoint.type == "ClusterIP":
        host = service_host(f"{cluster.name}-notebook", cluster.namespace)
    elif endpoint.type == "LoadBalancer":
        host = _load_balancer(status)
    else:
        host, port = hosts[0] if hosts else None, endpoint.node_port or _node_port(spec, NOTEBOOK_PORT)
    url = _url("http", host if endpoint.host == "auto" else endpoint.host, port)
    return url and f"{url}/lab"


def _served(dashboard: Dashboard) -> str | None:
    if not (dashboard.enabled and dashboard.hostname):
        return None
    return f"http{'s' * dashboard.https}://{dashboard.hostname}"


def _url(scheme: str, host: str | None, port: int | None) -> str | None:
    if not host or not port:
        return None
    return f"{scheme}://{host_port(host, port)}"


def _load_balancer(status: Any) -> str | None:
    ingress = _get(_get(status, "load_balancer", "loadBalancer"), "ingress") or []
    return (_get(ingress[0], "hostname") or _get(ingress[0], "ip")) if ingress else None


def _node_port(spec: Any, name: str) -> int | None:
    port = next((port for port in _get(spec, "ports") or [] if _get(port, "name") == name), None)
    number = _get(port, "node_port", "nodePort")
    return None if number is None else int(number)


def _get(output: Any, *names: str) -> Any:
    """A property of an output, which the SDK returns as a typed object or as a plain dict."""
    return next((output[name] for name in names if output and name in output), None)
