"""Docstrings, messages and pages use the words of the glossary in CONTRIBUTING.md, as far as a pattern can tell."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.rendering import ROOT
from tests.contract.test_docs import PAGES

ROOMS = ("components", "devcluster", "tools", "policy", "plugin", "examples", "bench", "tests")
FILES = sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
PROGRAMS = [file for file in FILES if file.relative_to(ROOT).parts[0] != "tests"]
# The glossary quotes the odd words, and the changelog is a record.
QUOTES = {"CONTRIBUTING.md", "CHANGELOG.md"}

FORMULA = re.compile(r"(?:^|[.:] )(?:In|Out): |\bin, [^;]+; out, |^PURE\b", re.MULTILINE)
# Each odd wording, and an example of it.
ODD = {
    r"\b(is|are) there already\b|\b(exists?|exist) already\b": "the Service is there already",
    r"\bputs? (it |them )?right\b": "`up` puts it right",
    r"\b(made|makes?) (it |them )?again\b": "deleted and made again",
    r"\bmay not (list|see|look|read|write|be (listed|read|seen))\b": "may not list CRDs",
    r"\brights? to (`|list\b|get\b|read\b|create\b)": "this needs the right to `get`",
    r"\b(left|leave|let) (behind|out): |\bLeft out\b": "The tag. Left out: the chart's version.",
    r"\bsomebody\b|\bsomeone\b|\bwhom\b": "says whom it cut off",
    r"\bput up with\b": "Taints that the pods put up with.",
    r"\blaid over\b": "A raw pod spec laid over the generated one.",
    r"\bbeside\b|\bin front of\b": "a new cluster beside the old one",
    r"\bknow nothing of each other\b": "the two know nothing of each other",
    r"\b(goes|going|go) on\b": "the job goes on",
    r"\b(is|are) (gone|going)\b": "the operator is gone",
    r"\bis no (field|port|volume|option|drift|number|text)\b": "is no field of the pods",
    r"\bfor people\b|\bpeople's\b": "a block of text for people",
    r"\b[Ww]hoever\b": "whoever changes one copies it first",
    r"\b[Ww]here there (is|are) none\b": "None where there is none",
    r"\bstands? (there|nowhere|between|beside|before it)\b": "the output of a preStop stands nowhere",
    r"\bleft by hand\b|\bby (a |somebody's )hand\b": "what is in the Service by somebody's hand",
}


def docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Strings that stand alone: docstrings of modules, classes, functions and fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value


def comments(text: str) -> Iterator[str]:
    """The comments of a program, each with those in the lines right below it."""
    block: list[tuple[int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            if block and token.start[0] != block[-1][0] + 1:
                yield " ".join(line for _, line in block)
                block = []
            block.append((token.start[0], token.string.removeprefix("#").strip()))
    yield " ".join(line for _, line in block)


def messages(tree: ast.Module) -> Iterator[str]:
    """Every other string literal of more than one word, such as error and log messages; values show as `{}`."""
    seen = {id(node) for node in docstrings(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            seen |= {id(part) for part in node.values}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in seen:
            yield node.value


def odd_words(text: str) -> list[str]:
    """The odd wordings in a text, each with the words around it."""
    flat = " ".join(text.split())
    found = [match for pattern in ODD for match in re.finditer(pattern, flat)]
    return [flat[max(0, match.start() - 30) : match.end() + 30] for match in found]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_docstring_lists_its_inputs_and_outputs_by_formula(file: Path) -> None:
    tree = ast.parse(file.read_text())

    assert [node.value for node in docstrings(tree) if FORMULA.search(str(node.value))] == []


@pytest.mark.parametrize("file", PROGRAMS, ids=lambda file: str(file.relative_to(ROOT)))
def test_messages_use_the_words_of_the_glossary(file: Path) -> None:
    tree = ast.parse(file.read_text())

    assert [words for message in messages(tree) for words in odd_words(message)] == []


@pytest.mark.parametrize("file", PROGRAMS, ids=lambda file: str(file.relative_to(ROOT)))
def test_docstrings_and_comments_use_the_words_of_the_glossary(file: Path) -> None:
    text = file.read_text()
    prose = [*(str(node.value) for node in docstrings(ast.parse(text))), *comments(text)]

    assert [words for part in prose for words in odd_words(part)] == []


@pytest.mark.parametrize("page", sorted(set(PAGES) - QUOTES))
def test_pages_use_the_words_of_the_glossary(page: str) -> None:
    assert odd_words(PAGES[page]) == []


@pytest.mark.parametrize("pattern", ODD)
def test_each_pattern_finds_its_example(pattern: str) -> None:
    assert re.search(pattern, ODD[pattern])


@pytest.mark.parametrize(
    "text",
    ["Does it. In: a name.", "Does it. Out: a number.", "PURE: rows of text.", "State: in, a name; out, a lock."],
)
def test_the_formula_is_recognised(text: str) -> None:
    assert FORMULA.search(text)
