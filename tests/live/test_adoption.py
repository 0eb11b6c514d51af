"""A cluster that kubectl made comes under the program while it computes, with its endpoint."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kubectl import uid
from tests.live.conftest import Connect
from tests.live.tasks import executed, executions, where_and_wait
from tests.stacks import IMAGE, Stack, wait_until

NAMESPACE = "adoption"
PORTS = {"scheduler": 31386, "dashboard": 31387}
ENDPOINT: dict[str, Any] = {"type": "NodePort", "insecure": True, "nodePorts": PORTS}


def tutorial(name: str) -> dict[str, Any]:
    """The manifest that tutorials print, with the commands that there are; its port names make scale-downs fail."""
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


def adopted(**over: Any) -> dict[str, Any]:
    given = {"adopt": True, "update": "recreate", "workers": {"replicas": 2}, "endpoint": ENDPOINT}
    return {"byhand": given | {"drainTimeout": "2m"} | over}


@pytest.fixture(scope="module")
def by_hand(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The tutorial's cluster, running, made by kubectl in the stack's namespace."""
    stack.up(clusters={})
    file = tmp_path_factory.mktemp("manifest") / "cluster.json"
    Path(file).write_text(json.dumps(tutorial("byhand")))
    stack.kubectl("apply", "-f", str(file))
    wait_until(lambda: len(running(stack)) == 3, 120, "the scheduler and two workers run")
    return stack


def running(stack: Stack) -> set[str]:
    """The identities of the pods that are ready."""
    pods = stack.kube.pods(NAMESPACE, cluster_name="byhand")
    boxes = [(pod, pod["status"].get("containerStatuses")) for pod in pods]
    return {uid([pod]) for pod, statuses in boxes if statuses and all(it["ready"] for it in statuses)}


def node_address(stack: Stack) -> str:
    [node] = stack.kubectl("get", "nodes", "-o", "json")["items"]
    return next(it["address"] for it in node["status"]["addresses"] if it["type"] == "InternalIP")


def test_a_cluster_comes_under_the_program_with_its_ports_its_clients_and_its_data(
    by_hand: Stack, connect: Connect
) -> None:
    before, address = running(by_hand), f"tcp://{node_address(by_hand)}:{PORTS['scheduler']}"
    client = connect(address)
    futures = client.map(executed, range(50), pure=False)
    client.gather(futures)

    preview = by_hand.configure(clusters=adopted()).run("preview")
    by_hand.up()

    assert "the Service 'byhand-scheduler' becomes ClusterIP in favour of the endpoint 'byhand'" in preview.text
    assert running(by_hand) == before
    assert by_hand.address("byhand") == address
    assert connect(address).submit(sum, [1, 2]).result(timeout=30) == 3
    assert sorted(client.gather(futures)) == [(i, i * i) for i in range(50)]
    assert executions(client) == 50


def test_a_second_up_changes_nothing(by_hand: Stack) -> None:
    by_hand.up(clusters=adopted())

    again = by_hand.up()

    assert "update" not in again.text.partition("Outputs:")[0]
    assert "drift" not in again.text


def test_an_adopted_cluster_scales_and_keeps_its_data(by_hand: Stack, connect: Connect) -> None:
    by_hand.up(clusters=adopted(workers={"replicas": 4}))
    client = connect(by_hand.address("byhand"))
    client.wait_for_workers(4, timeout=60)
    futures = client.map(executed, range(100, 200), pure=False)
    client.gather(futures)
    done = executions(client)

    by_hand.up(clusters=adopted(workers={"replicas": 1}))
    wait_until(lambda: len(client.scheduler_info(n_workers=-1)["workers"]) == 1, 60, "one worker is left")

    assert sorted(client.gather(futures)) == [(i, i * i) for i in range(100, 200)]
    assert executions(client) == done


def test_letting_go_of_adopt_moves_to_a_new_cluster_without_losing_work(by_hand: Stack, connect: Connect) -> None:
    by_hand.up(clusters=adopted(workers={"replicas": 2}))
    address = by_hand.address("byhand")
    client = connect(address)
    futures = client.map(where_and_wait, range(60), pure=False)

    clusters = adopted(update="blueGreen", env={"FLAVOUR": "declared"})
    del clusters["byhand"]["adopt"]
    change = by_hand.configure(clusters=clusters).start("up")
    results = client.gather(futures)
    client.close()
    output, _ = change.communicate(timeout=240)

    assert change.returncode == 0, output
    assert sorted(index for index, _ in results) == list(range(60))
    assert all(host.startswith("byhand-default") for _, host in results)
    assert by_hand.address("byhand") == address
    names = by_hand.kubectl("get", "daskclusters", "-n", NAMESPACE, "-o", "name").split()
    assert [name.rpartition("/")[2] for name in names] == [by_hand.outputs()["clusters"]["byhand"]["name"]]


def test_a_cluster_that_is_not_there_is_not_adopted(by_hand: Stack) -> None:
    result = by_hand.failing_up(clusters={"nobody": adopted()["byhand"]})

    assert "dask:clusters.nobody.adopt: there is no DaskCluster adoption/nobody to adopt" in result.text
