"""What gives the same cluster another name or place: new beside old, and running work finishes on the old one."""

from typing import Any

import pytest

from tests.support.kubectl import Kubectl
from tests.support.stacks import Stack
from tests.support.wait import wait_until
from tests.support.work import client, pods_behind, where

NAMESPACE, OTHER = "renamed", "renamed-again"
TASKS = 60


def declared(key: str = "main", namespace: str = NAMESPACE, **over: Any) -> dict[str, Any]:
    """The stack's configuration. The node ports are fixed: they have to change hands."""
    endpoint = {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30851, "dashboard": 30852}}
    cluster = {"workers": {"replicas": 1, "threads": 1}, "endpoint": endpoint, "drainTimeout": "3m"} | over
    return {"namespace": {"name": namespace}, "clusters": {key: cluster}}


@pytest.mark.parametrize(
    "change",
    [declared(update="recreate"), declared(key="next"), declared(namespace=OTHER)],
    ids=["update", "key", "namespace"],
)
def test_running_work_finishes_on_the_old_cluster(stack: Stack, kube: Kubectl, change: dict[str, Any]) -> None:
    stack.settle(**declared())
    address, old = stack.address(), stack.cluster()["name"]
    [key] = change["clusters"]
    said = stack.configure(**change).preview()

    with client(address) as before:
        futures = before.map(where, range(TASKS), pure=False)
        up = stack.start_up()
        wait_until(lambda: up.says(f"{old}: waiting for"), 240, "the old cluster is being drained")
        found_by_newcomers = pods_behind(address)
        results: Any = before.gather(futures)
    done = up.wait()

    assert done.code == 0, done.text
    assert done.changes == said.changes
    assert [i for i, _ in results] == list(range(TASKS))
    assert all(pod.startswith(f"{old}-default-") for _, pod in results)
    new, namespace = stack.cluster(key)["name"], change["namespace"]["name"]
    assert all(pod.startswith(f"{new}-default-") for pod in found_by_newcomers)
    assert stack.address(key) == address
    clusters = [item["metadata"]["name"] for item in kube.get("daskclusters.kubernetes.dask.org", "--all-namespaces")]
    assert [name for name in clusters if name in (old, new)] == [new]
    assert kube.clusters(namespace) == [new]
