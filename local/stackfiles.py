"""Pulumi.yaml and Pulumi.<stack>.yaml, read as the engine reads them. In: a directory and a stack's name. Out: a Stack.

The engine hands every value to the program as a string: strings as they are, everything else as JSON. YAML is read by
the 1.2 core schema as the engine's parser does, so `on`, `12:30` and `2026-01-01` stay strings.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class StackError(Exception):
    """The files do not describe a stack that can be applied here. `str()` is the whole message."""


@dataclass(frozen=True)
class Stack:
    """One stack: the project's name, its own name, the project's directory and the config as the program gets it."""

    project: str
    name: str
    root: Path
    config: Mapping[str, str]

    @property
    def part_of(self) -> str:
        """The value of the label `app.kubernetes.io/part-of` on everything of this stack."""
        return f"{self.project}-{self.name}"


def homes(stack: Stack) -> set[str]:
    """The namespaces that the stack's objects are in, as far as its config can be read."""
    found: set[str] = set()
    for key, option, default in (("namespace", "name", "dask"), ("operator", "namespace", "dask-operator")):
        try:
            found.add(json.loads(stack.config[f"{stack.project}:{key}"])[option])
        except (KeyError, TypeError, ValueError):
            found.add(default)
    return found


class _CoreLoader(yaml.SafeLoader):
    """YAML 1.2 core schema instead of PyYAML's 1.1."""

    yaml_implicit_resolvers: dict[str, Any] = {}


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("merge", r"<<", "<"),
):
    _CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


def _integer(_loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = node.value.lower()
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


_CoreLoader.add_constructor("tag:yaml.org,2002:int", _integer)


def load(root: Path, name: str, refuse_secrets: bool = True) -> Stack:
    """Read both files. A `secure:` value is refused, because only the Pulumi CLI can decrypt it."""
    project_file, stack_file = root / "Pulumi.yaml", root / f"Pulumi.{name}.yaml"
    if not project_file.is_file():
        raise StackError(f"{root}: there is no Pulumi.yaml; run in the project's directory or give --cwd")
    if not stack_file.is_file():
        found = sorted(path.name.split(".")[1] for path in root.glob("Pulumi.*.yaml"))
        raise StackError(f"{stack_file}: no such stack; the stacks here are: {', '.join(found) or 'none'}")
    project, stack = read_yaml(project_file), read_yaml(stack_file)
    if "name" not in project:
        raise StackError(f"{project_file}: `name` is missing; give the project a name")
    if stack.get("environment"):
        raise StackError(f"{stack_file}: `environment` (Pulumi ESC) needs the Pulumi CLI; write the values here")
    values = {
        **_defaults(project["name"], _mapping(project, "config", project_file)),
        **{_full(project["name"], key): value for key, value in _mapping(stack, "config", stack_file).items()},
    }
    if refuse_secrets:
        for key, value in values.items():
            _refuse_secure(value, f"{stack_file.name}: config.{key}")
    return Stack(project["name"], name, root, {key: as_engine(value) for key, value in values.items()})


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a file, or a StackError with the parser's own words."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_CoreLoader)
    except yaml.YAMLError as error:
        raise StackError(f"{path}: not YAML: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise StackError(f"{path}: must be a mapping, not {type(content).__name__}")
    return content


def as_engine(value: Any) -> str:
    """A config value as the program gets it: strings as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), sort_keys=True)


def _mapping(content: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    value = content.get(key) or {}
    if not isinstance(value, dict):
        raise StackError(f"{path}: `{key}` must be a mapping, not {type(value).__name__}")
    return value


def _full(project: str, key: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _defaults(project: str, declared: Mapping[str, Any]) -> dict[str, Any]:
    """Pulumi.yaml declares a key with `default:`, with `value:`, or as a plain value."""
    found: dict[str, Any] = {}
    for key, declaration in declared.items():
        if not isinstance(declaration, dict):
            found[_full(project, key)] = declaration
        elif "default" in declaration or "value" in declaration:
            found[_full(project, key)] = declaration.get("value", declaration.get("default"))
    return found


def _refuse_secure(value: Any, path: str) -> None:
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            raise StackError(
                f"{path}: an encrypted value (`secure:`) can be decrypted only by the Pulumi CLI; "
                "use the CLI (ENGINE=pulumi), or put the secret into the Kubernetes cluster and name it here"
            )
        for key, item in value.items():
            _refuse_secure(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_secure(item, f"{path}[{index}]")
