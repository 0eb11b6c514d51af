"""Words the messages about an invalid configuration: one line for each mistake.

Every line has path, value, rule and fix:
`dask:clusters.1abc: '1abc' must start with a letter, because ...; try 'c1abc'`.
"""

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails, PydanticCustomError

Path = tuple[str | int, ...]


class ConfigError(Exception):
    """The stack's configuration cannot be used. Nothing was registered. `str()` is the whole message."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = mistakes
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        lines = "\n".join(f"  {mistake}" for mistake in mistakes)
        super().__init__(f"{count} in the stack's configuration; nothing was changed:\n{lines}")


class Rule(PydanticCustomError):
    """A broken rule: what it says, and what to do instead. Raised inside validators, shown with path and value.

    With `path`, the mistake lies below the validated object. `value` is shown instead of what is there, None hides it.
    """

    def __new__(cls, rule: str, fix: str, path: Path = (), value: Any = ...) -> "Rule":
        context: dict[str, Any] = {"rule": rule, "fix": fix, "path": path, "hide": value is None}
        if value is not ... and value is not None:
            context["value"] = value
        return super().__new__(cls, "rule", "{rule}; {fix}", context)

    def __init__(self, rule: str, fix: str, path: Path = (), value: Any = ...) -> None:
        """All is done in `__new__`: the class is written in Rust."""


class Rules(ValueError):
    """Several broken rules found by one validator."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        super().__init__("; ".join(str(rule) for rule in rules))


def broken_rule(path: Path, context: Mapping[str, Any], given: Any) -> str:
    """The line for a `Rule`'s context. `given` is what the configuration has at `path`."""
    value = _MISSING if context["hide"] else context.get("value", given)
    return f"{shown_path(path)}: {_shown(value, path)}{context['rule']}; {context['fix']}"


def finding(detail: ErrorDetails, options: Sequence[str], example: Any) -> str:
    """The line for a finding of pydantic's own. `options` are the keys that its place takes, `example` a good value."""
    path, kind, given = detail["loc"], detail["type"], detail["input"]
    if _is_secret(path):
        given = _MISSING
    if kind == "missing":
        rule, fix = "is missing", f"add it, such as `{path[-1]}: {json.dumps(example)}`" if example else "add it"
    elif kind == "extra_forbidden":
        near = nearest(str(path[-1]), options)
        rule, fix = "is not an option", f"did you mean '{near}'?" if near else f"choose from {', '.join(options)}"
    elif kind in ("literal_error", "enum"):
        choices = re.findall(r"'([^']+)'", detail.get("ctx", {})["expected"])
        near = nearest(str(given), choices)
        rule, fix = f"must be one of {', '.join(choices)}", f"did you mean '{near}'?" if near else "choose one of them"
    elif kind in ("too_short", "string_too_short"):
        rule, fix = "must not be empty", "remove the line, or give it a value"
    elif kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        rule, fix = f"must be {words} {detail.get('ctx', {})[key]}", f"use {detail.get('ctx', {})[key]}"
    elif given is None:
        meant = "write {} if that is meant" if _TYPES.get(kind, ("",))[0] == "must be a mapping" else "give it a value"
        rule, fix, given = "is empty", f"{meant}, or remove the line", _MISSING
    elif kind in _TYPES:
        rule, fixed = _TYPES[kind]
        fix = fixed(given, str(path[-1]))
    else:
        rule, fix = detail["msg"][:1].lower() + detail["msg"][1:], "see docs/configuration.md"
    shown = _MISSING if kind in ("missing", "extra_forbidden") else given
    return f"{shown_path(path)}: {_shown(shown, path)}{rule}; {fix}"


def nearest(word: str, choices: Sequence[str]) -> str | None:
    """The choice that was probably meant; upper and lower case are the same."""
    folded = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.replace("_", "").lower(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def shown_path(path: Path) -> str:
    """`('clusters', 'a', 'volumes', 0)` -> `dask:clusters.a.volumes[0]`; what is not plain is quoted and escaped."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part != "[key]":
            text += f".{part}" if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f".{json.dumps(part)}"
    return "dask:" + text.removeprefix(".")


_MISSING = object()
_LONGEST_VALUE = 200


def _is_secret(path: Path) -> bool:
    return path[:1] == ("secrets",)


def _shown(value: Any, path: Path) -> str:
    """The value and a blank, or nothing for what is absent, secret or a mapping."""
    if value is _MISSING or isinstance(value, dict) or (_is_secret(path) and path[-1] != "[key]"):
        return ""
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return (text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…") + " "


def _whole(value: Any, key: str) -> str:
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]+\s*", value):
        return f"write {int(value)} without quotes"
    if isinstance(value, str) and key.endswith("Seconds") and (parts := re.fullmatch(r"([0-9]+)([smhd])", value)):
        return f"write {int(parts[1]) * {'s': 1, 'm': 60, 'h': 3600, 'd': 86400}[parts[2]]}, in seconds"
    if isinstance(value, float) and value.is_integer():
        return f"write {int(value)}"
    return "give a number"


def _string(value: Any, key: str) -> str:
    if isinstance(value, float):
        # YAML has read 2024.10 as a number, and JSON does not tell how it was written.
        return f'quote it as you wrote it: "{value}", or with the zero that YAML has dropped, "{value}0"'
    if isinstance(value, bool | int):
        return f'write "{json.dumps(value)}"'
    return "quote it" if value is _MISSING else "give a string"


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
    **dict.fromkeys(("string_type",), ("must be a string", _string)),
    **dict.fromkeys(("bool_type",), ("must be true or false", _boolean)),
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), ("must be a mapping", _mapping)),
    **dict.fromkeys(("list_type", "tuple_type"), ("must be a list", _list)),
}
_BOUNDS = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}
