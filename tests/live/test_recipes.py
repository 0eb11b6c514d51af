"""What reports about other clusters have in common, at once: images whose entrypoint sets up the environment, several
workers in a pod, user ids of a namespace's range, and starts that take minutes.
"""

from typing import Any

import pytest

from tests.support.kubectl import Kubectl
from tests.support.stacks import Stack
from tests.support.wait import wait_until
from tests.support.work import Work, client, workers_of

NAMESPACE = "recipes"
# Three times as long as a worker waits for its scheduler before it gives up.
START_SECONDS = 90
USER_ID = 2000


def wrapped(role: str, seconds: int = 0) -> dict[str, Any]:
    """A role whose command sets up the environment that its Python is in, as an entrypoint of micromamba does."""
    activate = f'sleep {seconds}; PATH=/opt/venv/bin:$PATH exec "$@"'
    return {"podTemplate": {"containers": [{"name": role, "command": ["sh", "-c", activate, "--"]}]}}


def cluster(replicas: int) -> dict[str, Any]:
    user = {"runAsUser": USER_ID, "runAsGroup": USER_ID, "fsGroup": USER_ID}
    return {
        "main": {
            # Where the Python is that cannot import distributed.
            "env": {"PATH": "/usr/local/bin:/usr/bin:/bin"},
            "podTemplate": {"securityContext": user},
            "endpoint": {"type": "NodePort", "insecure": True},
            "scheduler": wrapped("scheduler", START_SECONDS),
            "workers": {"replicas": replicas, "processes": 2, "threads": 1} | wrapped("worker"),
        }
    }


@pytest.fixture(scope="module")
def running(stack: Stack) -> Stack:
    stack.up(clusters=cluster(2))
    return stack


def test_a_slow_start_is_waited_for_and_every_worker_of_every_pod_is_verified(running: Stack, kube: Kubectl) -> None:
    pods = kube.pods(NAMESPACE)

    assert {pod["metadata"]["labels"]["dask.org/component"] for pod in pods} == {"scheduler", "worker", "verify"}
    assert {pod["spec"]["securityContext"]["runAsUser"] for pod in pods} == {USER_ID}
    assert running.scheduler().endswith("/0")
    with client(running.address()) as connected:
        assert len(workers_of(connected)) == 4


def test_a_pod_of_several_workers_hands_over_what_all_of_them_hold(running: Stack, kube: Kubectl) -> None:
    with client(running.address()) as connected:
        work = Work(connected, held=200, running=20)

        running.change(clusters=cluster(1))
        wait_until(lambda: len(kube.pods(NAMESPACE, component="worker")) == 1, 120, "one pod is left")

        assert work.intact()
        assert len(workers_of(connected)) == 2


def test_an_argo_cd_that_tracks_by_labels_would_prune_nothing(running: Stack, kube: Kubectl) -> None:
    kinds = "all,configmaps,secrets,serviceaccounts,poddisruptionbudgets,daskclusters,daskworkergroups"
    found = kube.get(kinds, "-n", NAMESPACE, "-l", "app.kubernetes.io/instance=main")

    roots = [it for it in found if not it["metadata"].get("ownerReferences")]
    kept = "argocd.argoproj.io/sync-options"
    assert {it["kind"] for it in roots} >= {"DaskCluster", "Service", "ConfigMap", "Job"}
    assert [
        it["kind"] for it in roots if "Prune=false" not in it["metadata"].get("annotations", {}).get(kept, "")
    ] == []
