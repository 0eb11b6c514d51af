"""Where a cluster of a stack is, from the stack's outputs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tools.failure import ToolError


@dataclass(frozen=True)
class Place:
    """One cluster of a stack. An address is None where the stack has none, such as that of a pending load balancer."""

    name: str
    """Its name in the stack's configuration, and that of its endpoint Service."""
    physical_name: str
    namespace: str
    address: str | None
    dashboard: str | None
    notebook: str | None = None
    token: str = field(default="", repr=False)
    """The notebook's token."""
    certificates: Mapping[str, str] = field(default_factory=dict, repr=False)
    """`ca`, `cert` and `key` as PEM; empty for a cluster without generated certificates."""

    @property
    def encrypted(self) -> bool:
        """Whether its address is one for TLS."""
        return (self.address or "").startswith("tls:")


def choose(outputs: Mapping[str, Any], stack: str, name: str = "") -> Place:
    """The cluster `name` of the stack's outputs, or the only one. Raises `ToolError`."""
    clusters: Mapping[str, Any] = outputs.get("clusters") or {}
    if not clusters:
        raise ToolError(f"the stack {stack} has no clusters in its outputs; run `make up` or `pulumi up` first")
    known = ", ".join(clusters)
    if not name and len(clusters) > 1:
        raise ToolError(f"the stack {stack} has several clusters; name one of them: {known}")
    name = name or next(iter(clusters))
    if name not in clusters:
        raise ToolError(f"the stack {stack} has no cluster {name!r}; its clusters are: {known}")
    one = clusters[name]
    if one.get("suspended"):
        raise ToolError(
            f"the cluster {name!r} is suspended, so its address refuses connections; remove `suspended` from "
            f"dask:clusters.{name} and run `up`"
        )
    return Place(
        name,
        one["name"],
        one["namespace"],
        one.get("schedulerAddress"),
        one.get("dashboardUrl"),
        one.get("notebookUrl"),
        (outputs.get("notebookTokens") or {}).get(name, ""),
        (outputs.get("clientTls") or {}).get(name) or {},
    )


def host_and_port(address: str) -> tuple[str, int]:
    """The host and the port of a URL; the scheme's own port where the URL names none."""
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme, 8786)


def moved(url: str, port: int) -> str:
    """The URL, with this machine's `port` instead of its host and port."""
    return urlsplit(url)._replace(netloc=f"127.0.0.1:{port}").geturl()
