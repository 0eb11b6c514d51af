"""IPv6 addresses have brackets wherever a port follows them: in URLs, in outputs, in what the commands print."""

import ast
from collections.abc import Iterator
from typing import Any

import pytest

from components.hosts import host_port
from components.manifests import addresses
from components.manifests.declared import DeclaredCluster
from components.vocabulary import ENDPOINT_COMM, ENDPOINT_DASHBOARD, NOTEBOOK_PORT
from tests.contract.rendering import ROOT
from tests.support.declared import declared
from tools.connect.place import host_and_port
from tools.connect.show import code

NODE = "fd00::1"
PLACES = ("components", "tools", "plugin", "examples")
# What stands before a port there is a name, or has its brackets already.
NAMES = {
    "service_host(context.name, context.namespace)",
    "service_host(f'{self.cluster_name}-scheduler', self.namespace)",
    "dashboard_host(settings, context)",
    "workerargs.EVERY_ADDRESS",
    "EVERY_ADDRESS",
    # Scripts for pods import nothing of the program.
    "f'[{host}]' if ':' in host else host",
}


def before_ports() -> Iterator[tuple[str, str]]:
    """The place of each text that is formatted from a host and a port, and the host in it."""
    for place in PLACES:
        for file in sorted((ROOT / place).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.JoinedStr):
                    yield from ((f"{file.relative_to(ROOT)}", host) for host in hosts(node))


def hosts(node: ast.JoinedStr) -> Iterator[str]:
    for host, colon, port in zip(node.values, node.values[1:], node.values[2:], strict=False):
        joined = isinstance(colon, ast.Constant) and colon.value == ":"
        if joined and isinstance(host, ast.FormattedValue) and "port" in ast.unparse(port).lower():
            yield ast.unparse(host.value)


@pytest.mark.parametrize(("file", "host"), [it for it in before_ports() if it[0] != "components/hosts.py"])
def test_a_port_follows_a_name_or_brackets(file: str, host: str) -> None:
    assert host in NAMES, f"{file}: use components.hosts.host_port"


@pytest.mark.parametrize(
    ("host", "port", "text"), [("::1", 30786, "[::1]:30786"), ("node", 1, "node:1"), ("10.0.0.1", "2", "10.0.0.1:2")]
)
def test_addresses_with_colons_get_brackets(host: str, port: int | str, text: str) -> None:
    assert host_port(host, port) == text


NODE_PORT = {"type": "NodePort", "insecure": True}
LOAD_BALANCER = {"type": "LoadBalancer", "insecure": True}
ENDPOINTS: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "a node": (NODE_PORT, {}, [NODE]),
    "a given host": (NODE_PORT | {"host": NODE}, {}, ["10.0.0.1"]),
    "a load balancer": (LOAD_BALANCER, {"loadBalancer": {"ingress": [{"ip": NODE}]}}, []),
}
every_endpoint = pytest.mark.parametrize(("endpoint", "status", "nodes"), ENDPOINTS.values(), ids=ENDPOINTS)


def urls(cluster: DeclaredCluster, status: dict[str, Any], nodes: list[str]) -> list[str | None]:
    """Everything that is printed of a cluster and its notebook."""
    ports = ((ENDPOINT_COMM, 31000), (ENDPOINT_DASHBOARD, 31001), (NOTEBOOK_PORT, 31002))
    spec = {"ports": [{"name": name, "nodePort": port} for name, port in ports]}
    found = addresses.address(cluster, spec, status, nodes)
    assert cluster.settings.notebook
    notebook = addresses.notebook_url(cluster, cluster.settings.notebook, spec, status, nodes)
    return [found.scheduler_address, found.dashboard_url, notebook]


@every_endpoint
@pytest.mark.parametrize("tls", [True, False])
def test_every_printed_address_has_brackets_and_is_read_again(
    endpoint: dict[str, Any], status: dict[str, Any], nodes: list[str], *, tls: bool
) -> None:
    cluster = declared("a", {"endpoint": endpoint, "notebook": {"endpoint": endpoint}, "tls": {"enabled": tls}})

    for url in urls(cluster, status, nodes):
        assert url is not None
        assert f"://[{NODE}]:" in url
        assert host_and_port(url)[0] == NODE
        assert host_and_port(url)[1] > 1024
        assert f'"{url}"' in code(url, {})
