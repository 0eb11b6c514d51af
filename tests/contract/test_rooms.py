"""The rooms of the repository: who imports whom, and that the pure rooms need neither Pulumi nor Kubernetes."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.contract.rendering import ROOT

BLOCKED = ("pulumi", "pulumi_kubernetes", "kr8s", "httpx", "grpc", "distributed")
PROGRAM = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"{{name}} must not be needed here")

sys.meta_path.insert(0, Blocker())
{program}
"""
PACKAGES = {"settings": "components/settings", "manifests": "components/manifests"}
HOUSES = ("components", "devcluster", "tools", "policy", "plugin", "examples", "bench", "tests")


def module_of(file: Path, root: Path) -> tuple[str, ...]:
    parts = file.relative_to(root).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def named(file: Path, module: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Every module or name that a file imports, wherever it does: in a function, or for the type checker only."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module if file.name == "__init__.py" else module[:-1]
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = (*start, *(node.module.split(".") if node.module else ()))
            yield from ((*base, alias.name) for alias in node.names)


def imports(root: Path, houses: tuple[str, ...] = HOUSES) -> dict[str, set[str]]:
    """For each module of the repository those that it imports."""
    files = {module_of(file, root): file for house in houses for file in sorted((root / house).rglob("*.py"))}
    graph: dict[str, set[str]] = {}
    for module, file in files.items():
        meant = [name if name in files else name[:-1] for name in named(file, module)]
        graph[".".join(module)] = {".".join(name) for name in meant if name in files and name != module}
    return graph


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of an import circle, if there is one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize("room", PACKAGES)
def test_a_pure_room_is_imported_without_pulumi_and_kr8s(room: str) -> None:
    folder = ROOT / PACKAGES[room]
    modules = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in sorted(folder.rglob("*.py"))
        if file.name != "__init__.py" and "scripts" not in file.parts
    ]
    program = PROGRAM.format(blocked=set(BLOCKED), program="\n".join(f"import {module}" for module in modules))

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert modules
    assert done.returncode == 0, done.stderr


def test_no_modules_import_each_other_not_even_for_types() -> None:
    graph = imports(ROOT)

    assert len(graph) > 100
    assert cycle(graph) == []


@pytest.mark.parametrize(
    "text",
    [
        "from .b import x",
        "from . import b",
        "import house.b",
        "from house import b",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.b import x",
        "def f():\n    from .b import x",
    ],
    ids=str,
)
def test_every_way_to_import_each_other_is_seen(text: str, tmp_path: Path) -> None:
    house = tmp_path / "house"
    house.mkdir()
    (house / "__init__.py").touch()
    (house / "a.py").write_text(text)
    (house / "b.py").write_text("from .a import y\n")

    assert set(cycle(imports(tmp_path, ("house",)))) == {"house.a", "house.b"}


def test_no_model_imports_a_rule() -> None:
    rules = "components.settings.checks"
    models = {name: found for name, found in imports(ROOT).items() if name.startswith("components.settings.")}

    assert any(name.startswith(rules) for found in models.values() for name in found)
    assert [
        name
        for name, found in models.items()
        if not name.startswith(rules) and any(it.startswith(rules) for it in found)
    ] == []


def test_the_components_are_imported_without_an_http_client() -> None:
    """It is imported when something is asked, in a thread: until then the program registers resources."""
    program = (
        "import components, sys; [getattr(components, it) for it in components.__all__]; print('httpx' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
