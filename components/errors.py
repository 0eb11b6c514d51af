"""What the program says when it refuses. In: pydantic's findings. Out: one message that lists every mistake.

Every line has path, value, rule and fix:
`dask:clusters.a.name: '1abc' must start with a letter, because ...; try 'c1abc'`.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError


class ConfigError(pulumi.RunError):
    """The stack's configuration cannot be used. Nothing was registered. `str()` is the whole message."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = mistakes
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        lines = "\n".join(f"  {mistake}" for mistake in mistakes)
        super().__init__(f"{count} in the stack's configuration; nothing was changed:\n{lines}")


class ClusterError(pulumi.RunError):
    """Something on the Kubernetes cluster stands in the way. The message says what, why and what helps."""


class Rule(PydanticCustomError):
    """A broken rule: what it says, and what to do instead. Raised inside validators, shown with path and value.

    With `path`, the mistake lies below the validated object, and with `value` that is what is shown.
    """

    def __new__(cls, rule: str, fix: str, path: tuple[str | int, ...] = (), value: Any = ...) -> "Rule":
        context = {"rule": rule, "fix": fix, "path": path, "hide": value is None}
        if value is not ... and value is not None:
            context["value"] = value
        return super().__new__(cls, "rule", "{rule}; {fix}", context)

    def __init__(self, rule: str, fix: str, path: tuple[str | int, ...] = (), value: Any = ...) -> None:
        super().__init__()


class Rules(ValueError):
    """Several broken rules found by one validator."""

    def __init__(self, rules: list[Rule]) -> None:
        self.rules = rules
        super().__init__("; ".join(str(rule) for rule in rules))


_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "string_type": "a string: put it in quotes",
    "bool_type": "true or false",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "float_type": "a number",
}
_BOUNDS = {"greater_than_equal": "ge", "less_than_equal": "le", "greater_than": "gt", "less_than": "lt"}
_WORDS = {"ge": "at least", "le": "at most", "gt": "more than", "lt": "less than"}


def mistakes(error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """One line for each finding, in the order of the file."""
    for detail in error.errors(include_url=False):
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, Rules):
            for rule in cause.rules:
                yield _line(detail["loc"], rule.context or {}, detail["input"])
        elif detail["type"] == "rule":
            yield _line(detail["loc"], detail.get("ctx", {}), detail["input"])
        else:
            rule, fix = _explain(detail, model)
            shown = _MISSING if detail["type"] in ("missing", "extra_forbidden") else detail["input"]
            yield f"{_path(detail['loc'])}: {_value(shown)}{rule}; {fix}"


_MISSING = object()


def _line(loc: tuple[str | int, ...], context: Mapping[str, Any], given: Any) -> str:
    value = _MISSING if context.get("hide") else context.get("value", given)
    return f"{_path((*loc, *context['path']))}: {_value(value)}{context['rule']}; {context['fix']}"


def _value(value: Any) -> str:
    if value is _MISSING or isinstance(value, dict):
        return ""
    return (repr(value) if isinstance(value, str) else json.dumps(value, default=str)) + " "


def _path(loc: tuple[str | int, ...]) -> str:
    """`('clusters', 'a', 'volumes', 0)` -> `dask:clusters.a.volumes[0]`."""
    path = ""
    for part in loc:
        if part == "[key]":
            continue
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return "dask:" + path.lstrip(".")


def _explain(detail: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        return "is missing", "add it"
    if kind == "extra_forbidden":
        return "is not an option", _did_you_mean(detail["loc"], model)
    if kind in _BOUNDS:
        bound = context[_BOUNDS[kind]]
        return f"must be {_WORDS[_BOUNDS[kind]]} {bound}", f"use {bound}" if "equal" in kind else "use another number"
    if kind in ("literal_error", "enum"):
        choice = difflib.get_close_matches(str(detail["input"]), _choices(context["expected"]), n=1, cutoff=0.5)
        return f"must be one of {context['expected']}", f"did you mean '{choice[0]}'?" if choice else "choose one"
    if kind in _TYPES:
        return f"must be {_TYPES[kind]}", _unquote(detail["input"], kind)
    return detail["msg"][:1].lower() + detail["msg"][1:], "see docs/configuration.md"


def _choices(expected: str) -> list[str]:
    return [choice.strip("' ") for choice in expected.replace(" or ", ",").split(",")]


def _unquote(value: Any, kind: str) -> str:
    if kind == "string_type" and isinstance(value, int | float | bool):
        return f'write "{json.dumps(value)}"'
    if kind.startswith("int") and isinstance(value, str) and value.strip().lstrip("-").isdigit():
        return f"write {value.strip()} without quotes"
    if kind.startswith("int") and isinstance(value, float) and value.is_integer():
        return f"write {int(value)}"
    return f"not {json.dumps(value, default=str)[:40]}" if not isinstance(value, dict) else "not a mapping"


def _did_you_mean(loc: tuple[str | int, ...], model: type[BaseModel]) -> str:
    options = _options(loc[:-1], model)
    near = difflib.get_close_matches(str(loc[-1]), options, n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else f"the options here are {', '.join(sorted(options))}"


def _options(loc: tuple[str | int, ...], model: type[BaseModel]) -> list[str]:
    """The names that the model at `loc` takes, found by walking the JSON Schema beside the path."""
    root = model.model_json_schema()
    node: dict[str, Any] = root
    for part in loc:
        node = _resolve(node, root)
        if isinstance(part, int):
            node = node.get("items", {})
        else:
            node = node.get("properties", {}).get(part) or node.get("additionalProperties") or {}
    return list(_resolve(node, root).get("properties", {}))


def _resolve(node: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    for choice in node.get("anyOf", []):
        if "$ref" in choice:
            node = choice
    while "$ref" in node:
        node = root["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node
