"""What a message advises, done to the settings that it is about."""

import copy
import json
import re
from ast import literal_eval
from typing import Any, cast

import yaml

from components.settings.mistakes import Path
from tests.unit.badsettings.cases import Case, Raw

# Advice that names no value: the choice is the person's.
OPEN = re.compile(
    r"see |write (the|one such) |remove one of|(choose|rename)( |$)|shorten |check |copy |give (a|it a name)|"
    r"name (an?|one) |keep one|mount it|move it|use (a prefix|another|letters|`dask:namespace)|quote it$|"
    r"write (a number|`key)|swap them|remove it, and set|set it, or|raise `|add it$|(use|add|set) `[A-Za-z]+`|"
    r"add (one$|the |`image)"
)


def path_of(message: str) -> Path:
    """`dask:clusters.a.volumes[0]: ...` -> `("clusters", "a", "volumes", 0)`."""
    path: list[str | int] = []
    place = message.removeprefix("dask:")
    while step := re.match(r'\.?(?:"((?:[^"\\]|\\.)*)"|([A-Za-z0-9_-]+)|\[(\d+)\])', place):
        quoted, plain, index = step.groups()
        path.append(json.loads(f'"{quoted}"') if quoted is not None else int(index) if index else plain)
        place = place[step.end() :]
    assert place.startswith(": "), message
    return tuple(path)


def ways(case: Case) -> list[Raw]:
    """The settings after the advice was followed. None where it leaves the choice to the person; several where it says
    what to write and leaves open on which level: then one of them has to be right."""
    path, advice = path_of(case.message), case.message.rpartition("; ")[2]
    if OPEN.match(advice):
        return []
    if found := re.match(r"(?:add it, such as|add one, such as|add|set|use) `(dask:)?(.*?)`", advice):
        said = yaml.safe_load(f"{{{found[2]}}}")
        levels = [()] if found[1] else [path[:depth] for depth in range(len(path), -1, -1)]
        return [raw for level in levels if (raw := _with(case.raw, level, _nested(said) if found[1] else said))]
    raw = copy.deepcopy(case.raw)
    holder: Any = raw
    for part in path[:-1]:
        holder = holder[part]
    about_key = re.search(
        rf": {re.escape(repr(path[-1]))} |is not an option|is not a pod field|is not a resource", case.message
    )
    _follow(holder, path[-1], advice, about_key=bool(about_key))
    return [raw]


def _nested(said: Raw) -> Raw:
    """`{"namespace.podSecurity": x}` -> `{"namespace": {"podSecurity": x}}`."""
    made: Raw = {}
    for key, value in said.items():
        branch = made
        for part in key.split(".")[:-1]:
            branch = branch.setdefault(part, {})
        branch[key.rpartition(".")[2]] = value
    return made


def _with(raw: Raw, level: Path, said: Raw) -> Raw | None:
    """The settings with something more written on a level; None where the level is no mapping."""
    made = copy.deepcopy(raw)
    node: Any = made
    for part in level:
        if not isinstance(node, dict | list) or (isinstance(node, dict) and part not in node):
            return None
        node = cast(Any, node)[part]
    if not isinstance(node, dict):
        return None
    for key, value in said.items():
        node[key] = node.get(key, {}) | value if isinstance(value, dict) else value
    return made


def _follow(holder: Any, key: Any, advice: str, *, about_key: bool) -> None:
    """Does the advice to the value at `key`, or to the key itself."""
    if found := re.match(r"(?:try|did you mean|use) '(.*?)'", advice):
        words = re.findall(r"'(.*?)'", advice) if ", '" in advice else [found[1]]
        if about_key and isinstance(holder, dict):
            holder[found[1]] = holder.pop(key)
        elif isinstance(holder, list):
            holder[key : key + 1] = words
        else:
            holder[key] = found[1]
    elif found := re.match(r"add (.*) to it", advice):
        words = re.findall(r"'(.*?)'", found[1])
        holder[key] = (
            [*holder[key], *words] if isinstance(holder[key], list) else repr([*literal_eval(holder[key]), *words])
        )
    elif advice.startswith(("remove it", "remove the line", "give it a value, or remove", "write {} if")):
        del holder[key]
    elif found := re.match(r"(?:try|use|write) (-?\d+)\b", advice):
        holder[key] = int(found[1])
    elif found := re.match(r"raise it to '(.*)'", advice):
        holder[key] = found[1]
    elif found := re.match(r'(?:write|quote it as you wrote it:) (true|false|".*?"|\[.*\])', advice):
        holder[key] = json.loads(found[1])
    elif found := re.match(r"(?:write|nest it:) `(.*)`", advice):
        holder.pop(key)
        holder |= yaml.safe_load(f"{{{found[1]}}}")
    else:
        raise AssertionError(f"nobody knows how to follow: {advice}")
