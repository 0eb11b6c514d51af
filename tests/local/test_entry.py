"""`python3 -m local`: which cluster a command gets, what it says where there is none, and Ctrl-C."""

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from local import __main__ as entry
from tests.clusters import ROOT


def steps(monkeypatch, **answers: Any):
    """Stand-ins for the steps: a step's name -> its exit code, or what ends it; the names of those that ran."""
    ran = []

    def run(argv, **_):
        ran.append(argv[3])
        answer = answers.get(argv[3], 0)
        code: Any = answer() if callable(answer) else answer
        return subprocess.CompletedProcess(argv, code, f"{argv[3]} said\n", "why")

    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KEEP", raising=False)
    monkeypatch.setattr(entry.subprocess, "run", run)
    return ran


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("config:\n  dask:namespace: {}\n", True),
        ("config:\n  # kubernetes:context: kind-dev\n", True),
        ("config:\n  kubernetes:context: kind-dev\n", False),
        ("config: {kubernetes:context: kind-dev}\n", False),
        ("config: {} # kubernetes:context: kind-dev\n", True),
        ('config:\n  "kubernetes:kubeconfig": /a/b\n', False),
    ],
)
def test_a_local_cluster_is_used_only_where_no_other_is_chosen(place, monkeypatch, text, local):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(entry, "start", lambda name: f"/kubeconfig-of-{name}")
    (place / "project" / "Pulumi.test.yaml").write_text(text)

    chosen = entry.kubeconfig("up", "test", place / "project", "dev")

    assert chosen == ({"KUBECONFIG": "/kubeconfig-of-dev"} if local else {})


def test_a_kubeconfig_in_the_environment_is_used_as_it_is(place, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/mine")

    assert entry.kubeconfig("up", "test", place / "project", "dev") == {}


def test_a_stack_that_is_not_there_is_named_before_anything_is_started(place, monkeypatch):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(entry, "start", lambda name: pytest.fail("started"))

    with pytest.raises(entry.PreparationError, match=r"there is no Pulumi\.stagging\.yaml .*STACK is one of: .*test"):
        entry.kubeconfig("up", "stagging", place / "project", "dev")


SLOW_TO_END = """
import signal, sys, time
ended = []
signal.signal(signal.SIGINT, lambda *_: ended.append(1))
print("begun", flush=True)
while not ended:
    time.sleep(0.01)
time.sleep(1)
open(sys.argv[1], "w").close()
"""
INTERRUPTED = """
import subprocess, sys
from local.__main__ import patience
with patience():
    subprocess.run([sys.executable, "-c", sys.argv[1], sys.argv[2]], check=True)
"""


def test_an_interrupted_step_ends_by_itself(tmp_path):
    """Ctrl-C goes to the whole foreground group; Python would kill the step a quarter of a second later."""
    done = tmp_path / "done"
    command = [sys.executable, "-c", INTERRUPTED, SLOW_TO_END, str(done)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as it:
        assert it.stdout is not None
        assert it.stdout.readline() == b"begun\n"
        os.killpg(it.pid, signal.SIGINT)
        _, errors = it.communicate(timeout=30)

    assert done.exists()
    assert b"KeyboardInterrupt" in errors
    assert it.returncode != 0


@pytest.mark.parametrize(("command", "code"), [("down", 0), ("status", 0), ("drift", 1), ("preview", 1)])
def test_a_cluster_that_does_not_run_holds_nothing_to_take_down(place, monkeypatch, capsys, command, code):
    steps(monkeypatch, kubeconfig=3)

    assert entry.main([command, "--stack", "test", "--cwd", str(place / "project")]) == code
    assert "the local Kubernetes 'dev' does not run" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["down", "status", "drift"])
def test_a_probe_that_failed_is_not_taken_for_an_absent_cluster(place, monkeypatch, capsys, command):
    steps(monkeypatch, kubeconfig=1)

    assert entry.main([command, "--stack", "test", "--cwd", str(place / "project")]) == 1
    assert "error: whether the local Kubernetes 'dev' runs cannot be told: why" in capsys.readouterr().err


def test_a_path_with_a_space_stays_one_archive(monkeypatch):
    taken = []
    paths = "/my cache/a.tar\n/my cache/b.tar\n"
    monkeypatch.setattr(
        entry.subprocess,
        "run",
        lambda argv, **_: taken.append(argv[3:]) or subprocess.CompletedProcess(argv, 0, paths, ""),
    )

    entry.start("dev")

    assert taken[-1][-2:] == ["/my cache/a.tar", "/my cache/b.tar"]


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    return 1


def test_after_an_interrupted_step_no_other_begins_and_one_line_says_so(monkeypatch, capsys):
    ran = steps(monkeypatch, archives=interrupt)

    assert entry.main(["cluster"]) == 130
    assert ran == ["up", "archives"]
    assert capsys.readouterr().err == "interrupted; the same command goes on from here\n"


def test_an_interrupted_test_run_takes_its_cluster_down(monkeypatch):
    ran = steps(monkeypatch, tests=interrupt)

    assert entry.main(["with-cluster", "--name", "test", "--", "sh", "-c", "x", "tests"]) == 130
    assert ran == ["up", "archives", "import", "tests", "down"]


def test_a_cluster_that_does_not_start_is_left_with_its_logs(monkeypatch):
    ran = steps(monkeypatch, up=1)

    assert entry.main(["with-cluster", "--name", "test", "--", "true"]) == 1
    assert ran == ["up"]
