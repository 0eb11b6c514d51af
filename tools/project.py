"""The project's files: Pulumi.yaml and the stack files next to it."""

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
        """The path of Pulumi.<stack>.yaml, whether it exists or not."""
        return self.root / f"Pulumi.{self.stack}.yaml"

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Pulumi.yaml. Raises `ToolError` where it is broken or names no project."""
        file = self.root / "Pulumi.yaml"
        settings = _mapping(file)
        if not isinstance(settings.get("name"), str):
            raise ToolError(f"{file}: `name` is missing; it names the project")
        return settings

    @cached_property
    def config(self) -> dict[str, Any]:
        """The values of the stack's file, merged over those of Pulumi.yaml, as they are written."""
        return _config(self.root / "Pulumi.yaml", self.settings) | _config(self.stack_file, _mapping(self.stack_file))

    @property
    def oldest_cli(self) -> tuple[int, ...]:
        """The oldest CLI that the project accepts, from `requiredPulumiVersion: ">=3.226.0"`."""
        found = re.match(r">=(\d+)\.(\d+)\.(\d+)", str(self.settings.get("requiredPulumiVersion")))
        return tuple(map(int, found.groups())) if found else (0, 0, 0)


def open_project(root: Path, stack: str) -> Project:
    """The project of a folder. Raises `ToolError` where the stack has no file."""
    project = Project(root.resolve(), stack)
    if not project.stack_file.is_file():
        stacks = sorted(
            path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in project.root.glob("Pulumi.*.yaml")
        )
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
    except UnicodeDecodeError as error:
        raise ToolError(f"{path} is not UTF-8: {error}") from error
    except yaml.YAMLError as error:
        raise ToolError(f"{path} is not YAML: {error}") from error
    if not isinstance(content or {}, dict):
        raise ToolError(f"{path}: must be a mapping, not {type(content).__name__}")
    return content or {}


def _config(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    config = content.get("config") or {}
    if not isinstance(config, dict):
        raise ToolError(f"{path}: `config` must be a mapping, not {type(config).__name__}")
    return config
