"""Renders a configuration, given as the values under `dask:`, to the objects that the API server receives.

`objects` calls the pure functions; `program_objects` runs the whole `__main__.py` against the SDK's mocks, so that what
the components add or omit shows as well.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from components.configuration import parse
from components.manifests import cluster as manifest
from components.manifests import job as jobmanifest
from components.manifests.cluster import Target
from components.manifests.job import JobTarget
from components.settings.stack import Settings
from tests.contract.recording import Program, recorded

Body = dict[str, Any]
ROOT = Path(__file__).parents[2]
STACKS = ("dev", "staging", "prod")


def stack_config(stack: str) -> dict[str, Any]:
    """The values under `dask:` in Pulumi.<stack>.yaml."""
    content = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    return {key.removeprefix("dask:"): value for key, value in content.items() if key.startswith("dask:")}


def targets(config: Settings) -> Iterator[Target]:
    """Every cluster of a configuration, in its namespace."""
    secrets = tuple((name, f"{name}-12345678") for name in config.secrets)
    restricted = config.namespace.pod_security == "restricted"
    for name, cluster in config.clusters.items():
        yield Target(name, cluster, config.namespace.name, "dask-test", restricted, secrets)


def cluster_objects(target: Target) -> list[Body]:
    """Everything that manifest.py makes for one cluster."""
    single = (manifest.autoscaler(target), manifest.disruption_budget(target))
    return [
        manifest.dask_cluster(target),
        *manifest.worker_groups(target).values(),
        *manifest.monitors(target).values(),
        manifest.endpoint(target),
        manifest.verify_job(target),
        manifest.connection(target),
        *(body for body in single if body),
    ]


def objects(raw: Mapping[str, Any]) -> list[Body]:
    """Everything that the pure functions make for a configuration."""
    config = parse(raw)
    made = [body for target in targets(config) for body in cluster_objects(target)]
    restricted = config.namespace.pod_security == "restricted"
    for name, job in config.jobs.items():
        made.append(jobmanifest.dask_job(JobTarget(name, job, config.namespace.name, "dask-test", restricted)))
    return made


def program_objects(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Body]]:
    """What the whole program registers for each configuration."""
    asked = {name: {f"dask:{key}": value for key, value in raw.items()} for name, raw in configs.items()}
    return recorded([Program(".", "dask", values) for values in asked.values()], list(asked))


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
