"""From a configuration to Kubernetes objects. In: the values under `dask:`. Out: bodies as the API server gets them.

`objects` asks the pure functions; `program_objects` runs the whole `__main__.py` against the SDK's mocks, so that what
the components add or leave out shows as well.
"""

import asyncio
import json
import logging
import runpy
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from pulumi.runtime import mocks, rpc, set_all_config, settings
from pulumi.runtime.stack import run_in_stack

from components import jobmanifest, manifest
from components.jobmanifest import JobTarget
from components.manifest import Target
from components.settings import Settings, parse

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


# What a cluster would add, where the program reads it.
_ANSWERS = {"kubernetes:helm.sh/v3:Release": {"status": {"appVersion": "2026.3.0"}}}


class _Recording(mocks.Mocks):
    """Takes down every Kubernetes object that the program registers."""

    def __init__(self) -> None:
        self.made: list[Body] = []

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(f"the program calls {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if "apiVersion" in args.inputs:
            self.made.append(_revealed(args.inputs))
        return f"{args.name}-id", args.inputs | _ANSWERS.get(args.typ, {})


def _revealed(value: Any) -> Any:
    """The value with the SDK's wrappers of secrets taken off."""
    value = rpc.unwrap_rpc_secret(value)
    if isinstance(value, dict):
        return {key: _revealed(item) for key, item in value.items()}
    return [_revealed(item) for item in value] if isinstance(value, list) else value


def program_objects(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Body]]:
    """What `__main__.py` registers for each configuration, in a process of its own: the SDK's state is global."""
    command = [sys.executable, "-m", "tests.contract.rendering"]
    done = subprocess.run(command, input=json.dumps(configs), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _registered(raw: Mapping[str, Any]) -> list[Body]:
    recording = _Recording()
    values = {f"dask:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in raw.items()}
    with patch("components.stack.node_hosts", new=_no_nodes):
        asyncio.run(_run(recording, values))
    return recording.made


async def _no_nodes(_: Any) -> list[str]:
    return ["192.0.2.1"]


async def _run(recording: _Recording, values: dict[str, str]) -> None:
    mocks.set_mocks(recording, "dask", "test", False, logging.Logger("program", logging.CRITICAL))
    settings.ROOT.set(None)  # set_mocks has made a root stack of its own; run_in_stack makes the real one
    set_all_config(values)
    await run_in_stack(_main)


def _main() -> None:
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")


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


if __name__ == "__main__":
    print(json.dumps({name: _registered(raw) for name, raw in json.load(sys.stdin).items()}))
