"""A declared cluster or job builds each of its bodies once, and nobody changes one."""

import copy
from collections.abc import Callable
from functools import cached_property
from typing import Any

import pytest

from components.kube.paths import path_of
from components.manifests import cluster as manifest
from components.manifests import job as jobmanifest
from components.manifests import services
from components.manifests.declared import DeclaredCluster
from components.manifests.declared_job import DeclaredJob
from tests.support.declared import declared, declared_job

FULL = {
    "workers": {"minimum": 1, "maximum": 3},
    "monitors": {"enabled": True, "alerts": True, "grafana": True},
    "endpoint": {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30786, "dashboard": 30787}},
}
GROUPS = {"workerGroups": {"big": {"replicas": 2, "processes": 2}, "small": {"replicas": 1}}}
BUILDERS = (manifest, "dask_cluster"), (manifest, "worker_group"), (manifest, "verify_job"), (services, "endpoint")


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the builders, each time that one is called."""
    calls: list[str] = []

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def build(*arguments: Any) -> Any:
            calls.append(name)
            return real(*arguments)

        return build

    for module, name in (*BUILDERS, (jobmanifest, "dask_job"), (jobmanifest, "record")):
        monkeypatch.setattr(module, name, counted(name, getattr(module, name)))
    return calls


def properties(of: type) -> list[str]:
    return [name for name, it in vars(of).items() if isinstance(it, cached_property | property)]


def test_each_body_of_a_cluster_is_built_once(built: list[str]) -> None:
    """The DaskCluster is rendered twice: once for the hash in its name, once with that name."""
    cluster = declared("a", GROUPS)

    for _ in range(3):
        for name in properties(DeclaredCluster):
            getattr(cluster, name)

    assert sorted(built) == ["dask_cluster", "dask_cluster", "endpoint", "verify_job", "worker_group", "worker_group"]


def test_each_body_of_a_job_is_built_once(built: list[str]) -> None:
    job = declared_job("once", {"runner": {"script": "pass"}})

    for _ in range(3):
        for name in properties(DeclaredJob):
            getattr(job, name)

    assert sorted(built) == ["dask_job", "record"]


@pytest.mark.parametrize("settings", [FULL, GROUPS], ids=["autoscaled", "groups"])
def test_bodies_are_everything_that_a_cluster_registers(settings: dict[str, Any]) -> None:
    cluster = declared("a", settings)
    found = {(body["kind"], body["metadata"]["name"]): body for body in cluster.bodies}

    given = [getattr(cluster, name) for name in properties(DeclaredCluster) if name != "bodies"]
    bodies = [
        it
        for value in given
        for it in (value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value])
    ]
    objects = [it for it in [*given, *bodies] if isinstance(it, dict) and "apiVersion" in it]
    assert {(it["kind"], it["metadata"]["name"]) for it in objects} == set(found)
    assert len(found) == len(cluster.bodies)


def test_names_are_those_of_the_bodies() -> None:
    cluster, job = declared("a", GROUPS), declared_job("once", {"runner": {"script": "pass"}})

    assert cluster.dask_cluster["metadata"]["name"] == cluster.physical_name
    assert job.dask_job["metadata"]["name"] == job.physical_name
    assert list(cluster.expected_workers.values()) == [1, 4, 1]
    assert list(cluster.expected_workers) == [
        cluster.default_group,
        *(body["metadata"]["name"] for body in cluster.worker_groups.values()),
    ]
    assert cluster.path("DaskCluster", cluster.physical_name) == path_of(cluster.dask_cluster)
    assert cluster.connection["data"]["DASK_CLUSTER_NAME"] == cluster.physical_name


def test_a_copy_of_the_settings_declares_the_same() -> None:
    one, other = declared("a", FULL), declared("a", copy.deepcopy(FULL))

    assert one.bodies == other.bodies
