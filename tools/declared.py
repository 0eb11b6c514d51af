"""What a stack declares, for the tools that look at the cluster. The CLI reads the stack's configuration."""

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from components import configuration
from components.kube import client as kube
from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.lifecycle.labels import part_of
from components.manifests.context import WorkspaceContext
from components.manifests.declared import DeclaredCluster, clusters_of, workspace_of
from components.manifests.declared_job import DeclaredJob
from components.manifests.secrets import secret_names
from components.settings.mistakes import PROJECT, ConfigError
from components.settings.stack import Settings
from tools.failure import ToolError
from tools.project import open_project


@dataclass(frozen=True)
class Declared:
    """One stack: the owner of its objects, its settings, and its Kubernetes cluster."""

    part_of: str
    settings: Settings
    connection: Connection

    @property
    def clusters(self) -> dict[str, DeclaredCluster]:
        """The clusters by their names in the configuration."""
        return clusters_of(self.settings, self._workspace)

    @property
    def scheduled_jobs(self) -> list[DeclaredJob]:
        """The jobs with a schedule."""
        jobs = [DeclaredJob(name, job, self._workspace) for name, job in self.settings.jobs.items()]
        return [job for job in jobs if job.settings.schedule]

    @property
    def _workspace(self) -> WorkspaceContext:
        return workspace_of(self.settings, self.part_of, secret_names(self.settings))


def read(root: Path, stack: str) -> Declared:
    """Asks the CLI for the stack's configuration. Raises `ToolError` or `ConfigError`."""
    project = open_project(root, stack).settings["name"]
    values = config(root, stack)
    # In a program, the engine sets these; here the SDK does not know them yet.
    pulumi.runtime.configure(pulumi.runtime.Settings(project=project, stack=stack))
    raw = {
        key.partition(":")[2]: configuration.decoded(value)
        for key, value in values.items()
        if key.startswith(f"{PROJECT}:")
    }
    return Declared(part_of(), configuration.parse(raw), _connection(values))


def config(root: Path, stack: str) -> dict[str, Any]:
    """The stack's configuration in plain text, as the CLI has it. Raises `ToolError`."""
    found = _ask(root, "config", "--json", "--show-secrets", "--stack", stack)
    return {key: entry.get("value") for key, entry in found.items()}


def outputs(root: Path, stack: str) -> dict[str, Any]:
    """The stack's outputs in plain text. Raises `ToolError`."""
    return _ask(root, "stack", "output", "--json", "--show-secrets", "--stack", stack)


def connection(root: Path, stack: str) -> Connection:
    """The Kubernetes cluster that the stack names. Raises `ToolError`."""
    return _connection(config(root, stack))


def _connection(values: dict[str, Any]) -> Connection:
    return Connection(values.get("kubernetes:context"), values.get("kubernetes:kubeconfig"))


def _ask(root: Path, *words: str) -> dict[str, Any]:
    command = ["pulumi", *words, "--non-interactive"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError(done.stderr.strip().removeprefix("error: ") or done.stdout.strip())
    return json.loads(done.stdout)


Work = Callable[[Any, Declared, argparse.Namespace], Awaitable[int]]


def run(arguments: list[str] | None, description: str, work: Work, flags: Mapping[str, str] | None = None) -> int:
    """A command that looks at a stack: the exit code of `work`, which gets the API, the stack and the options.

    `flags` are options without a value, with their help. 1, with the reason on stderr, for failures that the user can
    do something about.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--cwd", type=Path, default=Path(), help="the project's folder (default: here)")
    for name, words in (flags or {}).items():
        parser.add_argument(name, action="store_true", help=words)
    options = parser.parse_args(arguments)

    async def look(declared: Declared) -> int:
        return await work(await kube.api(declared.connection), declared, options)

    pulumi.log.warn = pulumi.log.info = pulumi.log.error = lambda message, *_: print(message, file=sys.stderr)
    try:
        return asyncio.run(look(read(options.cwd, options.stack)))
    except (ToolError, ConfigError, ClusterError, kube.ServerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
