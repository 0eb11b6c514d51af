"""What enters the pods of the sources in components/manifests/scripts."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.manifests.embedding import code_only, pre_stop, script
from tests.contract.rendering import ROOT
from tests.contract.test_prose import docstrings

DOCUMENTED = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
SCRIPTS = sorted(path.stem for path in (ROOT / "components/manifests/scripts").glob("*.py"))


def without_docstrings(source: str) -> str:
    """The syntax tree, in which an omitted docstring leaves nothing or `pass`."""
    tree = ast.parse(source)
    omitted = list(docstrings(tree))
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED):
            node.body = [it for it in node.body if getattr(it, "value", None) not in omitted] or [ast.Pass()]
    return ast.dump(tree)


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_embedded_program_is_the_one_in_the_file(name: str) -> None:
    source = (ROOT / f"components/manifests/scripts/{name}.py").read_text()

    assert ast.dump(ast.parse(script(name))) == without_docstrings(source)


@pytest.mark.parametrize("name", SCRIPTS)
def test_prose_changes_nothing_in_the_pods(name: str) -> None:
    source = more = (ROOT / f"components/manifests/scripts/{name}.py").read_text()
    texts = [ast.get_source_segment(source, it) or "" for it in docstrings(ast.parse(source))]
    assert all(texts)

    for text in texts:
        more = more.replace(text, '"""Other words.\n\nAnd more."""', 1)
    more = more.replace("\n\n\n", "\n\n\n# A comment.\n\n")

    assert "A comment." in more
    assert code_only(more) == script(name)


def test_a_text_keeps_its_blank_lines_and_what_looks_like_a_comment() -> None:
    source = 'a = """one  \n\n  # two\n"""  # a comment\n\nb = "# no comment"\n'

    assert code_only(source) == 'a = """one  \n\n  # two\n"""\nb = "# no comment"\n'


def test_a_function_of_a_docstring_alone_stays_a_function() -> None:
    assert code_only('def f():\n    """Nothing."""\n') == "def f():\n    pass\n"


def test_a_pre_stop_finds_the_python_of_the_worker_where_the_path_has_none(tmp_path: Path) -> None:
    for tool in ("sh", "tr", "head", "grep"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "")
    python = tmp_path / "environment" / "python3"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    worker = subprocess.Popen([python, "-c", "input()", "dask", "worker"], stdin=subprocess.PIPE)
    try:
        command = [*pre_stop()[:-1], "print('found')"]
        done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True)
    finally:
        worker.communicate(b"\n")

    assert done.stdout == "found\n"
