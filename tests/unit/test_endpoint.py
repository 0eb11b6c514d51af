"""The addresses that are printed."""

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components import kubernetes as kubernetes_module
from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.manifests import addresses as endpoint
from components.manifests import certificates
from components.manifests.declared import DeclaredCluster
from tests.support.declared import declared
from tests.unit.api import FakeApi, connected

NODE_PORT = {"type": "NodePort", "insecure": True}


def target(**cluster: Any) -> DeclaredCluster:
    return declared("a", cluster)


def spec(scheduler: int, dashboard: int) -> dict[str, Any]:
    ports = (("dask-tcp-comm", scheduler), ("dask-http-dashboard", dashboard))
    return {"ports": [{"name": name, "nodePort": port} for name, port in ports]}


def node(name: str, ready: str = "True", **addresses: str) -> dict[str, Any]:
    listed = [{"type": kind, "address": address} for kind, address in addresses.items()]
    status = {"conditions": [{"type": "Ready", "status": ready}], "addresses": listed}
    return {"metadata": {"name": name}, "status": status}


def hosts(monkeypatch: pytest.MonkeyPatch, api: FakeApi) -> list[str]:
    connected(monkeypatch, api)
    return asyncio.run(kubernetes_module.node_hosts(Connection()))


def test_node_ports_are_at_a_node() -> None:
    found = endpoint.address(target(endpoint=NODE_PORT), spec(31000, 31001), None, ["10.0.0.1", "10.0.0.2"])

    assert found.scheduler_address == "tcp://10.0.0.1:31000"
    assert found.dashboard_url == "http://10.0.0.1:31001/status"
    assert (found.scheduler_node_port, found.dashboard_node_port) == (31000, 31001)


def test_a_given_host_wins_and_tls_shows() -> None:
    cluster = {"endpoint": {"type": "NodePort", "host": "dask.example"}, "tls": {"enabled": True}}

    found = endpoint.address(target(**cluster), spec(31000, 31001), None, [])

    assert found.scheduler_address == "tls://dask.example:31000"


def test_an_ipv6_host_is_bracketed() -> None:
    found = endpoint.address(target(endpoint=NODE_PORT), spec(31000, 31001), None, ["fd00::1"])

    assert found.scheduler_address == "tcp://[fd00::1]:31000"


def test_a_load_balancer_is_at_its_ingress() -> None:
    status = {"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}}

    found = endpoint.address(target(endpoint={"type": "LoadBalancer", "insecure": True}), {}, status, [])

    assert found.scheduler_address == "tcp://lb.example:8786"
    assert found.scheduler_node_port is None


def test_what_is_not_known_yet_is_not_made_up() -> None:
    found = endpoint.address(target(endpoint=NODE_PORT), {}, None, ["10.0.0.1"])

    assert found == endpoint.Address(None, None, None, None)


def test_only_ready_nodes_count_and_external_addresses_first(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [
        node("c", InternalIP="10.0.0.3", ExternalIP="203.0.113.3"),
        node("a", "False", InternalIP="10.0.0.1"),
        node("b", InternalIP="10.0.0.2"),
    ]

    assert hosts(monkeypatch, FakeApi({"api/v1/nodes": {"items": nodes}})) == ["10.0.0.2", "203.0.113.3"]


def test_a_person_who_may_not_list_nodes_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClusterError, match=r"cannot list the nodes .* set `endpoint.host`"):
        hosts(monkeypatch, FakeApi({"api/v1/nodes": 403}))


@pytest.mark.parametrize("preview", [True, False])
def test_without_a_kubernetes_api_a_preview_shows_what_it_can(monkeypatch: pytest.MonkeyPatch, preview: bool) -> None:
    told: list[str] = []
    connected(monkeypatch, ClusterError("cannot reach the Kubernetes API"))
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)
    monkeypatch.setattr(pulumi.log, "warn", told.append)

    if preview:
        assert asyncio.run(kubernetes_module.node_hosts(Connection())) == []
        assert told == ["the addresses of node ports are not known: cannot reach the Kubernetes API"]
    else:
        with pytest.raises(ClusterError, match="cannot reach"):
            asyncio.run(kubernetes_module.node_hosts(Connection()))


def test_every_role_has_a_certificate_that_the_ca_signed(tmp_path: Any) -> None:
    files = certificates.make("analytics", valid_days=30)
    for name, pem in files.items():
        (tmp_path / name).write_text(pem)

    assert set(files) == {"ca.crt", *(f"{role}.{end}" for role in certificates.ROLES for end in ("crt", "key"))}
    for role in certificates.ROLES:
        context = ssl.create_default_context(cafile=tmp_path / "ca.crt")
        context.load_cert_chain(tmp_path / f"{role}.crt", tmp_path / f"{role}.key")


def test_each_making_is_another_ca() -> None:
    assert certificates.make("a", 30)["ca.crt"] != certificates.make("a", 30)["ca.crt"]


@pytest.mark.parametrize("role", ["scheduler", "worker"])
def test_the_certificates_are_taken_by_a_python_that_demands_rfc_5280(role: str, tmp_path: Path) -> None:
    """As 3.13 and newer do, which set this flag in every default context."""
    for name, pem in certificates.make("analytics", valid_days=30).items():
        (tmp_path / name).write_text(pem)
    ends: list[ssl.SSLObject] = []
    wires = ssl.MemoryBIO(), ssl.MemoryBIO()
    for purpose, own, wire in ((ssl.Purpose.CLIENT_AUTH, role, 1), (ssl.Purpose.SERVER_AUTH, "client", -1)):
        context = ssl.create_default_context(purpose, cafile=str(tmp_path / "ca.crt"))
        context.check_hostname, context.verify_mode = False, ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.load_cert_chain(tmp_path / f"{own}.crt", tmp_path / f"{own}.key")
        ends.append(context.wrap_bio(*wires[::wire], server_side=purpose == ssl.Purpose.CLIENT_AUTH))

    for _ in range(3):
        for end in reversed(ends):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()

    assert all(end.getpeercert() for end in ends)
