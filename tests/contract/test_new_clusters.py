"""Many new clusters in one `up`: what the hooks of each ask of the API server does not grow with the others."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from components.configuration import parse
from components.kube.client import Connection
from components.kube.paths import path, path_of
from components.lifecycle import node_ports, ownership, readiness, replaced
from components.lifecycle.ownership import Claim
from components.lifecycle.replaced import Record
from components.manifests.declared import DeclaredCluster
from components.vocabulary import CLUSTER_NAME, OWNER
from tests.unit.api import FakeApi, connected
from tests.unit.pods import pod
from tools.declared import Declared

OWNER_ID = "0123456789ab"
Clusters = list[DeclaredCluster]


class Selecting(FakeApi):
    """A Kubernetes that answers lists by their labels, and counts the requests and the answers' bytes."""

    count = 0
    bytes = 0

    @asynccontextmanager
    async def send(self, method: str, path: str, **options: Any) -> AsyncIterator[httpx.Response]:
        self.count += 1
        params = options.get("params", {})
        async with super().send(method, path, **options) as response:
            if not params.get("watch"):
                response = _narrowed(response, params.get("labelSelector", ""))
                self.bytes += len(response.content)
            yield response


def _narrowed(response: httpx.Response, selector: str) -> httpx.Response:
    body = response.json()
    if "items" not in body or not selector:
        return response
    asked = dict(it.split("=") for it in selector.split(","))
    fitting = [it for it in body["items"] if it["metadata"].get("labels", {}).items() >= asked.items()]
    return httpx.Response(200, json=body | {"items": fitting})


def stack(count: int) -> Clusters:
    """So many clusters, each with node ports of its own."""
    asked: dict[str, Any] = {}
    for number in range(count):
        ports = {"scheduler": 30000 + 2 * number, "dashboard": 30001 + 2 * number}
        asked[f"c{number:02}"] = {"endpoint": {"type": "NodePort", "insecure": True, "nodePorts": ports}}
    return list(Declared("dask-dev", parse({"clusters": asked}), Connection()).clusters.values())


def running(clusters: Clusters) -> dict[str, Any]:
    """Their pods run, and nothing leads to them yet. Another stack has as many clusters."""
    everywhere: dict[str, list[Any]] = {"DaskCluster": [], "Service": [], "Pod": [], "Deployment": [], "Event": []}
    found: dict[str, Any] = {}
    for number, cluster in enumerate(clusters):
        meta: dict[str, Any] = {"namespace": "theirs", "annotations": {OWNER: "fedcba987654"}, "labels": cluster.labels}
        for body in (cluster.dask_cluster, cluster.dask_cluster | {"metadata": meta | {"name": f"t{number}"}}):
            everywhere["DaskCluster"].append(body)
            found[path_of(body)] = body
        theirs = {"type": "NodePort", "ports": [{"name": "web", "port": 80, "nodePort": 32767 - number}]}
        everywhere["Service"].append({"metadata": meta | {"name": f"t{number}"}, "spec": theirs})
        scheduler = pod("scheduler")
        scheduler["metadata"]["labels"] |= {CLUSTER_NAME: cluster.physical_name}
        everywhere["Pod"].append(scheduler)
    space = clusters[0].namespace
    ours = {
        kind: [it for it in all_ if it["metadata"].get("namespace", space) == space]
        for kind, all_ in everywhere.items()
    }
    here = {path(kind, space): {"items": it} for kind, it in ours.items()}
    return found | here | {path(kind): {"items": it} for kind, it in everywhere.items()}


async def drain(cluster: DeclaredCluster, clusters: Clusters) -> None:
    await replaced.drain_and_delete(Connection(), cluster, clusters, Record(OWNER_ID))


async def drain_without_an_id(cluster: DeclaredCluster, clusters: Clusters) -> None:
    await replaced.drain_and_delete(Connection(), cluster, clusters, Record())


async def free_ports(cluster: DeclaredCluster, clusters: Clusters) -> None:
    await node_ports.hand_over(Connection(), cluster, clusters, OWNER_ID)


async def not_being_deleted(cluster: DeclaredCluster, _: Clusters) -> None:
    await replaced.refuse_terminating(Connection(), cluster)


async def await_scheduler(cluster: DeclaredCluster, _: Clusters) -> None:
    await readiness.await_scheduler(Connection(), cluster)


async def guard(cluster: DeclaredCluster, _: Clusters) -> None:
    await ownership.before_update(Connection(), cluster.dask_cluster, Claim(cluster.part_of))


HOOKS: dict[Callable[[DeclaredCluster, Clusters], Awaitable[None]], int] = {
    drain: 1,  # the connection record; the DaskClusters are listed for all
    drain_without_an_id: 1,
    free_ports: 1,  # its own Service; the others are listed for all
    not_being_deleted: 1,
    await_scheduler: 6,  # pods, Deployments and events, each a list and a watch
    guard: 1,
}
every_hook = pytest.mark.parametrize("hook", HOOKS, ids=lambda it: it.__name__)
Hook = Callable[[DeclaredCluster, Clusters], Awaitable[None]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Hook, int], tuple[int, int]]:
    """The requests and the bytes of a hook of so many clusters, one after the other."""

    def ask(hook: Hook, count: int) -> tuple[int, int]:
        clusters = stack(count)
        api = Selecting(running(clusters))
        connected(monkeypatch, api)

        async def run() -> None:
            for cluster in clusters:
                await hook(cluster, clusters)

        asyncio.run(run())
        return api.count, api.bytes

    return ask


@every_hook
def test_a_hook_asks_a_fixed_number_of_times_for_each_cluster(
    asked: Callable[[Hook, int], tuple[int, int]], hook: Hook
) -> None:
    (one, _), (two, _), (many, _) = (asked(hook, count) for count in (1, 2, 20))

    assert (two - one, many - one) == (HOOKS[hook], 19 * HOOKS[hook])


@every_hook
def test_the_answers_grow_with_the_clusters_and_not_with_their_square(
    asked: Callable[[Hook, int], tuple[int, int]], hook: Hook
) -> None:
    (_, few), (_, more), (_, most) = (asked(hook, count) for count in (10, 20, 40))

    assert 0 < most - more < 1.01 * 2 * (more - few)
