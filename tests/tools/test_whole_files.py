"""A command that is killed while it writes leaves its files as they were: half of one would be refused, or lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools import backend
from tools.connect import environment, files
from tools.connect.environment import Inventory
from tools.project import open_project

PACKAGES = Inventory("3.11.9", {"dask": "2026.8.0"})


def stack_file(place: Path) -> None:
    backend.config_file(open_project(place / "project", "test"), place)


def dask_config(place: Path) -> None:
    files.write_config(place, "tcp://127.0.0.1:8786", {})


def client_environment(place: Path) -> None:
    environment.write(place, "of the cluster", PACKAGES)


@pytest.mark.parametrize("write", [stack_file, dask_config, client_environment])
def test_a_killed_command_leaves_its_files_as_they_were(
    place: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    def killed(path: Path, *_: Any, **__: Any) -> None:
        path.open("w").close()
        raise KeyboardInterrupt

    write(place)
    before = {file: file.read_bytes() for file in place.rglob("*.*") if file.is_file()}
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", killed)
        with pytest.raises(KeyboardInterrupt):
            write(place)

    assert {file: file.read_bytes() for file in before} == before
    write(place)
    assert {file: file.read_bytes() for file in before} == before
