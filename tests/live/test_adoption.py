"""A cluster that kubectl made comes under the program while it computes, and its endpoint with it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.live.conftest import Connect
from tests.support.kubectl import Kubectl, uid
from tests.support.runs import names
from tests.support.stacks import IMAGE, Stack
from tests.support.wait import wait_until
from tests.support.work import Work, computes, where, workers_of

NAMESPACE = "adoption"
PORTS = {"scheduler": 31386, "dashboard": 31387}
ENDPOINT: dict[str, Any] = {"type": "NodePort", "insecure": True, "nodePorts": PORTS}


def tutorial(name: str) -> dict[str, Any]:
    """The manifest that tutorials print, with today's commands; its port names make scale-downs fail."""
    worker_args = ["dask", "worker", "--name", "$(DASK_WORKER_NAME)", "--dashboard", "--dashboard-address", ":8788"]
    worker = {"name": "worker", "image": IMAGE, "imagePullPolicy": "IfNotPresent", "args": worker_args}
    worker["ports"] = [{"name": "http-dashboard", "containerPort": 8788, "protocol": "TCP"}]
    scheduler = {"name": "scheduler", "image": IMAGE, "imagePullPolicy": "IfNotPresent", "args": ["dask", "scheduler"]}
    ports = {"tcp-comm": (8786, PORTS["scheduler"]), "http-dashboard": (8787, PORTS["dashboard"])}
    scheduler["ports"] = [{"name": it, "containerPort": number, "protocol": "TCP"} for it, (number, _) in ports.items()]
    service = {
        "type": "NodePort",
        "selector": {"dask.org/cluster-name": name, "dask.org/component": "scheduler"},
        "ports": [
            {"name": f"dask-{it}", "protocol": "TCP", "port": number, "targetPort": it, "nodePort": node_port}
            for it, (number, node_port) in ports.items()
        ],
    }
    spec = {
        "worker": {"replicas": 2, "spec": {"containers": [worker]}},
        "scheduler": {"spec": {"containers": [scheduler]}, "service": service},
    }
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "kubernetes.dask.org/v1", "kind": "DaskCluster", "metadata": metadata, "spec": spec}


def adopted(replicas: int = 2, **over: Any) -> dict[str, Any]:
    given = {"adopt": True, "update": "recreate", "workers": {"replicas": replicas}, "endpoint": ENDPOINT}
    return {"byhand": given | {"drainTimeout": "2m"} | over}


@pytest.fixture(scope="module")
def by_hand(stack: Stack, kube: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The tutorial's cluster, running, made by kubectl in the stack's namespace."""
    # The tutorial's pods run as root.
    stack.up(namespace={"name": NAMESPACE, "podSecurity": "baseline"})
    file = Path(tmp_path_factory.mktemp("manifest")) / "cluster.json"
    file.write_text(json.dumps(tutorial("byhand")))
    kube("apply", "-f", str(file))
    wait_until(lambda: len(running(kube)) == 3, 120, "the scheduler and two workers run")
    return stack


def running(kube: Kubectl) -> set[str]:
    """The identities of the pods that are ready."""
    pods = kube.pods(NAMESPACE, cluster_name="byhand")
    boxes = [(pod, pod["status"].get("containerStatuses")) for pod in pods]
    return {uid([pod]) for pod, statuses in boxes if statuses and all(it["ready"] for it in statuses)}


def address_by_hand(kube: Kubectl) -> str:
    [node] = kube.get("nodes")
    [host] = [it["address"] for it in node["status"]["addresses"] if it["type"] == "InternalIP"]
    return f"tcp://{host}:{PORTS['scheduler']}"


def test_it_is_imported_with_its_ports_its_clients_and_its_data(
    by_hand: Stack, kube: Kubectl, connect: Connect
) -> None:
    before, address = running(kube), address_by_hand(kube)
    work = Work(connect(address), held=50, running=12)

    said, run = by_hand.configure(clusters=adopted()).preview(), by_hand.up()

    assert run.changes == said.changes
    # The update brings the stack's labels.
    assert names(run.of("DaskCluster")) == ["import DaskCluster byhand", "update DaskCluster byhand"]
    assert "the Service 'byhand-scheduler' becomes ClusterIP in favour of the endpoint 'byhand'" in said.text
    assert running(kube) == before
    assert by_hand.address("byhand") == address
    assert computes(address)
    assert work.intact()


def test_a_second_up_changes_nothing(by_hand: Stack) -> None:
    by_hand.settle(clusters=adopted())

    said = by_hand.preview("--expect-no-changes")
    by_hand.unchanged()

    assert "drift" not in said.text


def test_it_scales_like_others_and_keeps_its_data(by_hand: Stack, kube: Kubectl, connect: Connect) -> None:
    by_hand.settle(clusters=adopted())
    scheduler = by_hand.scheduler("byhand")
    more = by_hand.change(clusters=adopted(replicas=4))
    client = connect(by_hand.address("byhand"))
    assert len(workers_of(client)) == 4
    work = Work(client)

    fewer = by_hand.change(clusters=adopted(replicas=1))
    wait_until(lambda: len(kube.pods(NAMESPACE, component="worker")) == 1, 60, "one worker is left")

    for run in (more, fewer):
        assert names(run.of("DaskCluster")) == ["update DaskCluster byhand"]
    assert work.intact()
    assert by_hand.scheduler("byhand") == scheduler


def test_letting_go_of_adopt_moves_to_a_new_cluster_without_losing_work(
    by_hand: Stack, kube: Kubectl, connect: Connect
) -> None:
    by_hand.settle(clusters=adopted())
    address = by_hand.address("byhand")
    client = connect(address)
    futures = client.map(where, range(60), pure=False)
    clusters = adopted(update="blueGreen", env={"FLAVOUR": "declared"})
    del clusters["byhand"]["adopt"]
    said = by_hand.configure(clusters=clusters).preview()

    up = by_hand.start_up()
    results = client.gather(futures)
    client.close()
    done = up.wait()

    assert done.code == 0, done.text
    assert done.changes == said.changes
    assert [index for index, _ in results] == list(range(60))
    assert all(host.startswith("byhand-default") for _, host in results)
    assert by_hand.address("byhand") == address
    assert kube.clusters(NAMESPACE) == [by_hand.cluster("byhand")["name"]]


def test_a_cluster_that_does_not_exist_is_not_adopted(by_hand: Stack) -> None:
    run = by_hand.failing_up(clusters={"nobody": adopted()["byhand"]})

    assert "dask:clusters.nobody.adopt: no DaskCluster adoption/nobody exists that could be adopted" in run.text
