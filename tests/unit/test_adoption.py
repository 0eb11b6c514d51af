"""What an adopted cluster is declared as, and how the endpoint gets its name and ports."""

import asyncio
import json
from typing import Any

import pulumi
import pytest

from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.lifecycle import adoption
from components.manifests.declared import DeclaredCluster
from tests.support.declared import declared
from tests.unit.api import FakeApi

Labels = dict[str, str]
CLUSTER = "apis/kubernetes.dask.org/v1/namespaces/lab/daskclusters/a"
SERVICES = "api/v1/namespaces/lab/services"
NODE_PORT = {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30786, "dashboard": 30787}}
TO_THE_CLUSTER = {"dask.org/cluster-name": "a", "dask.org/component": "scheduler"}


def target(**cluster: Any) -> DeclaredCluster:
    settings = {"adopt": True, "update": "recreate", "endpoint": NODE_PORT} | cluster
    return declared("a", settings)


def dask_cluster(*ports: str, replicas: int = 5) -> dict[str, Any]:
    box = {"name": "scheduler", "image": "theirs:1", "ports": [{"name": name} for name in ports]}
    worker = {"replicas": replicas, "spec": {"containers": [{"name": "worker", "image": "theirs:1"}]}}
    spec = {"idleTimeout": 0, "scheduler": {"spec": {"containers": [box]}}, "worker": worker}
    return {"metadata": {"name": "a"}, "spec": spec}


def service(
    name: str, *node_ports: int, selector: Labels = TO_THE_CLUSTER, labels: Labels | None = None
) -> dict[str, Any]:
    ports = [{"name": f"p{number}", "port": 80, "nodePort": number} for number in node_ports]
    spec = {"type": "NodePort", "selector": selector, "ports": ports}
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": spec}


def endpoint(kubernetes: FakeApi, *services: dict[str, Any], **cluster: Any) -> dict[str, Any]:
    kubernetes.answers[SERVICES] = {"items": list(services)}
    return asyncio.run(adoption.endpoint(Connection(), target(**cluster)))


def sent(kubernetes: FakeApi) -> dict[tuple[str, str], Any]:
    return {(method, url): json.loads(options.get("content", "null")) for method, url, options in kubernetes.sent}


def test_an_adopted_cluster_is_declared_as_it_runs_but_for_its_workers(kubernetes: FakeApi) -> None:
    kubernetes.answers[CLUSTER] = live = dask_cluster("tcp-comm", "http-dashboard")

    spec = asyncio.run(adoption.spec(Connection(), target(workers={"replicas": 3})))

    assert spec["worker"]["replicas"] == 3
    assert spec["worker"]["spec"] == live["spec"]["worker"]["spec"]
    assert spec["scheduler"] == live["spec"]["scheduler"]


def test_adopting_what_is_not_there_says_so(kubernetes: FakeApi) -> None:
    with pytest.raises(
        ClusterError, match=r"dask:clusters\.a\.adopt: no DaskCluster lab/a exists that could be adopted"
    ):
        asyncio.run(adoption.spec(Connection(), target()))


def test_a_scheduler_that_the_endpoint_cannot_lead_to_is_refused(kubernetes: FakeApi) -> None:
    kubernetes.answers[CLUSTER] = dask_cluster("comm", "http-dashboard")

    with pytest.raises(ClusterError, match=r"no port named 'tcp-comm'"):
        asyncio.run(adoption.spec(Connection(), target()))


def test_a_cluster_that_runs_as_declared_would_not_be_made_again_without_adopt() -> None:
    declared = target(workers={"replicas": 2})
    spec = declared.dask_cluster["spec"]

    as_it_runs = adoption.content(declared, spec | {"idleTimeout": 0, "worker": spec["worker"] | {"replicas": 9}})
    another = adoption.content(declared, dask_cluster()["spec"])

    assert as_it_runs == declared.content_hash
    assert another != declared.content_hash


def test_the_operators_service_gives_its_node_ports_to_the_endpoint(kubernetes: FakeApi) -> None:
    spec = endpoint(kubernetes, service("a-scheduler", 30786, 30787))

    assert [port["nodePort"] for port in spec["ports"]] == [30786, 30787]
    [patch] = sent(kubernetes).values()
    assert patch["spec"]["type"] == "ClusterIP"
    assert {port["name"] for port in patch["spec"]["ports"]} == {"tcp-comm", "http-dashboard"}


def test_a_second_service_keeps_its_name_and_its_ports_inside_kubernetes(kubernetes: FakeApi) -> None:
    endpoint(kubernetes, service("outside", 30786))

    ports = [{"name": "p30786", "port": 80}]
    assert sent(kubernetes) == {("PATCH", f"{SERVICES}/outside"): {"spec": {"type": "ClusterIP", "ports": ports}}}


def test_a_service_of_the_endpoints_name_gives_way_to_it(kubernetes: FakeApi) -> None:
    endpoint(kubernetes, service("a", 31000))

    assert list(sent(kubernetes)) == [("DELETE", f"{SERVICES}/a")]


def test_the_endpoint_itself_and_services_on_other_ports_stay(kubernetes: FakeApi) -> None:
    endpoint(kubernetes, service("a", 30786, labels=target().labels), service("web", 31000, selector={"app": "web"}))

    assert kubernetes.sent == []


@pytest.mark.parametrize("stranger", [service("web", 30787, selector={"app": "web"}), service("a", selector={})])
def test_a_service_to_something_else_is_never_touched(kubernetes: FakeApi, stranger: dict[str, Any]) -> None:
    name = stranger["metadata"]["name"]

    with pytest.raises(ClusterError, match=rf"belongs to the Service '{name}', which does not lead to this cluster"):
        endpoint(kubernetes, stranger)

    assert kubernetes.sent == []


def test_a_preview_changes_nothing_and_leaves_out_ports_that_are_held(
    kubernetes: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", told.append)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)

    spec = endpoint(kubernetes, service("a-scheduler", 30786))

    assert [port.get("nodePort") for port in spec["ports"]] == [None, 30787]
    assert told == ["a: the Service 'a-scheduler' becomes ClusterIP in favour of the endpoint 'a'"]
    assert kubernetes.sent == []
