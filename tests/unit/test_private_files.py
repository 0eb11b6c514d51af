"""Private keys in files: who can read them, for how long, and what a process that is killed leaves."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from components.kube import private_files
from components.kube.private_files import PrivateFiles
from tests.support.clusters import ROOT

PROGRAM = """
import sys
from components.kube import private_files
if sys.argv[1] == "disk":
    private_files._OWN = private_files.Path("/nowhere")
print(private_files.PrivateFiles().write("key.pem", b"secret"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(private_files.tempfile, "tempdir", None)
    return tmp_path


@pytest.fixture(params=["memory", "disk"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the files are: in memory, or, as on a system without such files, on the disk."""
    if request.param == "disk":
        monkeypatch.setattr(private_files, "_OWN", Path("/nowhere"))
    return request.param


def another(place: str) -> "tuple[subprocess.Popen[str], Path]":
    """A process that has written a file, and the file's path."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, place], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    return process, Path(process.stdout.readline().strip())


def killed(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_the_files_are_the_users_alone_until_they_are_removed(temporary: Path, place: str) -> None:
    files = PrivateFiles()
    path = Path(files.write("key.pem", b"secret"))

    assert (path.read_bytes(), path.read_bytes()) == (b"secret", b"secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert bool(list(temporary.iterdir())) == (place == "disk")
    files.remove()
    assert not path.exists()
    assert list(temporary.iterdir()) == []
    files.remove()


def test_all_of_a_process_can_be_removed_at_once(temporary: Path, place: str) -> None:
    paths = [Path(PrivateFiles().write("key.pem", b"secret")) for _ in range(2)]

    private_files.remove_all()

    assert [path for path in paths if path.exists()] == []
    assert list(temporary.iterdir()) == []


def test_other_processes_read_them_and_a_killed_one_leaves_nothing(temporary: Path) -> None:
    process, path = another("memory")

    assert path.read_text() == "secret"
    killed(process)
    assert not path.exists()
    assert list(temporary.iterdir()) == []


def test_on_a_disk_the_next_process_removes_what_a_killed_one_has_left(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (dead, left), (running, kept) = another("disk"), another("disk")
    killed(dead)
    assert left.exists()
    strangers = temporary / "dask-on-kubernetes-notes-of-a-user"
    strangers.mkdir()

    monkeypatch.setattr(private_files, "_OWN", Path("/nowhere"))
    files = PrivateFiles()
    files.write("key.pem", b"secret")

    assert not left.parent.exists()
    assert kept.read_text() == "secret"
    assert strangers.exists()
    files.remove()
    killed(running)


def test_a_system_that_refuses_files_in_memory_gets_them_on_its_disk(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: str) -> int:
        raise OSError("not allowed")

    monkeypatch.setattr(os, "memfd_create", refused)
    files = PrivateFiles()

    assert Path(files.write("key.pem", b"secret")).is_relative_to(temporary)
    files.remove()
