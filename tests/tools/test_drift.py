"""`make drift`: what it looks at."""

import asyncio
from typing import Any

import pytest

from components.kube.paths import path_of
from components.manifests.declared import DeclaredCluster
from tests.support.declared import declared
from tests.unit.api import FakeApi
from tools import drift

EVERYTHING: dict[str, Any] = {
    "workers": {"minimum": 0, "maximum": 2, "resources": {"cpu": "1", "memory": "2Gi"}},
    "workerGroups": {"big": {"replicas": 1}},
    "scheduler": {"podDisruptionBudget": True},
    "monitors": {"enabled": True, "alerts": True, "grafana": True},
    "endpoint": {"dashboard": {"hostname": "dask.example.org", "ingressClass": "nginx", "login": "the ingress"}},
    "notebook": {},
    "tls": {"enabled": True, "issuer": {"name": "own"}},
}
NOT_KEPT = {"Job", "PrometheusRule"}


def said(cluster: DeclaredCluster, live: dict[str, Any]) -> list[str]:
    """The lines about a cluster whose live objects are these, by their paths."""

    async def look() -> list[str]:
        api: Any = FakeApi(live | {cluster.path("DaskCluster"): {"items": [cluster.dask_cluster]}})
        return await drift.examine(api, cluster, await drift.drift.survey(api, cluster.namespace))

    return asyncio.run(look())


KEPT = [body for body in declared("a", EVERYTHING).bodies if body["kind"] not in NOT_KEPT]


@pytest.mark.parametrize("body", KEPT, ids=[f"{it['kind']}/{it['metadata']['name']}" for it in KEPT])
def test_every_object_of_a_cluster_is_missed(body: dict[str, Any]) -> None:
    cluster = declared("a", EVERYTHING)
    live = {path_of(it): it for it in KEPT if it is not body}

    assert f"{body['kind'].lower()}/{body['metadata']['name']}: is missing" in said(cluster, live)
