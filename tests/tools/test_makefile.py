"""The Makefile's way to a .venv, with a stand-in for Python in a directory of the test's own."""

import shutil
import subprocess

import pytest

from tests.support.clusters import ROOT

# `-m venv` makes bin/python first, as the real one does; while `interrupted` is there, it gets no further.
PYTHON = """#!/bin/sh
test "$2" = venv || exit 0
echo venv >> made
mkdir -p "$3/bin" && touch "$3/bin/python"
test ! -e interrupted || exit 130
touch "$3/bin/pip"
"""


@pytest.fixture
def make(tmp_path):
    """Make the .venv; the exit code."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)

    def run():
        command = ["make", "-C", tmp_path, "PYTHON=./python", ".venv/.stamp-venv"]
        return subprocess.run(command, capture_output=True, check=False).returncode

    return run


def test_an_interrupted_venv_is_made_again_and_a_finished_one_is_not(make, tmp_path):
    (tmp_path / "interrupted").touch()
    assert make() != 0
    (tmp_path / "interrupted").unlink()

    assert make() == 0
    assert (tmp_path / ".venv/bin/pip").exists()
    assert make() == 0
    assert (tmp_path / "made").read_text().split() == ["venv", "venv"]


def test_a_venv_that_holds_the_packages_is_left_as_it_is(make, tmp_path):
    """Made before there was that stamp, maybe by another Python."""
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/.stamp-runtime").touch()

    assert make() == 0
    assert not (tmp_path / "made").exists()
