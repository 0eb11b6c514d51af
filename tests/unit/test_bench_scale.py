"""The scale bench: what its proxy counts, what it compares, and its tables."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from bench import alone, counting, scale, scale_report
from components.configuration import parse
from devcluster import kwok

BODY = b'{"items": []}' * 100


@asynccontextmanager
async def proxied(upstream: web.Application) -> AsyncIterator[tuple[counting.Proxy, str, aiohttp.ClientSession]]:
    """A counting proxy before a server, its address, and a client that leaves compressed answers compressed."""
    server = web.AppRunner(upstream, handler_cancellation=True)
    await server.setup()
    await web.TCPSite(server, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        proxy = counting.Proxy(session, f"http://127.0.0.1:{server.addresses[0][1]}")
        runner, port = await proxy.serve()
        yield proxy, f"http://127.0.0.1:{port}", session
        await runner.cleanup()
    await server.cleanup()


def test_requests_and_bytes_are_counted_by_client_and_pass_unchanged() -> None:
    seen: list[tuple[str, str, bytes, str | None]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.method, request.raw_path, await request.read(), request.headers.get("Authorization")))
        return web.Response(status=201, body=gzip.compress(BODY, mtime=0), headers={"Content-Encoding": "gzip"})

    async def ask() -> counting.Counts:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        async with proxied(app) as (_, address, session):
            told = {"User-Agent": "kubectl/v1.34 (linux)", "Authorization": "Bearer x"}
            async with session.patch(URL(f"{address}/api?a=b%2Fc", encoded=True), data=b"12345", headers=told) as got:
                assert (got.status, gzip.decompress(await got.read())) == (201, BODY)
            async with session.get(f"{address}/api", headers={"User-Agent": "dask-on-kubernetes"}) as got:
                await got.read()
            async with session.get(f"{address}{counting.COUNTS}") as got:
                return await got.json()

    counts = asyncio.run(ask())

    size = len(gzip.compress(BODY, mtime=0))
    assert counts == {
        "requests": {"kubectl": 1, "dask-on-kubernetes": 1},
        "bytes": {"kubectl": 5 + size, "dask-on-kubernetes": size},
    }
    assert seen == [("PATCH", "/api?a=b%2Fc", b"12345", None), ("GET", "/api", b"", None)]


def test_a_watch_shows_each_change_at_once_and_ends_with_its_client() -> None:
    async def follow() -> bytes:
        ended = asyncio.Event()

        async def watch(request: web.Request) -> web.StreamResponse:
            answer = web.StreamResponse()
            await answer.prepare(request)
            await answer.write(b"first\n")
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            return answer

        app = web.Application()
        app.router.add_get("/watch", watch)
        async with proxied(app) as (_, address, session):
            async with session.get(f"{address}/watch") as got:
                line = await got.content.readline()
                got.close()
            await ended.wait()
            return line

    assert asyncio.run(asyncio.wait_for(follow(), 60)) == b"first\n"


def test_what_was_added_between_two_looks() -> None:
    before = {"requests": {"a": 1, "b": 2}, "bytes": {"a": 10, "b": 20}}
    after = {"requests": {"a": 4, "b": 2, "c": 1}, "bytes": {"a": 11, "b": 20, "c": 7}}

    assert counting.since(before, after) == {"requests": {"a": 3, "c": 1}, "bytes": {"a": 1, "c": 7}}


def test_the_kubeconfig_leads_the_same_context_to_the_proxy_without_credentials() -> None:
    made = counting.counted({"current-context": "dev", "users": [{"name": "dev", "user": {"token": "x"}}]}, 1234)

    assert made["current-context"] == made["contexts"][0]["name"] == "dev"
    assert made["clusters"][0]["cluster"] == {"server": "http://127.0.0.1:1234"}
    assert made["users"] == [{"name": "dev", "user": {}}]


def test_the_operator_alone_gets_the_same_cluster_under_another_name() -> None:
    live = {
        "apiVersion": "kubernetes.dask.org/v1",
        "kind": "DaskCluster",
        "metadata": {"name": "big-12", "namespace": "bench", "uid": "u", "ownerReferences": []},
        "spec": {
            "worker": {"replicas": 7},
            "scheduler": {"service": {"selector": {"dask.org/cluster-name": "big-12"}}},
        },
    }

    made = alone.manifest(live, 3)

    assert made["metadata"] == {"name": "alone", "namespace": "bench"}
    assert made["spec"]["scheduler"]["service"]["selector"] == {"dask.org/cluster-name": "alone"}
    assert made["spec"]["worker"]["replicas"] == 3
    assert live["spec"]["worker"]["replicas"] == 7


@pytest.mark.parametrize(("config", "fake"), [(scale.one_cluster(5), {"worker"}), (scale.many_clusters(2), None)])
def test_workers_and_the_schedulers_of_many_clusters_are_placed_on_fake_nodes(
    config: Any, fake: set[str] | None
) -> None:
    parsed = parse({"clusters": config["dask:clusters"]})

    for cluster in parsed.clusters.values():
        assert cluster.workers.pod_template["nodeSelector"] == kwok.LABELS
        assert ("nodeSelector" in cluster.scheduler.pod_template) == (fake is None)
        assert not cluster.verify


def step(name: str, clusters: int, workers: int, seconds: float, requests: int, size: int) -> dict[str, Any]:
    cpu = {"clients": 1.0, "cluster": 2.0}
    asked = {"requests": {"dask-on-kubernetes": requests}, "bytes": {"dask-on-kubernetes": size}}
    return {
        "step": name, "clusters": clusters, "workers": workers, "loadBefore": 1.0, "seconds": seconds, "cpu": cpu,
    } | asked  # fmt: skip


def test_the_tables_hold_the_ratio_to_the_operator_and_what_one_more_costs() -> None:
    results = [
        step("up", 1, 100, 11, 50, 100_000),
        step("preview", 1, 100, 2, 20, 10_000),
        step("preview", 1, 300, 2, 20, 410_000),
        step("operator alone: up", 1, 100, 10, 0, 0),
        step("preview", 10, 10, 5, 100, 100_000),
        step("preview", 30, 30, 9, 300, 300_000),
        step("preview", 50, 50, 9, 700, 900_000),
        step("drift", 10, 10, 1, 1, 1) | {"failure": "long\nthe last line says it"},
    ]

    text = scale_report.markdown({"date": "2026-01-02", "rounds": 1, "machine": {"cores": 2}, "results": results})

    assert "| up | 100 | 11.0 s | 10.0 s | 1.10 |" in text
    assert "| preview | 100 -> 300 workers | 0.00 | 2.0 |" in text
    assert "| preview | 10 -> 30 clusters | 10.00 | 10.0 |" in text
    assert "| preview | 30 -> 50 clusters | 20.00 | 30.0 |" in text
    assert "| 1 | 100 | up | 11.0 | 1.0 | 50 dask-on-kubernetes | 100 dask-on-kubernetes |" in text
    assert "failed: the last line says it" in text
