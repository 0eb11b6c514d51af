"""A mistake in the configuration: which rule is broken where, and what to do instead.

Every mistake is one line, and it is worded here alone:
`dask:clusters.1abc: '1abc' must start with a letter, because ...; try 'c1abc'`.
"""

import difflib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

PROJECT = "dask"
Path = tuple[str | int, ...]
AS_WRITTEN: Any = object()
_LONGEST_VALUE = 200


@dataclass(frozen=True)
class Mistake:
    """A broken rule. `str()` is the line that users read: path, value, rule and fix."""

    rule: str
    """What holds and does not here, as the end of a sentence that begins with the value."""
    fix: str
    """What to do instead. It leads to a configuration that is accepted."""
    path: Path = ()
    """Where: below the validated part as long as a rule yields it, below the stack's configuration in the end."""
    value: Any = AS_WRITTEN
    """The value to show. AS_WRITTEN: what the configuration has at the path. None: no value."""
    start: str = f"{PROJECT}:"
    """What the path begins with: the project whose key it is. Empty outside of a stack's `config`."""

    def below(self, *steps: str | int) -> "Mistake":
        """The same mistake, seen from further up."""
        return replace(self, path=(*steps, *self.path))

    def at(self, path: Path) -> "Mistake":
        """The same mistake at another place."""
        return replace(self, path=path)

    def __str__(self) -> str:
        return f"{path(self.path, self.start)}: {_shown(self.value, self.path)}{self.rule}; {self.fix}"


class Invalid(ValueError):
    """Raised by the check of a single value, which pydantic or the caller catches. `mistakes` lie below that value."""

    def __init__(self, *mistakes: Mistake) -> None:
        self.mistakes = mistakes
        super().__init__("; ".join(f"{mistake.rule}; {mistake.fix}" for mistake in mistakes))


def invalid(rule: str, fix: str) -> Invalid:
    """The error about a value that breaks one rule."""
    return Invalid(Mistake(rule, fix))


class ConfigError(Exception):
    """The stack's configuration cannot be used, and nothing was registered. `str()` is the whole message."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = list(dict.fromkeys(map(str, mistakes)))
        """The line of each mistake, in the order of the file."""
        count = "1 mistake" if len(self.mistakes) == 1 else f"{len(self.mistakes)} mistakes"
        lines = "\n".join(f"  {line}" for line in self.mistakes)
        super().__init__(f"{count} in the stack's configuration; nothing was changed:\n{lines}")


def path(steps: Path, start: str = f"{PROJECT}:") -> str:
    """`('clusters', 'a', 'volumes', 0)` -> `dask:clusters.a.volumes[0]`. Keys that are not plain are quoted."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step != "[key]":
            text += f".{step}" if re.fullmatch(r"[A-Za-z0-9_-]+", step) else f".{json.dumps(step)}"
    return start + text.removeprefix(".")


def nearest(word: str, choices: Sequence[str]) -> str | None:
    """The choice that was probably meant, whatever its case; None if none is similar."""
    folded = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.replace("_", "").lower(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def _shown(value: Any, steps: Path) -> str:
    """The value and a space; nothing for a mapping, a secret, or a value that is not shown."""
    secret = steps[:1] == ("secrets",) and steps[-1] != "[key]"
    if value is None or value is AS_WRITTEN or secret or isinstance(value, dict):
        return ""
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return (text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…") + " "
