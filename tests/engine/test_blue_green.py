"""A change of the pods: a second cluster beside the first, or, where that is asked for, the same one made again.

One endpoint goes through all of it, from test to test.
"""

from typing import Any

from tests.engine.runs import Run, names
from tests.engine.stacks import Stack
from tests.engine.work import client, computes, pods_behind
from tests.kubectl import Kubectl
from tests.live.tasks import where_and_wait
from tests.stacks import wait_until

NAMESPACE = "blue-green"
PORTS = {"scheduler": 30821, "dashboard": 30822}
MISSING_IMAGE = "ghcr.io/dask/dask:0.0.0-missing"
# Long enough for an image that is there to start, short enough to wait for.
FAILS_WITHIN = 90


def cluster(**over: Any) -> dict[str, Any]:
    endpoint = {"type": "NodePort", "insecure": True, "nodePorts": PORTS}
    return {"main": {"workers": {"replicas": 2, "threads": 2}, "endpoint": endpoint} | over}


def replacement(run: Run, old: str, new: str) -> None:
    """Holds a run to the steps of blue/green: nothing is ever replaced, so a failed `up` keeps the old cluster."""
    assert not [step for step in run.changes if "replace" in step[0]], run.text
    assert names(run.of("DaskCluster")) == [f"create DaskCluster {new}", f"delete DaskCluster {old}"]
    assert names(run.of("Service")) == ["update Service main-endpoint"]
    assert run.fields[run.of("Service")[0]] == ['spec.selector["dask.org/cluster-name"]']


def test_running_work_finishes_on_the_old_cluster(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=cluster(env={"FLAVOUR": "one"}))
    address, old = stack.outputs()["schedulerAddress"], stack.cluster("main")["name"]
    stack.configure(clusters=cluster(env={"FLAVOUR": "two"}))
    said = stack.preview()

    with client(address) as before:
        futures = before.map(where_and_wait, range(160), pure=False)
        up = stack.start_up()
        wait_until(lambda: up.says(f"{old}: waiting for"), 240, "the old cluster is being drained")
        found_by_newcomers = pods_behind(address)
        results: Any = before.gather(futures)
    done = up.wait()

    new = stack.cluster("main")["name"]
    assert done.code == 0, done.text
    assert done.changes == said.changes
    replacement(done, old, new)
    assert [i for i, _ in results] == list(range(160))
    assert all(pod.startswith(f"{old}-default-") for _, pod in results)
    assert len(found_by_newcomers) == 2
    assert all(pod.startswith(f"{new}-default-") for pod in found_by_newcomers)
    assert stack.outputs()["schedulerAddress"] == address
    assert kube.clusters(NAMESPACE) == [new]


def test_a_failed_change_keeps_the_old_cluster_and_going_back_does_not_restart_it(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=cluster(env={"FLAVOUR": "two"}))
    address, old = stack.outputs()["schedulerAddress"], stack.cluster("main")["name"]
    scheduler = kube.scheduler(NAMESPACE, old)

    stack.configure(clusters=cluster(env={"FLAVOUR": "two"}, image=MISSING_IMAGE))
    failure = stack.failing_up()

    assert MISSING_IMAGE in failure.text
    assert "ImagePullBackOff" in failure.text
    assert "Traceback" not in failure.text
    assert failure.seconds < FAILS_WITHIN
    assert computes(address)
    assert len(kube.clusters(NAMESPACE)) == 2

    back = stack.change(clusters=cluster(env={"FLAVOUR": "two"}))

    assert ("delete", "DaskCluster") in [step[:2] for step in back.changes]
    assert not [step for step in back.of("DaskCluster", "Service") if step[0] != "delete"]
    assert kube.clusters(NAMESPACE) == [old]
    assert kube.scheduler(NAMESPACE, old) == scheduler
    assert computes(address)


def test_a_failed_change_can_be_mended_forward(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=cluster(env={"FLAVOUR": "two"}))
    address, old = stack.outputs()["schedulerAddress"], stack.cluster("main")["name"]
    stack.configure(clusters=cluster(env={"FLAVOUR": "three"}, image=MISSING_IMAGE))
    stack.failing_up()

    mended = stack.change(clusters=cluster(env={"FLAVOUR": "three"}))

    new = stack.cluster("main")["name"]
    assert new != old
    assert ("update", "Service", "main-endpoint") in mended.changes
    assert kube.clusters(NAMESPACE) == [new]
    assert {pod.rpartition("-default-")[0] for pod in pods_behind(address)} == {new}


def test_recreate_replaces_the_same_name(stack: Stack, kube: Kubectl) -> None:
    groups = {"extra": {"replicas": 1, "threads": 1}}
    stack.settle(clusters=cluster(update="recreate", workerGroups=groups))
    assert kube.clusters(NAMESPACE) == ["main"]
    before = kube.scheduler(NAMESPACE, "main")

    # Of the scheduler alone: the group and the verification are the same, and have to come again all the same.
    change = {"resources": {"memory": "768Mi"}}
    run = stack.change(clusters=cluster(update="recreate", workerGroups=groups, scheduler=change))

    assert names(run.of("DaskCluster")) == [
        "create-replacement DaskCluster main",
        "delete-replaced DaskCluster main",
        "replace DaskCluster main",
    ]
    order = [op for op, kind, _ in run.begun if kind == "DaskCluster"]
    assert order.index("delete-replaced") < order.index("create-replacement")
    assert names(run.of("Service")) == []
    assert kube.clusters(NAMESPACE) == ["main"]
    assert kube.scheduler(NAMESPACE, "main") != before
    for kind in ("DaskWorkerGroup", "Job"):
        assert [op for op, _, _ in run.of(kind)] == ["create", "delete"]
    assert len(pods_behind(stack.outputs()["schedulerAddress"])) == 3
    assert set(stack.preview("--expect-no-changes").counts) == {"same"}
    assert computes(stack.outputs()["schedulerAddress"])
