"""The bounds of the autoscaler change in place, under work."""

from typing import Any

from tests.support.kubectl import Kubectl
from tests.support.runs import names
from tests.support.stacks import Stack
from tests.support.wait import wait_until
from tests.support.work import Work, client, workers_of

NAMESPACE = "autoscaling"


def cluster(maximum: int) -> dict[str, Any]:
    workers = {"minimum": 1, "maximum": maximum, "threads": 1}
    return {"main": {"workers": workers, "endpoint": {"type": "NodePort", "insecure": True}}}


def test_a_higher_maximum_is_an_update_of_the_autoscaler_only(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=cluster(maximum=2))
    name, before = stack.cluster()["name"], stack.scheduler()
    with client(stack.address()) as connected:
        work = Work(connected, held=10, running=60, seconds=1)

        run = stack.change(clusters=cluster(maximum=3))

        assert names(run.changes) == [f"update DaskAutoscaler {name}-autoscaler"]
        assert run.fields[run.changes[0]] == ["spec.maximum"]
        wait_until(lambda: len(workers_of(connected)) == 3, 90, "three workers for the work at hand")
        assert stack.scheduler() == before
        assert work.intact()
    # What the autoscaler has made of the number is no drift.
    assert names(stack.preview("--expect-no-changes").changes) == []
    assert kube.clusters(NAMESPACE) == [name]
