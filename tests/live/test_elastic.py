"""Two groups under TLS follow a load that rises and falls: nothing begins twice, nothing is lost, and `up` may run."""

from pathlib import Path
from typing import Any

from distributed import Client

from tests.support.kubectl import Kubectl
from tests.support.runs import names
from tests.support.security import security
from tests.support.stacks import Stack
from tests.support.wait import wait_until
from tests.support.work import Work, client, counted, workers_of

NAMESPACE = "elastic"
MOST = {"default": 2, "gpu": 1}


def cluster(most: int = 2, gpu: dict[str, Any] | None = None) -> dict[str, Any]:
    size = {"minimum": 0, "threads": 1, "idleTime": "3s"}
    groups = {"gpu": size | {"maximum": 1, "daskResources": {"GPU": 1}} | (gpu or {})}
    endpoint = {"type": "NodePort", "nodePorts": {"scheduler": 30871, "dashboard": 30872}}
    main = {"workers": size | {"maximum": most}, "workerGroups": groups, "tls": {"enabled": True}, "endpoint": endpoint}
    return {"main": main}


def group_of(worker: str) -> str:
    return "gpu" if "-gpu-" in worker else "default"


def sizes(kube: Kubectl) -> dict[str, int]:
    """How many workers each group has in Kubernetes."""
    found = kube.get("deployments", "-n", NAMESPACE, "-l", "dask.org/component=worker")
    groups = [group_of(it["metadata"]["name"]) for it in found]
    return {group: groups.count(group) for group in ("default", "gpu")}


def autoscaler_pods(kube: Kubectl) -> list[str]:
    found = kube.get("pods", "-n", NAMESPACE, "-l", "dask.org/component=autoscaler")
    return [it["metadata"]["name"] for it in found if "deletionTimestamp" not in it["metadata"]]


def rise_and_fall(connected: Client, kube: Kubectl, turn: int) -> None:
    """A load for each group. Ends when no worker is left: one that still leaves could do the next load."""
    topic = f"gpu-{turn}"
    gpu = connected.map(counted, range(4), topic=topic, seconds=2, pure=False, resources={"GPU": 1})
    wait_until(lambda: sizes(kube)["gpu"] == 1, 120, "the GPU group grows for tasks that need a GPU")
    plain = Work(connected, held=10, running=12, seconds=2)
    wait_until(lambda: sizes(kube)["default"] == 2, 120, "the plain group grows for plain tasks")
    held: Any = connected.scatter({f"{turn}-{number}": number for number in range(9)})
    seen = sizes(kube)
    assert all(seen[group] <= most for group, most in MOST.items())

    assert plain.intact()
    results: Any = connected.gather(gpu)
    begun: Any = connected.get_events(topic)
    assert [number for number, _ in results] == list(range(4))
    assert sorted(item for _, item in begun) == list(range(4))
    del plain, gpu, results
    wait_until(lambda: sum(sizes(kube).values()) == 1, 90, "data that a client holds keeps one worker")
    assert connected.gather(list(held.values())) == list(range(9))
    del held
    wait_until(lambda: sizes(kube) == {"default": 0, "gpu": 0}, 90, "nobody works, so nothing is left")
    wait_until(lambda: not workers_of(connected), 60, "the last workers have left the scheduler")


def test_two_groups_follow_the_work_under_tls_and_nothing_is_lost(stack: Stack, kube: Kubectl, tmp_path: Path) -> None:
    stack.settle(clusters=cluster())
    trusted = security(stack.outputs()["clientTls"]["main"], tmp_path)
    assert sizes(kube) == {"default": 0, "gpu": 0}
    scheduler = stack.scheduler()
    with client(stack.address(), security=trusted) as connected:
        for turn in range(4):
            rise_and_fall(connected, kube, turn)
        [pod] = autoscaler_pods(kube)
        kube("delete", "pod", "-n", NAMESPACE, pod, "--grace-period=0", "--force", "--wait=false")
        rise_and_fall(connected, kube, 4)

        run = stack.change(clusters=cluster(most=3))

        name = stack.cluster()["name"]
        assert names(run.changes) == [f"update Deployment {name}-autoscaler-deployment"]
        assert names(stack.preview("--expect-no-changes").changes) == []
        # A group's pods change while it works: a new group joins, and nothing begins twice.
        work = Work(connected, held=10, running=20, seconds=1)
        stack.change(clusters=cluster(most=3, gpu={"env": {"FLAVOUR": "two"}}))
        assert work.intact()
        assert stack.scheduler() == scheduler
    assert kube.clusters(NAMESPACE) == [name]
