"""The stack that owns the operator is killed, loses its state, or lets go: what runs stays, and is taken over."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.conftest import NewStack
from tests.support.kubectl import Kubectl
from tests.support.owner import Owner
from tests.support.runs import VERIFICATION, names
from tests.support.stacks import Stack
from tests.support.wait import wait_until
from tests.support.work import computes

NAMESPACE = "lost"
OTHER_STATE = "belongs to another state of a stack 'dask-lost'"


def cluster(replicas: int = 1) -> dict[str, Any]:
    endpoint = {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30881, "dashboard": 30882}}
    return {"main": {"workers": {"replicas": replicas, "threads": 1}, "endpoint": endpoint}}


@pytest.fixture(scope="module")
def stack(owner: Owner, new_stack: NewStack, kube: Kubectl) -> Iterator[Stack]:
    """A stack with an operator of its own and a cluster."""
    owner.down()
    made = new_stack(NAMESPACE).configure(namespace={"name": NAMESPACE}, operator={"install": True})
    yield made
    made.up(namespace={"name": NAMESPACE}, operator={"install": True}, clusters={}, takeOver=True)
    made.end()


@pytest.mark.parametrize("words", ["Release release", "DaskCluster main"])
def test_up_goes_on_after_the_first_one_was_killed(stack: Stack, kube: Kubectl, words: str) -> None:
    stack.destroy()
    up = stack.configure(clusters=cluster()).start_up()
    wait_until(lambda: up.says(words), 240, f"`up` says {words!r}")
    up.kill()
    stack.cancel()

    stack.up()

    assert kube.clusters(NAMESPACE) == [stack.cluster()["name"]]
    assert computes(stack.address())
    stack.preview("--expect-no-changes")


def test_after_a_lost_state_what_runs_is_taken_over_when_that_is_asked_for(stack: Stack) -> None:
    stack.settle(clusters=cluster())
    name, address, scheduler = stack.cluster()["name"], stack.address(), stack.scheduler()
    stack.lose_state()

    said, refused = stack.run("preview"), stack.failing_up()

    for run in (said, refused):
        assert run.code != 0
        assert OTHER_STATE in run.text, run.text
        assert "takeOver true" in run.text
    assert computes(address)

    stack.up(takeOver=True)

    assert (stack.cluster()["name"], stack.address()) == (name, address)
    assert stack.scheduler() == scheduler
    assert computes(address)
    run = stack.change(takeOver=False, clusters=cluster(2))
    assert [kind for _, kind, _ in run.changes if kind not in VERIFICATION] == ["DaskCluster"], names(run.changes)
    assert stack.scheduler() == scheduler


@pytest.mark.parametrize("key", ["namespace", "operator"])
def test_what_is_let_go_stays_with_all_that_is_in_it(stack: Stack, kube: Kubectl, key: str) -> None:
    stack.settle(namespace={"name": NAMESPACE}, operator={"install": True}, clusters=cluster())
    scheduler = stack.scheduler()
    given: dict[str, Any] = {
        "namespace": {"name": NAMESPACE, "create": False},
        "operator": {"install": False},
    }

    run = stack.change(**{key: given[key]})

    assert "is no longer managed" in run.text
    assert not [step for step in run.changes if "delete" in step[0]], names(run.changes)
    assert {NAMESPACE, "dask-operator"} <= set(kube.namespaces())
    assert kube.get("deployments.apps", "-n", "dask-operator")
    assert stack.scheduler() == scheduler
    assert computes(stack.address())
    stack.preview("--expect-no-changes")
    # It is owned again, and goes with the stack.
    stack.up(namespace={"name": NAMESPACE}, operator={"install": True})
