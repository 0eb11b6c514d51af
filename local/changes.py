"""Pure: what differs between two Kubernetes objects, and how to say it. In: plain dicts. Out: changes and lines.

A path is a tuple of keys and indexes; people write it as Pulumi does: `spec.worker.replicas`, `spec.ports[0]`,
`metadata.annotations["a.b/c"]`, with `*` for any key or index.
"""

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

Path = tuple[str | int, ...]
MISSING: Any = type("Missing", (), {"__repr__": lambda _: "nothing"})()
# The SDK's mark for a value that is known only after `up` (pulumi.runtime.rpc.UNKNOWN).
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

# What the API server writes by itself on every request; a difference here is no change of ours.
_BOOKKEEPING = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")
_PART = re.compile(r"""\.?([^.\[\]"]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\[(\*)\]""")


class Change(NamedTuple):
    """One field: its path, the value before and the value after (MISSING where there is none)."""

    path: Path
    old: Any
    new: Any


def parse_path(text: str) -> Path:
    """`spec.ports[0].nodePort` -> ("spec", "ports", 0, "nodePort")."""
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if not match:
            raise ValueError(f"'{text}' is not a property path: stuck at '{text[position:]}'; write a.b[0].c")
        key, index, quoted, star = match.groups()
        parts.append(int(index) if index else star or key or json.loads(f'"{quoted}"'))
        position = match.end()
    return tuple(parts)


def show_path(path: Path) -> str:
    """The inverse of `parse_path`; keys with dots in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if re.fullmatch(r"[\w-]+", part) else f"[{json.dumps(part)}]"
    return text.removeprefix(".")


def touches(path: Path, patterns: Sequence[Path]) -> bool:
    """Whether a change at `path` lies at, below or above one of the patterns."""
    return any(all(want in ("*", got) for want, got in zip(pattern, path, strict=False)) for pattern in patterns)


def look_up(value: Any, path: Path) -> Any:
    """The value at `path`, or MISSING."""
    for part in path:
        if isinstance(part, int):
            value = value[part] if isinstance(value, list) and part < len(value) else MISSING
        else:
            value = value.get(part, MISSING) if isinstance(value, Mapping) else MISSING
    return value


def keep(desired: Mapping[str, Any], live: Mapping[str, Any], ignored: Sequence[Path]) -> dict[str, Any]:
    """`desired` with the live values at the ignored paths (`ignoreChanges`); a path that is not live is left out."""
    result: dict[str, Any] = copy.deepcopy(dict(desired))
    for pattern in ignored:
        for path in list(_expand(result, live, pattern)):
            parent = look_up(result, path[:-1])
            value = look_up(live, path)
            if value is MISSING:
                if isinstance(parent, dict):
                    parent.pop(path[-1], None)
            elif isinstance(parent, dict) or (isinstance(parent, list) and path[-1] in range(len(parent))):
                cast(Any, parent)[path[-1]] = copy.deepcopy(value)
    return result


def _expand(desired: Any, live: Any, pattern: Path, done: Path = ()) -> Iterator[Path]:
    if not pattern:
        yield done
        return
    head, rest = pattern[0], pattern[1:]
    here, there = look_up(desired, done), look_up(live, done)
    keys: list[str | int] = [head]
    if head == "*":
        keys = list(range(len(here))) if isinstance(here, list) else [*{**_dict(here), **_dict(there)}]
    for key in keys:
        yield from _expand(desired, live, rest, (*done, key))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def without_bookkeeping(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The object without its status and without what the API server counts and stamps."""
    metadata = {key: value for key, value in obj.get("metadata", {}).items() if key not in _BOOKKEEPING}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": metadata}


def differences(old: Any, new: Any, path: Path = ()) -> Iterator[Change]:
    """Every leaf that differs; lists of one length are compared item by item, others as a whole."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from differences(old.get(key, MISSING), new.get(key, MISSING), (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (was, becomes) in enumerate(zip(old, new, strict=True)):
            yield from differences(was, becomes, (*path, index))
    elif old != new:
        yield Change(path, old, new)


def only_wanted(live: Any, desired: Any) -> Any:
    """The part of `live` that `desired` speaks about, so that server-side defaults are no difference."""
    if isinstance(live, Mapping) and isinstance(desired, Mapping):
        return {key: only_wanted(live[key], value) for key, value in desired.items() if key in live}
    if isinstance(live, list) and isinstance(desired, list) and len(live) == len(desired):
        return [only_wanted(was, wanted) for was, wanted in zip(live, desired, strict=True)]
    return live


def has_unknown(value: Any) -> bool:
    """Whether a value that is known only after `up` stands anywhere inside."""
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    return any(has_unknown(item) for item in value) if isinstance(value, list) else value == UNKNOWN


def fill_unknown(value: Any, live: Any) -> Any:
    """`value` with the live value in each unknown place; a place that is not live is left out."""
    if isinstance(value, Mapping):
        filled = {key: fill_unknown(item, look_up(live, (key,))) for key, item in value.items()}
        return {key: item for key, item in filled.items() if item is not MISSING}
    if isinstance(value, list):
        return [fill_unknown(item, look_up(live, (index,))) for index, item in enumerate(value)]
    return live if value == UNKNOWN else value


def lines(changes: Sequence[Change], secret: bool = False) -> list[str]:
    """One line per changed field; the values of a Secret's data are not shown."""
    shown: list[str] = []
    for path, old, new in changes:
        hide = secret and path[:1] in (("data",), ("stringData",))
        was, becomes = ("[secret]", "[secret]") if hide else (_short(old), _short(new))
        if old is MISSING:
            shown.append(f"+ {show_path(path)}: {becomes}")
        elif new is MISSING:
            shown.append(f"- {show_path(path)}: {was}")
        else:
            shown.append(f"~ {show_path(path)}: {was} -> {becomes}")
    return shown


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=repr)
    text = text.replace(UNKNOWN, "[known after up]").replace("\n", "\\n")
    return text if len(text) <= 120 else f"{text[:117]}..."
