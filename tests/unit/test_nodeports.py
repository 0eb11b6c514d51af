"""Fixed node ports change hands between endpoints of one stack, and of one stack only."""

import asyncio
import json
from typing import Any

import pulumi
import pytest

from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.kube.paths import path_of
from components.lifecycle import node_ports as nodeports
from components.manifests.declared import DeclaredCluster
from components.vocabulary import OWNER
from tests.support.declared import declared
from tests.unit.api import FakeApi, connected

ME, SOMEBODY = "0123456789ab", "fedcba987654"


def target(name: str, namespace: str = "lab", scheduler: int = 30786, dashboard: int = 30787) -> DeclaredCluster:
    ports = {"scheduler": scheduler, "dashboard": dashboard}
    cluster = {"endpoint": {"type": "NodePort", "insecure": True, "nodePorts": ports}}
    return declared(name, cluster, namespace=namespace)


def live(made_of: DeclaredCluster, owner: str | None = ME) -> dict[str, Any]:
    body = made_of.endpoint
    body["metadata"]["annotations"] = {OWNER: owner} if owner else {}
    return body


def without_ports(name: str, namespace: str) -> DeclaredCluster:
    """A cluster whose endpoint leaves its node ports to Kubernetes."""
    cluster = {"endpoint": {"type": "NodePort", "insecure": True}}
    return declared(name, cluster, namespace=namespace)


def picked(name: str, namespace: str) -> dict[str, Any]:
    """Its live Service, for which Kubernetes has picked the very port that another cluster asks for."""
    body = live(without_ports(name, namespace))
    body["spec"]["ports"][0]["nodePort"] = 30786
    return body


def hand_over(
    monkeypatch: pytest.MonkeyPatch,
    services: list[dict[str, Any]],
    declared: list[DeclaredCluster],
    *,
    preview: bool = False,
) -> dict[str, Any]:
    """Hands over to the first of `declared`. Returns what was patched, by path."""
    answers: dict[str, Any] = {"api/v1/services": {"items": services}}
    api = FakeApi(answers | {path_of(it): it for it in services})

    connected(monkeypatch, api)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)
    asyncio.run(nodeports.hand_over(Connection(), declared[0], declared, ME))
    return {path: json.loads(options["content"])["spec"] for _, path, options in api.sent}


@pytest.mark.parametrize(
    ("case", "services", "declared", "released"),
    [
        ("another name", [live(target("old"))], [target("a")], "lab/services/old"),
        ("another namespace", [live(target("a", "before"))], [target("a")], "before/services/a"),
        ("made before there were ids", [live(target("old"), owner=None)], [target("a")], "lab/services/old"),
        (
            "two clusters swap their ports",
            [live(target("a")), live(target("b", scheduler=31000, dashboard=31001))],
            [target("a", scheduler=31000, dashboard=31001), target("b")],
            "lab/services/b",
        ),
    ],
)
def test_an_endpoint_of_this_stack_gives_up_a_port_that_it_no_longer_declares(
    monkeypatch: pytest.MonkeyPatch,
    case: str,
    services: list[dict[str, Any]],
    declared: list[DeclaredCluster],
    released: str,
) -> None:
    [(path, spec)] = hand_over(monkeypatch, services, declared).items()

    assert path == f"api/v1/namespaces/{released}", case
    assert spec["type"] == "ClusterIP"
    assert not [port for port in spec["ports"] if "nodePort" in port]
    assert hand_over(monkeypatch, services, declared, preview=True) == {}


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize(
    ("case", "holder"),
    [
        ("a stranger's", live(target("web", "shop")) | {"metadata": {"name": "web", "namespace": "shop"}}),
        ("another stack's of this name", live(target("web", "shop"), owner=SOMEBODY)),
        ("one that declares it as well", live(target("web", "shop"))),
        ("one that Kubernetes has picked it for", picked("web", "shop")),
    ],
)
def test_another_holder_is_named_in_the_preview_too(
    monkeypatch: pytest.MonkeyPatch, case: str, holder: dict[str, Any], preview: bool
) -> None:
    web = without_ports("web", "shop") if case.startswith("one that Kubernetes") else target("web", "shop")

    with pytest.raises(ClusterError, match=r"30786 belongs to the Service 'web' in the namespace 'shop'"):
        hand_over(monkeypatch, [holder], [target("a"), web], preview=preview)


def test_a_preview_leaves_out_what_the_api_server_would_refuse_until_it_is_handed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = live(target("old", dashboard=31001))
    connected(monkeypatch, FakeApi({"api/v1/services": {"items": [old]}, path_of(old): old}))
    monkeypatch.setattr(pulumi.log, "info", lambda _: None)

    spec = asyncio.run(nodeports.preview(Connection(), target("a"), [target("a")]))

    assert [port.get("nodePort") for port in spec["ports"]] == [None, 30787]


def test_an_endpoint_without_fixed_ports_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, AssertionError("asked"))
    free = declared("a", {})

    asyncio.run(nodeports.hand_over(Connection(), free, [free], ME))


def test_an_endpoint_that_has_its_ports_lists_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> int:
        raise AssertionError("listed")

    connected(monkeypatch, FakeApi({"api/v1/namespaces/lab/services/a": live(target("a")), "api/v1/services": never}))

    spec = asyncio.run(nodeports.preview(Connection(), target("a"), [target("a")]))

    assert [port.get("nodePort") for port in spec["ports"]] == [30786, 30787]
