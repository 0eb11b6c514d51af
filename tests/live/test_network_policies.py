"""The namespace's network policy, enforced on real packets: who reaches a cluster, and who does not."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.support.kubectl import Kubectl, uid
from tests.support.policing import enforced
from tests.support.stacks import IMAGE, Stack
from tests.support.wait import wait_until
from tests.support.work import computes

NAMESPACE = "network-policies"
HUB, STRANGERS = "hub", "strangers"
USERS = {"app": "notebook"}
CLIENT = """
from distributed import Client
with Client("tcp://main.network-policies.svc:8786", timeout=8) as client:
    print("computed", client.submit(sum, [1, 2]).result(timeout=20))
"""
CLUSTERS: dict[str, Any] = {
    "main": {
        "workers": {"replicas": 1, "threads": 1},
        "endpoint": {"type": "NodePort", "insecure": True},
    }
}


def namespace(*allowed: Any) -> dict[str, Any]:
    return {"name": NAMESPACE, "networkPolicies": True, "allowFrom": list(allowed)}


@pytest.fixture(scope="module")
def guarded(stack: Stack, kube: Kubectl) -> Iterator[Stack]:
    """A cluster which `up` has verified through the policy, and two namespaces of others."""
    for name in (HUB, STRANGERS):
        kube("create", "namespace", name)
    with enforced(kube):
        stack.up(namespace=namespace({"namespace": HUB, "pods": USERS}), clusters=CLUSTERS)
        yield stack
    kube("delete", "namespace", HUB, STRANGERS, "--wait=false")


def connects(kube: Kubectl, home: str, **labels: str) -> bool:
    """Whether a client in a pod computes on the cluster; if not, it got no connection."""
    name = f"client-{uuid4().hex[:8]}"
    words = ",".join(f"{key}={value}" for key, value in labels.items())
    chosen = [f"--labels={words}"] if words else []
    kube("run", name, "-n", home, f"--image={IMAGE}", "--restart=Never", *chosen, "--", "python3", "-c", CLIENT)

    def ended() -> bool:
        return kube("get", "pod", name, "-n", home, "-o", "jsonpath={.status.phase}") in ("Succeeded", "Failed")

    wait_until(ended, 90, f"the client in {home} ends")
    said = kube("logs", name, "-n", home)
    assert "computed 3" in said or "Timed out" in said, said
    return "computed 3" in said


def test_only_the_pods_that_are_let_in_reach_the_cluster(guarded: Stack, kube: Kubectl) -> None:
    assert connects(kube, HUB, **USERS)
    assert not connects(kube, HUB, app="another")
    assert not connects(kube, STRANGERS, **USERS)


def test_what_is_let_in_changes_in_place(guarded: Stack, kube: Kubectl) -> None:
    pods = kube.pods(NAMESPACE, component="scheduler")

    guarded.up(namespace=namespace({"namespace": STRANGERS}))

    assert connects(kube, STRANGERS)
    assert not connects(kube, HUB, **USERS)
    assert uid(kube.pods(NAMESPACE, component="scheduler")) == uid(pods)


def test_a_node_port_takes_the_clients_that_the_address_ranges_let_in(guarded: Stack) -> None:
    with pytest.raises(OSError, match=r"[Tt]imed out"):
        computes(guarded.address(), seconds=5)

    guarded.up(namespace=namespace("10.0.0.0/8"))

    assert computes(guarded.address())
