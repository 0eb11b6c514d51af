"""The commands that the documentation names: in blocks, and within sentences."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from tests.contract.test_docs import PAGES

PROGRAMS = ("pulumi", "kubectl", "make", "python")
_BLOCK = re.compile(r"^ *```(?:console|sh)\n(.*?)^ *```|((?:^    \S.*\n)+)", re.DOTALL | re.MULTILINE)
_ANY_BLOCK = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
# What stands before a program: variables, and the shell's `$(`.
_BEFORE = re.compile(r"^(?:\$ |\$\(|[A-Z_]+=\S* )*(?:\.venv/bin/)?")
# The changelog is a record, and its commands may have been renamed since.
RECORDS = {"CHANGELOG.md"}


@dataclass(frozen=True)
class Command:
    """One command: the page, the program, and its words."""

    page: str
    program: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {self.program} {' '.join(self.words)}"

    @property
    def names(self) -> list[str]:
        """The words before the first option."""
        first = next((index for index, word in enumerate(self.words) if word.startswith("-")), len(self.words))
        return list(self.words[:first])

    @property
    def options(self) -> list[str]:
        """The options, without values: `--stack`, `-s`."""
        words = self.words[: self.words.index("--")] if "--" in self.words else self.words
        return [word.partition("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)]


def commands() -> list[Command]:
    """Every command of a program in `PROGRAMS`, each once for a page."""
    found = [it for page, text in PAGES.items() if page not in RECORDS for it in _of(page, text)]
    return list(dict.fromkeys(found))


def _of(page: str, text: str) -> Iterator[Command]:
    for block, indented in _BLOCK.findall(text):
        for line in re.sub(r"\\\n\s*", " ", block or indented).splitlines():
            yield from _commands(page, re.sub(r"\s#.*", "", line))
    for inline in re.findall(r"`([^`\n]+)`", _ANY_BLOCK.sub("", text)):
        yield from _commands(page, inline)


def _commands(page: str, line: str) -> Iterator[Command]:
    for part in re.split(r"(?:^|\s)(?:&&|\|)(?:\s|$)", line):
        yield from _command(page, part.strip())


def _command(page: str, text: str) -> Iterator[Command]:
    bare = _BEFORE.sub("", text).removesuffix(")")
    try:
        program, *words = shlex.split(bare) or [""]
    except ValueError:  # the quotes of a program of several lines
        program, *words = bare.split()
    if words and (name := "python" if program == "python3" else program) in PROGRAMS:
        yield Command(page, name, tuple(words))
