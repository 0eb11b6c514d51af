"""The machine's side of a build: the lock, long commands, missing packages."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from devcluster import shell
from devcluster.images import host

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 10


def wait_until(true):
    end = time.monotonic() + DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < end, f"not so within {DEADLINE_SECONDS} s"
        threading.Event().wait(0.02)


def lock_is_free(path):
    return subprocess.run(["flock", "--nonblock", path, "true"], check=False).returncode == 0


def test_a_failed_command_gives_its_last_lines_and_its_log(tmp_path):
    log = tmp_path / "logs" / "step.log"

    with pytest.raises(shell.DevclusterError, match="building x failed with exit status 7") as failure:
        host.run("building x", ["sh", "-c", "echo why it failed; exit 7"], 1, log)

    assert "why it failed" in str(failure.value)
    assert str(log) in str(failure.value)


def test_a_long_command_shows_that_it_lives(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(host, "ALIVE_EVERY_SECONDS", 0.05)
    release = tmp_path / "release"
    threading.Timer(0.3, release.touch).start()

    host.run("waiting", ["sh", "-c", f"until [ -e {release} ]; do :; done"], 1, tmp_path / "log")

    assert capsys.readouterr().err.count("still running") >= 2


def test_a_second_build_says_that_it_waits_and_then_goes_on(tmp_path, capsys):
    order = []

    def second():
        with shell.locked(tmp_path / "lock"):
            order.append("second")

    with shell.locked(tmp_path / "lock"):
        thread = threading.Thread(target=second)
        thread.start()
        said = ""

        def waiting():
            nonlocal said
            said += capsys.readouterr().err
            return "waiting for another build" in said

        wait_until(waiting)
        order.append("first")
    thread.join(DEADLINE_SECONDS)

    assert order == ["first", "second"]


def test_a_killed_build_keeps_its_lock_until_the_command_it_started_has_ended(tmp_path):
    lock, started, release = (tmp_path / name for name in ("lock", "started", "release"))
    script = f"""
from pathlib import Path
from devcluster.images.host import run
from devcluster.shell import locked
with locked(Path({str(lock)!r})) as descriptor:
    command = "touch {started}; until [ -e {release} ]; do :; done"
    run("step", ["sh", "-c", command], 1, Path({str(tmp_path / "log")!r}), descriptor)
"""
    build = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        wait_until(started.exists)

        build.send_signal(signal.SIGKILL)
        build.wait()

        assert not lock_is_free(lock)
    finally:
        release.touch()
    wait_until(lambda: lock_is_free(lock))


def test_without_root_the_missing_packages_are_named_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    probes = {"present": ("true",), "buildah": ("/nowhere/buildah",), "mmdebstrap": ("false",)}

    with pytest.raises(shell.DevclusterError) as failure:
        host.need(probes, tmp_path / "log")

    assert "sudo apt-get install --yes --no-install-recommends buildah mmdebstrap" in str(failure.value)
