"""Dask's configuration as the pods hand it on: held against a real `import distributed`."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from components.configuration import parse
from components.settings.dask_config import INHERITED, dask_environment
from components.settings.mistakes import ConfigError
from tests.unit.badsettings import CASES
from tests.unit.badsettings.advice import ways
from tests.unit.badsettings.cases import cluster

# For each environment, what `import distributed` does with it: it reads the environment, then sets up logging.
IMPORTER = """
import json, os, sys
environments = json.load(sys.stdin)
os.environ |= environments[0]
import dask.config
from distributed.config import initialize_logging
for values in environments:
    try:
        dask.config.refresh(env=values)
        initialize_logging(dask.config.config)
        print(json.dumps(dask.config.config, default=str))
    except Exception:
        print("null")
"""
ACCEPTED: dict[str, dict[str, Any]] = {
    "levels of loggers": {"logging": {"distributed.worker": "debug", "distributed": "info", "tornado": 30}},
    "levels of loggers below distributed": {"distributed": {"logging": {"distributed.worker": "debug"}}},
    "resources": {"distributed": {"worker": {"resources": {"GPU": 1, "nvidia.com/gpu": 2, "memory": 3}}}},
    "variables of the nanny": {"distributed": {"nanny": {"pre-spawn-environ": {"MALLOC_TRIM_THRESHOLD_": 0}}}},
    "a tree": {"distributed": {"worker": {"memory": {"target": 0.7, "spill": False}}, "http": {"a_b": None}}},
    "texts": {"array": {"a": "1", "b": "true", "c": "plain", "d": "", "e": [1, "2"], "f": {}, "G": "1"}},
}


def imported(environments: list[dict[str, str]]) -> list[Any]:
    """What Dask's configuration is under each environment; None where Dask does not start.

    A process imports Dask under the first of them, so that one has to be right.
    """
    clean = {key: value for key, value in os.environ.items() if not key.startswith("DASK_")}
    asked = json.dumps(environments)
    done = subprocess.run(
        [sys.executable, "-c", IMPORTER],
        input=asked,
        env=clean,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def contains(tree: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(tree, dict) and all(
            contains(tree.get(key, tree.get(key.replace("_", "-"))), value) for key, value in part.items()
        )
    return bool(tree == part)


def test_dask_reads_every_accepted_key_and_value_as_it_is_written() -> None:
    trees = [parse(cluster(daskConfig=tree)).clusters["a"].dask_config for tree in ACCEPTED.values()]

    read = imported([dask_environment(tree) for tree in trees])

    assert [name for name, tree, it in zip(ACCEPTED, trees, read, strict=True) if not contains(it, tree)] == []


def test_dask_starts_with_what_every_message_about_its_configuration_advises() -> None:
    advised = {case.name: raw for case in CASES if ".daskConfig" in case.message for raw in ways(case)}
    trees = {name: raw["clusters"]["a"]["daskConfig"] for name, raw in advised.items()}

    read = imported([dask_environment(tree) for tree in trees.values()])

    assert len(trees) >= 5
    assert [name for (name, tree), it in zip(trees.items(), read, strict=True) if not contains(it, tree)] == []


def test_dask_does_not_start_with_nested_levels() -> None:
    """Which is why they are refused."""
    assert imported([{}, dask_environment({"logging": {"distributed": {"worker": "debug"}}})])[1] is None


@pytest.mark.parametrize("tree", [{"a": {"b-c": 1}}, {"distributed": {"worker": {"memory": {"target": 0.6}}}}], ids=str)
def test_keys_that_get_through_a_variable_need_nothing_else(tree: dict[str, Any]) -> None:
    assert INHERITED not in dask_environment(tree)


def test_a_variable_that_would_hide_the_keys_is_refused() -> None:
    with pytest.raises(ConfigError, match=f"is set by `env.{INHERITED}` too; keep one"):
        parse(cluster(daskConfig={"logging": {"a.b": "info"}}, env={INHERITED: "e30="}))
