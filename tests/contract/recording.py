"""Runs Pulumi programs against the SDK's mocks and returns the objects that they register.

Each run is in a process of its own: the SDK's state is global, and its mocks leave event loops behind.
"""

import asyncio
import json
import logging
import runpy
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pulumi.runtime import mocks, rpc, set_all_config, settings
from pulumi.runtime.stack import run_in_stack

from components.manifests.declared import DeclaredCluster
from tests.unit.api import FakeApi

Body = dict[str, Any]
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Program:
    """A program of the repository with its config, and with the outputs of the stack that it refers to."""

    folder: str
    project: str
    config: Mapping[str, Any]
    referenced: Mapping[str, Any] = field(default_factory=dict)


def recorded(programs: Sequence[Program], names: Sequence[str]) -> dict[str, list[Body]]:
    """The objects of each program, by the names given."""
    asked = json.dumps([asdict(program) for program in programs])
    command = [sys.executable, "-m", "tests.contract.recording"]
    done = subprocess.run(command, input=asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(zip(names, json.loads(done.stdout), strict=True))


class _Recording(mocks.Mocks):
    """Takes down every Kubernetes object that the program registers."""

    def __init__(self, referenced: Mapping[str, Any]) -> None:
        self.made: list[Body] = []
        # What a cluster or the engine would add, where a program reads it.
        self._answers = {
            "kubernetes:helm.sh/v3:Release": {"status": {"appVersion": "2026.3.0"}},
            "pulumi:index:Stash": {"output": "0123456789ab"},
            "pulumi:pulumi:StackReference": {"outputs": referenced, "secretOutputNames": ["clientTls"]},
        }

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(f"the program calls {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        state = revealed(args.inputs) | self._answers.get(args.typ, {})
        if "apiVersion" in args.inputs:
            # The provider names what the program does not.
            state["metadata"] = {"name": f"{args.name}-1a2b3c4d"} | state.get("metadata", {})
            self.made.append(state)
        return f"{args.name}-id", state


def revealed(value: Any) -> Any:
    """The value with the SDK's wrappers of secrets taken off."""
    value = rpc.unwrap_rpc_secret(value)
    if isinstance(value, dict):
        return {key: revealed(item) for key, item in value.items()}
    return [revealed(item) for item in value] if isinstance(value, list) else value


async def _no_nodes(_: Any) -> list[str]:
    return ["192.0.2.1"]


async def _nothing_there(_: Any) -> FakeApi:
    return FakeApi()


async def _as_declared(_: Any, target: DeclaredCluster) -> Body:
    """The spec of a cluster to adopt: one that runs as it is declared."""
    return target.dask_cluster["spec"]


async def _run(program: Program, recording: _Recording) -> None:
    mocks.set_mocks(recording, program.project, "test", False, logging.Logger("program", logging.CRITICAL))
    settings.SETTINGS.engine.RequirePulumiVersion = lambda _: None  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
    settings.ROOT.set(None)  # set_mocks has made a root stack of its own; run_in_stack makes the real one
    strings = {key: it if isinstance(it, str) else json.dumps(it) for key, it in program.config.items()}
    set_all_config(strings)
    await run_in_stack(lambda: _main(ROOT / program.folder / "__main__.py"))


def _main(program: Path) -> None:
    runpy.run_path(str(program), run_name="__main__")


def _objects(program: Program) -> list[Body]:
    recording = _Recording(program.referenced)
    with (
        patch("components.kubernetes.node_hosts", new=_no_nodes),
        patch("components.kube.client.api", new=_nothing_there),
        patch("components.lifecycle.adoption.spec", new=_as_declared),
    ):
        asyncio.run(_run(program, recording))
    return recording.made


if __name__ == "__main__":
    print(json.dumps([_objects(Program(**program)) for program in json.load(sys.stdin)]))
