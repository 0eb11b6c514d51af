"""What the engine does not tell of a stack's file. In: the stack's name. Out: lines about keys that stand there twice.

YAML says that keys are unique; libraries differ in what they do when they are not, and a second cluster of one name
would silently replace the first. The file is looked at where it is in the working directory, as the engine has it.
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
