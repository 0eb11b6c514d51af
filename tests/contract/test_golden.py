"""Names, hashes and bodies of every object are pinned: a change of them gives users' clusters new pods.

Where a change is meant, write the files again with `python -m tests.contract.test_golden`, look at the difference, and
say in the CHANGELOG which clusters get new pods.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.conftest import FEATURES
from tests.contract.rendering import objects, stack_config

GOLDEN = Path(__file__).parent / "golden"
STACKS = ("dev", "tutorial", "staging", "prod")
CONFIGS = {stack: stack_config(stack) for stack in STACKS} | {f"feature-{name}": raw for name, raw in FEATURES.items()}


def rendered(raw: dict[str, Any]) -> str:
    bodies = sorted(objects(raw), key=lambda body: (body["kind"], body["metadata"]["name"]))
    return yaml.safe_dump_all(bodies, sort_keys=True, width=120)


def file_of(name: str) -> Path:
    return GOLDEN / f"{name.replace(' ', '-')}.yaml"


@pytest.mark.parametrize("name", CONFIGS)
def test_objects_are_what_they_were(name: str) -> None:
    pinned = list(yaml.safe_load_all(file_of(name).read_text()))

    assert list(yaml.safe_load_all(rendered(CONFIGS[name]))) == pinned


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for each, config in CONFIGS.items():
        file_of(each).write_text(rendered(config))
