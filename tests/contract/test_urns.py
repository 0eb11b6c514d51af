"""URNs are pinned: the engine deletes an object and creates it anew where its type, name or parent changes.

Where a change is meant, it needs an alias. `python -m tests.contract.test_urns` writes the file again.
"""

import asyncio
import json
import re
import runpy
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from pulumi.runtime import set_all_config

from tests.contract.rendering import ROOT
from tests.contract.test_golden import CONFIGS
from tests.unit.api import FakeApi
from tests.unit.registrations import record

PINNED = Path(__file__).parent / "golden" / "urns.json"
OWN = {
    "namespace": "analytics",
    "cluster": {"tls": {"enabled": True}, "workerGroups": {"big": {"replicas": 1}}, "workers": {"replicas": 1}},
}


async def _nothing_there(_: Any) -> FakeApi:
    return FakeApi()


async def _one_node(_: Any) -> list[str]:
    return ["192.0.2.1"]


async def _as_declared(_: Any, cluster: Any) -> dict[str, Any]:
    """The spec of a cluster to adopt."""
    containers = [{"name": "scheduler", "image": "theirs:1"}]
    return {role: {"spec": {"containers": containers}} for role in ("scheduler", "worker")}


def urns(program: str, raw: dict[str, Any]) -> list[str]:
    """`<types of parents>$<type>::<name>` of everything that a program registers."""

    def main() -> None:
        set_all_config({f"dask:{key}": it if isinstance(it, str) else json.dumps(it) for key, it in raw.items()})
        runpy.run_path(str(ROOT / program), run_name="__main__")

    with (
        patch("components.kubernetes.node_hosts", new=_one_node),
        patch("components.kube.client.api", new=_nothing_there),
        patch("components.lifecycle.adoption.spec", new=_as_declared),
    ):
        recording = record(main)
    return sorted(f"{_types(it.request.parent)}${it.type}::{_plain(it.name)}" for it in recording.registrations)


def _plain(name: str) -> str:
    """The name without the hashes of contents, which test_golden.py pins."""
    return re.sub(r"-[0-9a-f]{8}(?=-|$)", "-<hash>", name)


def _types(parent: str) -> str:
    return parent.split("::")[2] if parent else ""


def registered() -> dict[str, list[str]]:
    made = {name: urns("__main__.py", raw) for name, raw in CONFIGS.items()}
    return made | {"own_program": urns("examples/own_program/__main__.py", OWN)}


@pytest.mark.parametrize("name", [name for name in json.loads(PINNED.read_text()) if name in CONFIGS])
def test_the_programs_urns_are_what_they_were(name: str) -> None:
    assert urns("__main__.py", CONFIGS[name]) == json.loads(PINNED.read_text())[name]


def test_those_of_a_program_of_ones_own_are_too() -> None:
    assert urns("examples/own_program/__main__.py", OWN) == json.loads(PINNED.read_text())["own_program"]


if __name__ == "__main__":
    asyncio.set_event_loop(asyncio.new_event_loop())
    PINNED.write_text(json.dumps(registered(), indent=1) + "\n")
    sys.exit()
