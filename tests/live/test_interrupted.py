"""`kill -9` in the middle of `up`: the next `up` goes on from there."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.kubectl import Kubectl
from tests.support.stacks import Stack, copy_of_the_project
from tests.support.wait import wait_until
from tests.support.work import client, computes, pods_behind, where
from tools.backend import address, mend

NAMESPACE = "interrupted"
TASKS = 45


def cluster(**over: Any) -> dict[str, Any]:
    endpoint = {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30861, "dashboard": 30862}}
    return {"main": {"workers": {"replicas": 1, "threads": 1}, "endpoint": endpoint} | over}


def interrupt(stack: Stack, words: str) -> None:
    """Kills the engine, its plugins and the program once these words are out; then nobody holds the stack any more."""
    up = stack.start_up()
    wait_until(lambda: up.says(words), 240, f"`up` says {words!r}")
    up.kill()
    assert up.process.returncode != 0
    locked = stack.run("up", "--yes", "--skip-preview")
    assert locked.code != 0
    assert "pulumi cancel" in locked.text, locked.text
    stack.cancel()


def test_a_command_that_was_killed_while_it_wrote_leaves_a_state_that_can_be_read(
    backend: dict[str, str], tmp_path: Path
) -> None:
    by_hand, ours = tmp_path / "by-hand", tmp_path / "ours"
    for folder, where_it_is in ((by_hand, f"file://{by_hand}"), (ours, address(ours))):
        folder.mkdir()
        project = copy_of_the_project(folder / "project")
        made = Stack(project, "killed", backend | {"PULUMI_BACKEND_URL": where_it_is})
        written = sorted((folder / ".pulumi").rglob("*.attrs"))

        # `make` has none that could be empty; plain `file://` has, and one is enough for no command to work.
        assert bool(written) == (folder is by_hand)
        for file in written:
            content = file.read_bytes()
            file.write_bytes(b"")
            if ".bak" not in file.name:
                with pytest.raises(AssertionError, match="EOF"):
                    made.cli("stack", "export")
            mend(folder)
            assert "deployment" in made.cli("stack", "export")
            file.write_bytes(content)


def test_up_goes_on_after_the_first_one_was_killed(stack: Stack, kube: Kubectl) -> None:
    stack.configure(clusters=cluster())
    interrupt(stack, "DaskCluster main")

    stack.up()

    assert kube.clusters(NAMESPACE) == [stack.cluster()["name"]]
    assert computes(stack.address())
    assert set(stack.preview("--expect-no-changes").counts) == {"same"}


def test_a_change_goes_on_after_it_was_killed_while_the_old_cluster_served(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=cluster())
    address, old, scheduler = stack.address(), stack.cluster()["name"], stack.scheduler()
    stack.configure(clusters=cluster(env={"FLAVOUR": "two"}))

    interrupt(stack, "Job main-verify")

    assert computes(address)
    assert kube.scheduler(NAMESPACE, old) == scheduler

    stack.up()

    new = stack.cluster()["name"]
    assert new != old
    assert kube.clusters(NAMESPACE) == [new]
    assert {pod.rpartition("-default-")[0] for pod in pods_behind(address)} == {new}
    stack.unchanged()


def test_an_interrupted_drain_is_taken_up_again(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=cluster(env={"FLAVOUR": "two"}))
    old = stack.cluster()["name"]
    stack.configure(clusters=cluster(env={"FLAVOUR": "three"}))
    with client(stack.address()) as before:
        futures = before.map(where, range(TASKS), pure=False)
        interrupt(stack, f"{old}: waiting for")

        again = stack.start_up()
        results: Any = before.gather(futures)
    done = again.wait()

    assert done.code == 0, done.text
    assert [index for index, _ in results] == list(range(TASKS))
    assert {pod.partition("-default")[0] for _, pod in results} == {old}
    assert kube.clusters(NAMESPACE) == [stack.cluster()["name"]] != [old]
