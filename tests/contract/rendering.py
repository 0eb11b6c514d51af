"""Renders a configuration, given as the values under `dask:`, to the objects that the API server receives.

`objects` calls the pure functions; `program_objects` runs the whole `__main__.py` against the SDK's mocks, so that what
the components add or omit shows as well.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import yaml

from components.configuration import parse
from components.manifests.declared import DeclaredCluster, clusters_of, workspace_of
from components.manifests.declared_job import DeclaredJob
from components.settings.stack import Settings
from tests.unit.api import FakeApi
from tests.unit.registrations import ROOT, Body, registered

STACKS = ("dev", "staging", "prod")


def stack_config(stack: str) -> dict[str, Any]:
    """The values under `dask:` in Pulumi.<stack>.yaml."""
    content = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    return {key.removeprefix("dask:"): value for key, value in content.items() if key.startswith("dask:")}


def targets(config: Settings) -> Iterator[DeclaredCluster]:
    """Every cluster of a configuration, in its namespace."""
    secrets = {name: f"{name}-12345678" for name in config.secrets}
    yield from clusters_of(config, workspace_of(config, "dask-test", secrets)).values()


def objects(raw: Mapping[str, Any]) -> list[Body]:
    """Everything that the pure functions make for a configuration."""
    config = parse(raw)
    made = [body for cluster in targets(config) for body in cluster.bodies]
    workspace = workspace_of(config, "dask-test", {})
    jobs = [DeclaredJob(name, job, workspace) for name, job in config.jobs.items()]
    return made + [body for job in jobs for body in (job.dask_job, *job.autoscaler, *job.scheduled)]


@contextmanager
def kubernetes() -> Iterator[None]:
    """A Kubernetes of one node with nothing on it, for the programs that run inside of the block.

    A cluster to adopt runs there as it is declared.
    """

    async def nodes(_: Any) -> list[str]:
        return ["192.0.2.1"]

    async def empty(_: Any) -> FakeApi:
        return FakeApi()

    async def as_declared(_: Any, cluster: DeclaredCluster) -> Body:
        return cluster.dask_cluster["spec"]

    with (
        patch("components.kubernetes.node_hosts", new=nodes),
        patch("components.kube.client.api", new=empty),
        patch("components.lifecycle.adoption.spec", new=as_declared),
    ):
        yield


def program_objects(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Body]]:
    """What the whole program registers for each configuration."""
    with kubernetes():
        return {name: registered(raw, stack="test").objects for name, raw in configs.items()}


def pods(body: Body) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod spec in an object, with its path."""

    def walk(node: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if isinstance(node, dict):
            if "containers" in node:
                yield path, node
            for key, value in node.items():
                yield from walk(value, f"{path}.{key}")

    yield from walk(body, body.get("kind", ""))


def settings_of(stack: str) -> Settings:
    """The settings of a stack file."""
    return parse(stack_config(stack))
