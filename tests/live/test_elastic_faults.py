"""What can go wrong around groups that follow the work: the others follow it, nothing begins twice, nothing is lost."""

from typing import Any

from distributed import Client

from tests.support.kubectl import Kubectl, Object
from tests.support.stacks import MISSING_IMAGE, Stack, good
from tests.support.wait import wait_until
from tests.support.work import Work, client, computes, workers_of

NAMESPACE = "elastic-faults"
# The scheduler, the autoscaler and two workers: two more workers are wanted and refused.
QUOTA = 4
STUCK_SECONDS = 20
# Longer than a client needs to ask each worker what it has begun.
IDLE = "10s"
CHANGED = {"env": {"FLAVOUR": "two"}}


def cluster(**over: Any) -> dict[str, Any]:
    endpoint = {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30851, "dashboard": 30852}}
    workers = {"minimum": 0, "maximum": 4, "threads": 1, "idleTime": IDLE}
    return {"main": {"workers": workers, "endpoint": endpoint} | over}


def component(kube: Kubectl, name: str, kind: str = "pods") -> list[Object]:
    found = kube.get(kind, "-n", NAMESPACE, "-l", f"dask.org/component={name}")
    return [it for it in found if "deletionTimestamp" not in it["metadata"]]


def workers(kube: Kubectl, group: str = "") -> list[str]:
    """The names of the workers' Deployments."""
    return [
        it["metadata"]["name"] for it in component(kube, "worker", "deployments") if group in it["metadata"]["name"]
    ]


def events(kube: Kubectl, reason: str, name: str) -> list[str]:
    """What the autoscaler of a DaskCluster has reported."""
    about = f"reason={reason},involvedObject.kind=DaskCluster,involvedObject.name={name}"
    return [it["message"] for it in kube.get("events", "-n", NAMESPACE, "--field-selector", about)]


def at_rest(kube: Kubectl) -> None:
    wait_until(lambda: not workers(kube), 120, "nobody works, so no worker is left")
    pods = ("pods", "-n", NAMESPACE, "-l", "dask.org/component=worker")
    wait_until(lambda: not kube.get(*pods), 60, "the last worker has ended")


def busy(connected: Client, kube: Kubectl) -> tuple[Work, str]:
    """Work that lasts, and the pod of one of the workers that it has grown."""
    work = Work(connected, held=20, running=120, seconds=2)
    wait_until(lambda: len(workers_of(connected)) > 1, 90, "several workers have registered")
    return work, wait_until(lambda: component(kube, "worker"), 30, "a worker that stays")[0]["metadata"]["name"]


def test_a_worker_that_is_deleted_by_hand_comes_back_and_nothing_begins_twice(stack: Stack, kube: Kubectl) -> None:
    stack.settle(namespace={"name": NAMESPACE}, clusters=cluster())
    with client(stack.address()) as connected:
        work, pod = busy(connected, kube)

        kube("delete", "pod", "-n", NAMESPACE, pod, "--wait=false")

        assert work.intact()
        del work
    at_rest(kube)


def test_a_worker_that_is_lost_with_its_node_costs_what_it_computed_and_no_result(stack: Stack, kube: Kubectl) -> None:
    stack.settle(namespace={"name": NAMESPACE}, clusters=cluster())
    with client(stack.address()) as connected:
        work, pod = busy(connected, kube)

        # As when a spot node is taken away: nobody asks the worker to hand anything over.
        kube("delete", "pod", "-n", NAMESPACE, pod, "--force", "--grace-period=0", "--wait=false")

        assert work.arrives()
        del work
    at_rest(kube)


def test_two_autoscalers_for_a_moment_each_follow_their_own_cluster(stack: Stack, kube: Kubectl) -> None:
    stack.settle(namespace={"name": NAMESPACE}, clusters=cluster())
    address, old = stack.address(), stack.cluster()["name"]
    stack.configure(clusters=cluster(**CHANGED))
    with client(address) as before:
        work = Work(before, held=4, running=120, seconds=2)
        up = stack.start_up()
        wait_until(lambda: up.says(f"{old}: waiting for"), 240, "the replaced cluster is being drained")
        assert len(component(kube, "autoscaler")) == 2
        with client(address) as after:
            other = Work(after, held=4, running=10, seconds=1)
            owners = {it.partition("-default-")[0] for it in workers(kube)}
            assert other.intact()
            del other
        assert work.intact()
        del work
    good(up.wait())

    new = stack.cluster()["name"]
    assert owners == {old, new}
    wait_until(lambda: len(component(kube, "autoscaler")) == 1, 60, "the replaced autoscaler has ended")
    assert kube.clusters(NAMESPACE) == [new]
    # It still follows the work of its own cluster: from zero.
    at_rest(kube)
    assert computes(address)


def test_a_quota_is_reported_once_and_the_work_is_done_by_the_workers_within_it(stack: Stack, kube: Kubectl) -> None:
    stack.settle(namespace={"name": NAMESPACE, "quota": {"pods": QUOTA}}, clusters=cluster(**CHANGED))
    name = stack.cluster()["name"]
    # The cluster has worked before.
    written_before = len(events(kube, "ScaledUp", name))
    assert events(kube, "CannotScale", name) == []
    with client(stack.address()) as connected:
        work = Work(connected, held=4, running=40, seconds=1)
        wait_until(lambda: events(kube, "CannotScale", name), 90, "the autoscaler reports the quota")
        log = kube("logs", "-n", NAMESPACE, f"deployment/{name}-autoscaler")

        assert work.intact()
        [told] = events(kube, "CannotScale", name)
        written = events(kube, "ScaledUp", name)
        assert len(component(kube, "worker")) <= QUOTA - 2
        del work
    assert "Kubernetes refuses its pods" in told
    assert "exceeded quota: dask" in told
    assert told in log
    # It is no reason to write numbers over and over.
    assert len(written) - written_before <= 4, written
    at_rest(kube)


def test_a_group_whose_image_is_missing_holds_no_other_group_up(stack: Stack, kube: Kubectl) -> None:
    # Work for three workers: one of the default ones, and two of the next group that can have them.
    size = {"minimum": 0, "maximum": 4, "threads": 1, "idleTime": IDLE}
    groups = {"broken": size | {"image": MISSING_IMAGE}, "good": size}
    scheduler = {"env": {"STUCK_SECONDS": str(STUCK_SECONDS), "DASK_DISTRIBUTED__ADAPTIVE__TARGET_DURATION": "30s"}}
    stack.settle(
        namespace={"name": NAMESPACE, "quota": {"pods": 40}},
        clusters=cluster(workers=size | {"maximum": 1}, workerGroups=groups, scheduler=scheduler),
    )
    name = stack.cluster()["name"]
    with client(stack.address()) as connected:
        work = Work(connected, held=4, running=90, seconds=1)
        wait_until(lambda: workers(kube, "-broken-"), 60, "the group with the missing image grows too")
        wait_until(lambda: events(kube, "CannotScale", name), 120, "the autoscaler reports its workers")
        wait_until(lambda: workers(kube, "-good-"), 60, "the next group takes the work")

        assert work.intact()
        del work
    [told] = events(kube, "CannotScale", name)
    assert "-broken-" in told
    assert "have not registered" in told
    at_rest(kube)
