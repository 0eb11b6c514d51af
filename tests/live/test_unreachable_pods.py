"""A control plane that does not reach pods, as on private GKE or EKS with strict security groups: drains work all the
same, through the kubelet."""

import json
from pathlib import Path
from typing import Any

from tests.support.kubectl import Kubectl
from tests.support.stacks import Stack
from tests.support.wait import wait_until
from tests.support.work import client, where

NAMESPACE = "unreachable-pods"
# Nobody has an address of TEST-NET-1 (RFC 5737).
NOBODY = "192.0.2.1"
TASKS = 60


def cluster(**over: Any) -> dict[str, Any]:
    endpoint = {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30911, "dashboard": 30912}}
    return {"main": {"workers": {"replicas": 1, "threads": 1}, "endpoint": endpoint, "drainTimeout": "4m"} | over}


def cut_off(kube: Kubectl, service: str, folder: Path) -> None:
    """The API server's way to the scheduler ends nowhere; connections that exist stay."""
    remove = json.dumps([{"op": "remove", "path": "/spec/selector"}])
    kube("patch", "service", service, "-n", NAMESPACE, "--type=json", "-p", remove)
    kube("delete", "endpoints", service, "-n", NAMESPACE, "--ignore-not-found")
    kube("delete", "endpointslices", "-n", NAMESPACE, "-l", f"kubernetes.io/service-name={service}")
    made = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{service}-nobody",
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http-dashboard", "port": 8787, "protocol": "TCP"}],
        "endpoints": [{"addresses": [NOBODY]}],
    }
    file = folder / "slice.json"
    file.write_text(json.dumps(made))
    kube("apply", "-f", str(file))


def test_the_drain_counts_clients_and_tasks_through_the_kubelet(stack: Stack, kube: Kubectl, tmp_path: Path) -> None:
    stack.settle(clusters=cluster())
    address, old = stack.address(), stack.cluster()["name"]
    stack.configure(clusters=cluster(env={"FLAVOUR": "two"}))

    with client(address) as before:
        futures = before.map(where, range(TASKS), pure=False)
        cut_off(kube, f"{old}-scheduler", tmp_path)
        up = stack.start_up()
        wait_until(lambda: up.says(f"{old}: waiting for 1 client and"), 240, "the drain has counted")
        results: Any = before.gather(futures)
    done = up.wait()

    assert done.code == 0, done.text
    assert "does not answer" not in done.text, done.text
    assert [index for index, _ in results] == list(range(TASKS))
    assert {pod.partition("-default")[0] for _, pod in results} == {old}
    assert f"{old}: deleted" in done.text
    assert kube.clusters(NAMESPACE) == [stack.cluster()["name"]] != [old]
