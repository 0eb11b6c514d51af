"""The configurations that every contract is held against: the stack files, and features.yaml."""

from typing import Any

import yaml

from tests.contract.rendering import ROOT, STACKS, stack_config

FEATURES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "tests/contract/features.yaml").read_text())
CONFIGS = {f"Pulumi.{stack}.yaml": stack_config(stack) for stack in STACKS} | FEATURES
