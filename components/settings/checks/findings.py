"""Turns what pydantic finds into mistakes: a rule in plain words, and a fix that was tried."""

import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic_core import ErrorDetails

from ...settings.mistakes import Mistake, nearest

# Stands for a secret value, so that neither the value nor the fix shows it.
_HIDDEN = object()


def finding(detail: ErrorDetails, options: Sequence[str], example: Any) -> Mistake:
    """The mistake behind one finding. `options` are the keys that its place takes, `example` is a valid value."""
    path, kind, given = detail["loc"], detail["type"], detail["input"]
    if kind == "missing":
        fix = f"add it, such as `{path[-1]}: {json.dumps(example)}`" if example else "add it"
        return Mistake("is missing", fix, path, None)
    if kind == "extra_forbidden":
        near = nearest(str(path[-1]), options)
        fix = f"did you mean '{near}'?" if near else f"choose from {', '.join(options)}"
        return Mistake("is not an option", fix, path, None)
    if given is None:
        meant = "write {} if that is meant" if _TYPES.get(kind, ("",))[0] == "must be a mapping" else "give it a value"
        return Mistake("is empty", f"{meant}, or remove the line", path, None)
    if path[:1] == ("secrets",):
        given = _HIDDEN
    return Mistake(*_about_value(detail, given, str(path[-1]) if path else ""), path, given)


def _about_value(detail: ErrorDetails, given: Any, key: str) -> tuple[str, str]:
    """The rule that a value breaks, and the fix."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in ("literal_error", "enum"):
        choices = re.findall(r"'([^']+)'", context["expected"])
        near = nearest(str(given), choices)
        return f"must be one of {', '.join(choices)}", f"did you mean '{near}'?" if near else "choose one of them"
    if kind in ("too_short", "string_too_short"):
        return "must not be empty", "remove the line, or give it a value"
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        limit = f"{context[bound]}".removesuffix(".0")
        return f"must be {words} {limit}", f"use {limit}"
    if kind in _TYPES:
        rule, fix = _TYPES[kind]
        return rule, fix(given, key)
    return detail["msg"][:1].lower() + detail["msg"][1:], "see docs/configuration.md"


def _whole(value: Any, key: str) -> str:
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]+\s*", value):
        return f"write {int(value)} without quotes"
    if isinstance(value, str) and key.endswith("Seconds") and (parts := re.fullmatch(r"([0-9]+)([smhd])", value)):
        return f"write {int(parts[1]) * {'s': 1, 'm': 60, 'h': 3600, 'd': 86400}[parts[2]]}, in seconds"
    if isinstance(value, float) and value.is_integer():
        return f"write {int(value)}"
    return "give a number"


def _number(value: Any, key: str) -> str:
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]+(\.[0-9]+)?\s*", value):
        return f"write {value.strip()} without quotes"
    return "give a number"


def _string(value: Any, key: str) -> str:
    if isinstance(value, float):
        # YAML has read 2024.10 as a number, and JSON no longer shows how it was written.
        return f'quote it as you wrote it: "{value}", or with the zero that YAML has dropped, "{value}0"'
    if isinstance(value, bool | int):
        return f'write "{json.dumps(value)}"'
    return "quote it" if value is _HIDDEN else "give a string"


def _boolean(value: Any, key: str) -> str:
    meanings = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}
    meant = meanings.get(value.lower()) if isinstance(value, str) else None
    return f"write {meant} without quotes" if meant else "write true or false"


def _mapping(value: Any, key: str) -> str:
    return "write `key: value` lines below it"


def _list(value: Any, key: str) -> str:
    return f"write [{json.dumps(value)}]" if isinstance(value, str | int | float) else "write [] for an empty one"


_TYPES = {
    **dict.fromkeys(("int_type", "int_from_float", "int_parsing"), ("must be a whole number", _whole)),
    **dict.fromkeys(("float_type", "float_parsing"), ("must be a number", _number)),
    **dict.fromkeys(("string_type",), ("must be a string", _string)),
    **dict.fromkeys(("bool_type",), ("must be true or false", _boolean)),
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), ("must be a mapping", _mapping)),
    **dict.fromkeys(("list_type", "tuple_type"), ("must be a list", _list)),
}
_BOUNDS = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}
