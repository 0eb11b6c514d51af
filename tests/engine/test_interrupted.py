"""`kill -9` in the middle of `up`: the next `up` goes on from there."""

from typing import Any

from tests.engine.stacks import Stack
from tests.engine.work import computes, pods_behind
from tests.kubectl import Kubectl
from tests.stacks import wait_until

NAMESPACE = "interrupted"


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
    stack.automation.cancel()


def test_up_goes_on_after_the_first_one_was_killed(stack: Stack, kube: Kubectl) -> None:
    stack.configure(clusters=cluster())
    interrupt(stack, "DaskCluster main")

    stack.up()

    assert kube.clusters(NAMESPACE) == [stack.cluster("main")["name"]]
    assert computes(stack.outputs()["schedulerAddress"])
    assert set(stack.preview("--expect-no-changes").counts) == {"same"}


def test_a_change_goes_on_after_it_was_killed_while_the_old_cluster_served(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=cluster())
    address, old = stack.outputs()["schedulerAddress"], stack.cluster("main")["name"]
    scheduler = kube.scheduler(NAMESPACE, old)
    stack.configure(clusters=cluster(env={"FLAVOUR": "two"}))

    interrupt(stack, "Job main-verify")

    assert computes(address)
    assert kube.scheduler(NAMESPACE, old) == scheduler

    stack.up()

    new = stack.cluster("main")["name"]
    assert new != old
    assert kube.clusters(NAMESPACE) == [new]
    assert {pod.rpartition("-default-")[0] for pod in pods_behind(address)} == {new}
    assert set(stack.up("--expect-no-changes").counts) == {"same"}


def test_after_a_lost_state_what_runs_is_taken_over_as_it_is(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=cluster())
    name, address = stack.cluster("main")["name"], stack.outputs()["schedulerAddress"]
    scheduler = kube.scheduler(NAMESPACE, name)
    stack.lose_state()

    run = stack.up()

    assert set(run.counts) == {"create"}
    assert stack.outputs()["schedulerAddress"] == address
    assert kube.scheduler(NAMESPACE, name) == scheduler
    assert computes(address)
    stack.change(clusters=cluster(workers={"replicas": 2, "threads": 1}))
    assert kube.scheduler(NAMESPACE, name) == scheduler
