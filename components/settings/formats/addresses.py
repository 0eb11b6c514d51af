"""Checks host names and address ranges."""

import ipaddress
import re

from ...settings.mistakes import invalid

# For the JSON Schema: as much as a pattern can check. The functions below are exact.
HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*"
DNS_NAME = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
CIDR = r"[0-9A-Fa-f.:]+/[0-9]{1,3}"
URL = r"(https?|oci)://[^\s/]+\S*"
_HOST_LABEL = r"[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?"


def host(value: str) -> str:
    """A DNS name or an address, without a scheme or a port."""
    if _is_address(value):
        return value
    numeric = re.fullmatch(r"[0-9.]*", value)
    if numeric or not re.fullmatch(rf"{_HOST_LABEL}(\.{_HOST_LABEL})*", value) or len(value) > 253:
        raise invalid("must be `auto`, a host name or an address", _without_brackets(value) or _host_fix(value))
    return value


def _is_address(value: str) -> bool:
    try:
        return bool(ipaddress.ip_address(value))
    except ValueError:
        return False


def _without_brackets(value: str) -> str | None:
    """The fix for an IPv6 address as a URL has it."""
    inside = re.search(r"\[([^]]*)\]", value)
    return f"try '{inside[1]}'" if inside and _is_address(inside[1]) else None


def dns_name(value: str) -> str:
    """A DNS name as an Ingress takes it: lower case, no address, no scheme, no port."""
    if not re.fullmatch(DNS_NAME, value) or len(value) > 253 or re.fullmatch(r"[0-9.]*", value):
        raise invalid("must be a DNS name in lower case", _host_fix(value.lower()).removesuffix(" or '192.0.2.10'"))
    return value


def _host_fix(value: str) -> str:
    bare = re.sub(r"^[a-z]+://|:[0-9]+(/.*)?$|/.*$", "", value)
    usable = not re.fullmatch(r"[0-9.]*", bare) and re.fullmatch(rf"{_HOST_LABEL}(\.{_HOST_LABEL})*", bare)
    return f"try '{bare}'" if usable else "write one such as 'dask.example.com' or '192.0.2.10'"


def url(value: str) -> str:
    """The address of a chart repository."""
    if not re.fullmatch(URL, value):
        raise invalid(
            "must be an address that begins with https://, http:// or oci://",
            "write one such as 'https://helm.dask.org'",
        )
    return value


def cidr(value: str) -> str:
    """An address range `10.0.0.0/8`, as a NetworkPolicy takes it: with its length, and no bits beyond it."""
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise invalid("must be an address range", "write one such as '10.0.0.0/8' or '192.0.2.10/32'") from None
    if "/" not in value:
        raise invalid("must have a prefix length", f"try '{network}'")
    if str(network.network_address) != str(ipaddress.ip_address(value.partition("/")[0])):
        raise invalid("has bits set beyond its length", f"try '{network}'")
    if not re.fullmatch(CIDR, value):
        raise invalid("must give its length as a number of bits", f"try '{network}'")
    return value
