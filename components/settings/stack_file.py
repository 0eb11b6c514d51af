"""Finds keys that a stack's file has twice, which the engine does not report.

YAML requires unique keys; libraries differ in what they do with duplicates, and a second cluster of the same name
would silently replace the first. The file is read from the working directory, as the engine does.
"""

from collections.abc import Iterator
from pathlib import Path

import yaml

from ..settings.mistakes import Mistake
from ..settings.mistakes import Path as Steps


def duplicate_keys(stack: str) -> Iterator[Mistake]:
    """A mistake for every key that one mapping of Pulumi.<stack>.yaml has twice."""
    file = Path(f"Pulumi.{stack.rpartition('/')[2]}.yaml")
    if not file.is_file():
        return
    root = yaml.compose(file.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    for steps, first, second in _repeated(root, (), set()):
        below = list(steps[1:] if len(steps) > 1 and steps[0] == "config" else steps)
        project, colon, key = str(below.pop(0)).rpartition(":")
        rule = f"is written on line {first} and again on line {second} of {file}"
        yield Mistake(rule, "keep one", (key, *below), None, project + colon)


def _repeated(node: yaml.Node | None, path: Steps, seen: set[int]) -> Iterator[tuple[Steps, int, int]]:
    """Path and both lines. `seen` keeps anchors from being walked again."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines and name != "<<":
                yield (*path, name), lines[name], line
            lines.setdefault(name, line)
            yield from _repeated(value, (*path, name), seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _repeated(value, (*path, index), seen)
