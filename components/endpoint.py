"""The endpoint's addresses, as typed URLs and ports, from the endpoint Service and the nodes' hosts."""

from dataclasses import dataclass
from typing import Any

import pulumi

from components import kube
from components.errors import ClusterError
from components.kube import Connection
from components.manifest import Target


@dataclass(frozen=True)
class Address:
    """Where clients and browsers find one cluster. Ports are None where the type has none, or before they are known."""

    scheduler_address: str | None
    dashboard_url: str | None
    scheduler_node_port: int | None
    dashboard_node_port: int | None


async def node_hosts(connection: Connection) -> list[str]:
    """An address of every ready node: its external one, where it has one, else its internal one.

    None in a preview without a Kubernetes API, which shows what it can. Raises `ClusterError` where nodes may not be
    listed: then `endpoint.host` has to name one.
    """
    try:
        client = await kube.api(connection)
    except ClusterError as error:
        if not pulumi.runtime.is_dry_run():
            raise
        pulumi.log.warn(f"the addresses of node ports are not known: {error}")
        return []
    try:
        nodes = (await kube.get(client, "api/v1/nodes"))["items"]
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


def address(target: Target, spec: Any, status: Any, hosts: list[str]) -> Address:
    """The addresses behind a Service's `spec` and `status` outputs."""
    settings, scheduler = target.cluster.endpoint, target.cluster.scheduler
    ports = {"scheduler": scheduler.port, "dashboard": scheduler.dashboard_port}
    node_ports: dict[str, int | None] = {"scheduler": None, "dashboard": None}
    if settings.type == "ClusterIP":
        host = f"{target.name}.{target.namespace}.svc"
    elif settings.type == "LoadBalancer":
        host = _load_balancer(status)
    else:
        host = hosts[0] if hosts else None
        node_ports = {
            "scheduler": settings.node_ports.scheduler or _node_port(spec, "dask-tcp-comm"),
            "dashboard": settings.node_ports.dashboard or _node_port(spec, "dask-http-dashboard"),
        }
        ports = node_ports
    host = host if settings.host == "auto" else settings.host
    scheme = "tls" if target.cluster.tls.enabled else "tcp"
    dashboard = _url("http", host, ports["dashboard"]) if settings.dashboard else None
    return Address(
        scheduler_address=_url(scheme, host, ports["scheduler"]),
        dashboard_url=dashboard and f"{dashboard}/status",
        scheduler_node_port=node_ports["scheduler"],
        dashboard_node_port=node_ports["dashboard"] if settings.dashboard else None,
    )


def _url(scheme: str, host: str | None, port: int | None) -> str | None:
    if not host or not port:
        return None
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _load_balancer(status: Any) -> str | None:
    ingress = _get(_get(status, "load_balancer", "loadBalancer"), "ingress") or []
    return (_get(ingress[0], "hostname") or _get(ingress[0], "ip")) if ingress else None


def _node_port(spec: Any, name: str) -> int | None:
    port = next((port for port in _get(spec, "ports") or [] if _get(port, "name") == name), None)
    number = _get(port, "node_port", "nodePort")
    return None if number is None else int(number)


def _get(output: Any, *names: str) -> Any:
    """A property of an output, which the SDK gives as a typed object, or as it came where it knows no type."""
    return next((output[name] for name in names if output and name in output), None)
