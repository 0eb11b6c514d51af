"""A change of the pods: a second cluster beside the first, or, where that is asked for, the same one made again.

One protected endpoint goes through all of it, from test to test.
"""

from typing import Any

import pytest

from tests.support.kubectl import Kubectl
from tests.support.runs import Run, names
from tests.support.stacks import MISSING_IMAGE, ML_IMAGE, Stack
from tests.support.wait import wait_until
from tests.support.work import client, computes, pods_behind, variable, where

NAMESPACE = "blue-green"
PORTS = {"scheduler": 30821, "dashboard": 30822}
# Long enough for an image that exists to start, short enough to wait for.
FAILS_WITHIN = 90
TASKS = 120


def cluster(**over: Any) -> dict[str, Any]:
    endpoint = {"type": "NodePort", "insecure": True, "nodePorts": PORTS}
    return {"main": {"workers": {"replicas": 2, "threads": 2}, "endpoint": endpoint, "protect": True} | over}


def replacement(run: Run, old: str, new: str) -> None:
    """Holds a run to the steps of blue/green: nothing is ever replaced, so a failed `up` keeps the old cluster."""
    assert not [step for step in run.changes if "replace" in step[0]], run.text
    assert names(run.of("DaskCluster")) == sorted([f"create DaskCluster {new}", f"delete DaskCluster {old}"])
    assert names(run.of("Service")) == ["update Service main-endpoint"]
    assert run.fields[run.of("Service")[0]] == ['spec.selector["dask.org/cluster-name"]']


def test_running_work_finishes_on_the_old_cluster(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=cluster())
    address, old = stack.address(), stack.cluster()["name"]
    stack.configure(clusters=cluster(image=ML_IMAGE))
    said = stack.preview()

    with client(address) as before:
        futures = before.map(where, range(TASKS), pure=False)
        up = stack.start_up()
        wait_until(lambda: up.says(f"{old}: waiting for"), 240, "the old cluster is being drained")
        found_by_newcomers = pods_behind(address)
        results: Any = before.gather(futures)
    done = up.wait()

    new = stack.cluster()["name"]
    assert done.code == 0, done.text
    assert done.changes == said.changes
    replacement(done, old, new)
    assert [i for i, _ in results] == list(range(TASKS))
    assert all(pod.startswith(f"{old}-default-") for _, pod in results)
    assert len(found_by_newcomers) == 2
    assert all(pod.startswith(f"{new}-default-") for pod in found_by_newcomers)
    assert stack.address() == address
    assert stack.cluster()["image"] == ML_IMAGE
    assert kube.clusters(NAMESPACE) == [new]


@pytest.mark.parametrize(
    "over",
    [
        {"env": {"FLAVOUR": "one"}},
        {"packages": {"pip": ["optuna"]}},
        {"resources": {"memory": "768Mi"}},
        {"volumes": [{"name": "scratch", "emptyDir": {}, "mountPath": "/scratch"}]},
        {"workers": {"replicas": 2, "threads": 1}},
        {"scheduler": {"extraArgs": ["--no-show"]}},
        {"tls": {"enabled": True}},
    ],
    ids=lambda over: next(iter(over)),
)
def test_whatever_is_in_a_pod_is_said_to_be_a_second_cluster(stack: Stack, over: dict[str, Any]) -> None:
    stack.settle(clusters=cluster(image=ML_IMAGE))
    old = stack.cluster()["name"]

    said = stack.configure(clusters=cluster(image=ML_IMAGE, **over)).preview()

    [created] = [name for op, _, name in said.of("DaskCluster") if op == "create"]
    replacement(said, old, created)
    assert names(said.of("ConfigMap")) == ["update ConfigMap main-connection"]


def test_a_failed_change_keeps_the_old_cluster_and_going_back_does_not_restart_it(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=cluster(image=ML_IMAGE))
    address, old, scheduler = stack.address(), stack.cluster()["name"], stack.scheduler()

    failure = stack.failing_up(clusters=cluster(image=MISSING_IMAGE))

    assert MISSING_IMAGE in failure.text
    assert "ImagePullBackOff" in failure.text or "ErrImagePull" in failure.text
    assert failure.seconds < FAILS_WITHIN
    assert computes(address)
    assert len(kube.clusters(NAMESPACE)) == 2

    back = stack.change(clusters=cluster(image=ML_IMAGE))

    assert ("delete", "DaskCluster") in [step[:2] for step in back.changes]
    assert not [step for step in back.of("DaskCluster", "Service") if step[0] != "delete"]
    assert kube.clusters(NAMESPACE) == [old]
    assert stack.scheduler() == scheduler
    assert computes(address)


def test_a_failed_change_can_be_mended_forward(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=cluster(image=ML_IMAGE))
    address, old = stack.address(), stack.cluster()["name"]
    stack.failing_up(clusters=cluster(image=MISSING_IMAGE, env={"FLAVOUR": "two"}))

    mended = stack.change(clusters=cluster(env={"FLAVOUR": "two"}))

    new = stack.cluster()["name"]
    assert new != old
    assert ("update", "Service", "main-endpoint") in mended.changes
    assert kube.clusters(NAMESPACE) == [new]
    assert {pod.rpartition("-default-")[0] for pod in pods_behind(address)} == {new}


def test_a_protected_cluster_is_neither_destroyed_nor_dropped(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=cluster(env={"FLAVOUR": "two"}))
    address, name = stack.address(), stack.cluster()["name"]

    destroyed = stack.try_destroy()
    dropped = stack.failing_up(clusters={})

    assert destroyed.code != 0
    for run in (destroyed, dropped):
        assert "protect" in run.text
    assert kube.clusters(NAMESPACE) == [name]
    assert computes(address)


def test_recreate_replaces_the_same_name(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=cluster(env={"FLAVOUR": "two"}))
    recreated = {"update": "recreate", "workerGroups": {"extra": {"replicas": 1, "threads": 1}}, "protect": False}
    stack.change(clusters=cluster(**recreated))
    assert kube.clusters(NAMESPACE) == ["main"]
    before = stack.scheduler()

    # Of the scheduler alone: the group and the verification are the same, and have to come again all the same.
    run = stack.change(clusters=cluster(**recreated, scheduler={"env": {"FLAVOUR": "three"}}))

    assert names(run.of("DaskCluster")) == [
        "create-replacement DaskCluster main",
        "delete-replaced DaskCluster main",
        "replace DaskCluster main",
    ]
    order = [op for op, kind, _ in run.begun if kind == "DaskCluster"]
    assert order.index("delete-replaced") < order.index("create-replacement")
    assert names(run.of("Service")) == []
    assert kube.clusters(NAMESPACE) == ["main"]
    assert stack.scheduler() != before
    for kind in ("DaskWorkerGroup", "Job"):
        assert [op for op, _, _ in run.of(kind)] == ["create", "delete"]
    assert len(pods_behind(stack.address())) == 3
    with client(stack.address()) as connected:
        assert connected.run_on_scheduler(variable, "FLAVOUR") == "three"
    assert set(stack.preview("--expect-no-changes").counts) == {"same"}
    assert computes(stack.address())
