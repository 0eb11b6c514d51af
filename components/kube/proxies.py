"""Which proxy leads to a server, by Go's rules (golang.org/x/net/http/httpproxy), as kubectl and the provider do it.

Python's and httpx's rules differ: they know no networks (`10.0.0.0/8`) in NO_PROXY, no IPv6 ones without an error, and
read ALL_PROXY.
"""

import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from ..kube.errors import KubeconfigError

PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


def proxy(server: str, configured: str, environment: Mapping[str, str] = os.environ) -> SplitResult | None:
    """The proxy for the URL `server`: `configured` (`proxy-url`) for all hosts, else by the environment's variables.

    Raises `KubeconfigError` for a kind of proxy that is not spoken.
    """
    target = urlsplit(server)
    if configured:
        return _spoken(urlsplit(configured), "proxy-url")
    name = "HTTPS_PROXY" if target.scheme == "https" else "HTTP_PROXY"
    value = _variable(environment, name)
    if not value or _is_excepted(target, _variable(environment, "NO_PROXY")):
        return None
    found = urlsplit(value)
    return _spoken(found if found.scheme and found.netloc else urlsplit(f"http://{value}"), name)


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.lower()) or ""


def _spoken(found: SplitResult, name: str) -> SplitResult:
    if found.scheme not in PORTS or not found.hostname:
        raise KubeconfigError(f"{name}: a proxy's address begins with http://, https:// or socks5://, and has a host")
    return found


def _is_excepted(target: SplitResult, exceptions: str) -> bool:
    """Whether a server is asked directly: this machine, or what NO_PROXY lists."""
    host, port = (target.hostname or "").lower(), target.port or PORTS.get(target.scheme)
    address = _address(host)
    if host == "localhost" or (address and address.is_loopback):
        return True
    entries = [entry.strip().lower() for entry in exceptions.split(",") if entry.strip()]
    return any(entry == "*" or _covers(entry, host, address, str(port)) for entry in entries)


def _covers(entry: str, host: str, address: "ipaddress.IPv4Address | ipaddress.IPv6Address | None", port: str) -> bool:
    if "/" in entry:
        return address is not None and _in_network(address, entry)
    name, wanted = _split_port(entry)
    if not name or (wanted and wanted != port):
        return False
    listed = _address(name)
    if listed or address:
        return listed == address
    name = name.removeprefix("*") if name.startswith("*.") else name
    return host.endswith(name if name.startswith(".") else f".{name}") or host == name


def _split_port(entry: str) -> tuple[str, str]:
    """`host:port` and `[IPv6]:port`; an IPv6 address alone has no port."""
    if entry.startswith("["):
        host, _, port = entry[1:].partition("]")
        return host, port.removeprefix(":")
    if entry.count(":") == 1:
        host, _, port = entry.partition(":")
        return host, port
    return entry, ""


def _address(text: str) -> "ipaddress.IPv4Address | ipaddress.IPv6Address | None":
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _in_network(address: "ipaddress.IPv4Address | ipaddress.IPv6Address", entry: str) -> bool:
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
