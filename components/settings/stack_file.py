"""Finds keys that a stack's file has twice, which the engine does not report.

YAML requires unique keys; libraries differ in what they do with duplicates, and a second cluster of the same name
would silently replace the first. The file is read from the working directory, as the engine does.
"""

from collections.abc import Iterator
from pathlib import Path

import yaml


def written_twice(stack: str) -> Iterator[str]:
    """A line for every key that stands twice in one mapping of Pulumi.<stack>.yaml."""
    file = Path(f"Pulumi.{stack.rpartition('/')[2]}.yaml")
    if not file.is_file():
        return
    root = yaml.compose(file.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    for path, first, second in _repeated(root, "", set()):
        shown = path.removeprefix("config.")
        yield f"{shown}: is written on line {first} and again on line {second} of {file}; keep one"


def _repeated(node: yaml.Node | None, path: str, seen: set[int]) -> Iterator[tuple[str, int, int]]:
    """Path and both lines. `seen` keeps anchors from being walked again."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines and name != "<<":
                yield f"{path}{name}", lines[name], line
            lines.setdefault(name, line)
            yield from _repeated(value, f"{path}{name}.", seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _repeated(value, f"{path.removesuffix('.')}[{index}].", seen)
