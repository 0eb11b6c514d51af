"""Embeds the sources in scripts/ into pods, without comments, docstrings and blank lines.

A cluster's name holds a hash of what its pods run. So that prose changes no cluster, only code enters the pods. The
text is cut by positions rather than written by `ast.unparse`, whose output differs between Python versions.
"""

import ast
import io
import tokenize
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).parent / "scripts"
RETIRE = ("latecomers", "retire")
AUTOSCALER = ("elastic_state", "elastic_decisions", "elastic_api", "latecomers", "elastic_scheduler", "elastic")
# Images that set up their environment in the entrypoint (micromamba, for one) have no python3 on a preStop's PATH.
_WITH_THE_WORKERS_PYTHON = r"""
for process in /proc/[0-9]*; do
  words=$(tr '\0' '\n' 2>/dev/null <"$process/cmdline")
  python=$(printf '%s\n' "$words" | head -n 1)
  case $python in
  */python*) printf '%s\n' "$words" | grep -qx worker && [ -x "$python" ] && exec "$python" -c "$1" ;;
  esac
done
exec python3 -c "$1"
""".lstrip()


def pre_stop() -> list[str]:
    """The command of a worker's preStop."""
    return ["sh", "-c", _WITH_THE_WORKERS_PYTHON, "retire", program(*RETIRE)]


@cache
def script(name: str) -> str:
    """The code of scripts/<name>.py."""
    return code_only((SCRIPTS / f"{name}.py").read_text())


@cache
def program(*names: str) -> str:
    """Several scripts as one: each may import from those before it."""
    return "".join(_without_imports_from(names, script(name)) for name in names)


def _without_imports_from(names: tuple[str, ...], code: str) -> str:
    lines = code.splitlines(keepends=True)
    for node in ast.parse(code).body:
        if isinstance(node, ast.ImportFrom) and node.module in names:
            lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno + 1)
    return "".join(lines)


def code_only(source: str) -> str:
    """The same program without comments, docstrings and blank lines."""
    tree, lines = ast.parse(source), source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    kept = _inside_texts(tree)
    for first, last, instead in _docstrings(tree):
        kept -= set(range(first, last + 1))
        lines[first - 1 : last] = [instead, *[""] * (last - first)]
    code = [line if number in kept else line.rstrip() for number, line in enumerate(lines, start=1)]
    return "".join(f"{line}\n" for number, line in enumerate(code, start=1) if line or number in kept)


def _docstrings(tree: ast.AST) -> list[tuple[int, int, str]]:
    """First and last line of each docstring, those of fields included, and what takes its place."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for it in node.body:
                if isinstance(it, ast.Expr) and isinstance(it.value, ast.Constant) and isinstance(it.value.value, str):
                    instead = " " * it.col_offset + "pass" if len(node.body) == 1 else ""
                    found.append((it.lineno, it.end_lineno or it.lineno, instead))
    return found


def _inside_texts(tree: ast.AST) -> set[int]:
    """The lines of texts that go over several lines, where a blank line is a part of the text."""
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant | ast.JoinedStr)]
    return {line for it in texts if (end := it.end_lineno) and end > it.lineno for line in range(it.lineno, end + 1)}
