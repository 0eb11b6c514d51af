"""Fake nodes, with a stand-in for kwok and for kubectl: the process ends whatever happens, and its words are shown."""

import json
import os
import stat
from pathlib import Path

import pytest

from devcluster import golang, kwok
from devcluster.kubernetes import cgroups, cluster, state
from devcluster.shell import DevclusterError
from tests.support.wait import wait_until

SELECTOR = "--selector=type=kwok"


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A cluster's cgroup, as a folder; with a running cluster, whose kwok sleeps."""
    monkeypatch.setattr(state, "LIB", tmp_path / "lib")
    running = state.Cluster("test", 0, 1, str(tmp_path))
    running.lib.mkdir(parents=True)
    program(tmp_path, "exec sleep 600")
    monkeypatch.setattr(golang, "ensure", lambda _: tmp_path)
    monkeypatch.setattr(cluster, "require", lambda _: running)
    monkeypatch.setattr(cgroups, "create", lambda *_: [tmp_path])
    return tmp_path / "cgroup.procs"


def program(folder: Path, script: str) -> None:
    file = folder / "bin/kwok"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def joined(process: Path) -> bool:
    return process.exists() and process.read_text().endswith("\n")


def ended(process: Path) -> bool:
    """Whether the process whose id was written into the cgroup has ended, and was waited for."""
    with pytest.raises(ProcessLookupError):
        os.kill(int(process.read_text()), 0)
    return True


def test_the_nodes_are_created_and_their_process_belongs_to_the_cluster(groups, monkeypatch):
    calls = []
    monkeypatch.setattr(cluster, "kubectl", lambda _, *words, stdin=None: calls.append((words, stdin)))

    with kwok.fake_nodes("test", 2):
        wait_until(lambda: joined(groups), 30, "kwok joins the cluster's group")
        os.kill(int(groups.read_text()), 0)

    (apply, nodes), (wait, _) = calls
    assert apply[0] == "apply"
    assert [it["metadata"]["name"] for it in json.loads(nodes)["items"]] == ["kwok-0", "kwok-1"]
    assert all(it["spec"]["taints"] == [kwok.TAINT] for it in json.loads(nodes)["items"])
    assert wait[0] == "wait"
    assert SELECTOR in wait
    assert ended(groups)


def test_a_failure_in_the_block_ends_the_process_too(groups, monkeypatch):
    monkeypatch.setattr(cluster, "kubectl", lambda *_, **__: "")

    def fail():
        wait_until(lambda: joined(groups), 30, "kwok joins the cluster's group")
        raise ValueError("of the block")

    with pytest.raises(ValueError, match="of the block"), kwok.fake_nodes("test", 1):
        fail()

    assert ended(groups)


def test_a_kwok_that_ends_at_once_is_quoted(groups, monkeypatch):
    program(groups.parent, "echo no such context; exit 1")

    def kubectl(_, *words, stdin=None):
        if words[0] == "wait":
            raise DevclusterError("timed out")

    monkeypatch.setattr(cluster, "kubectl", kubectl)

    with (
        pytest.raises(DevclusterError, match=r"not Ready: timed out\nkwok says: no such context"),
        kwok.fake_nodes("test", 1),
    ):
        pass

    assert ended(groups)
