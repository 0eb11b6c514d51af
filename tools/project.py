"""The project's files: Pulumi.yaml and the stacks beside it."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tools.failure import ToolError


@dataclass(frozen=True)
class Project:
    """A folder with a Pulumi.yaml, and the stack that a command is about."""

    root: Path
    stack: str

    @property
    def stack_file(self) -> Path:
        return self.root / f"Pulumi.{self.stack}.yaml"

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Pulumi.yaml."""
        return _mapping(self.root / "Pulumi.yaml")

    @cached_property
    def config(self) -> dict[str, Any]:
        """The values of the stack's file, laid over those of Pulumi.yaml, as they are written."""
        return (self.settings.get("config") or {}) | (_mapping(self.stack_file).get("config") or {})

    @property
    def oldest_cli(self) -> tuple[int, ...]:
        """The oldest CLI that the project accepts, from `requiredPulumiVersion: ">=3.226.0"`."""
        found = re.match(r">=(\d+)\.(\d+)\.(\d+)", self.settings.get("requiredPulumiVersion", ""))
        return tuple(map(int, found.groups())) if found else (0, 0, 0)


def open_project(root: Path, stack: str) -> Project:
    """The project of a folder. Raises `ToolError` where the stack has no file."""
    project = Project(root.resolve(), stack)
    if not project.stack_file.is_file():
        stacks = sorted(path.name.split(".")[1] for path in project.root.glob("Pulumi.*.yaml"))
        raise ToolError(
            f"STACK={stack}: {project.stack_file.name} is missing in {project.root}; the stacks are: "
            f"{', '.join(stacks) or 'none'}"
        )
    return project


def _mapping(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}; run the command in the project's folder") from error
    except yaml.YAMLError as error:
        raise ToolError(f"{path} is not YAML: {error}") from error
    if not isinstance(content or {}, dict):
        raise ToolError(f"{path}: must be a mapping, not {type(content).__name__}")
    return content or {}
