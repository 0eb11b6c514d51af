"""Hosts with ports, as URLs and messages have them."""


def host_port(host: str, port: int | str) -> str:
    """`host:port`; an IPv6 address is in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
