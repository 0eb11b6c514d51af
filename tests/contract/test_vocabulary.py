"""Shared words, paths of the API and waits: each is written in one file of the program."""

import ast

import pytest

from components import vocabulary
from tests.contract.rendering import ROOT


def sources() -> dict[str, ast.Module]:
    """The program's modules by their paths, without the scripts that run in pods."""
    files = [file for file in sorted((ROOT / "components").rglob("*.py")) if "scripts" not in file.parts]
    return {str(file.relative_to(ROOT)): ast.parse(file.read_text()) for file in files}


def strings(tree: ast.AST) -> set[str]:
    """The strings in a module's code, apart from docstrings and texts."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


WORDS = {
    word
    for name, value in vars(vocabulary).items()
    if name.isupper() and not name.startswith("_")
    for word in (value.values() if isinstance(value, dict) else [value])
    # Short words have other meanings elsewhere: `v1`, `default`.
    if isinstance(word, str) and word not in ("v1", vocabulary.DEFAULT_GROUP)
}


@pytest.mark.parametrize("file", sources())
def test_shared_words_are_written_in_one_file(file: str) -> None:
    found = strings(sources()[file]) & WORDS

    assert found == set() or file == "components/vocabulary.py"


@pytest.mark.parametrize("file", sources())
def test_paths_of_the_api_are_written_in_one_file(file: str) -> None:
    found = [text for text in strings(sources()[file]) if text.startswith(("api/", "apis/"))]

    assert found == []


@pytest.mark.parametrize("file", sources())
def test_one_loop_waits_and_one_module_reads_the_clock(file: str) -> None:
    nodes = list(ast.walk(sources()[file]))
    called = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}

    clocks = called & {"time.monotonic", "time.sleep", "time.time", "asyncio.sleep"}
    assert clocks == set() or file == "components/kube/wait.py"
