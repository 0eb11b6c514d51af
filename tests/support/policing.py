"""A stand-in for a CNI that enforces NetworkPolicies: their rules for ingress, as nftables of the only node.

It knows pods, namespaces and address ranges, and no ports: the program's policies name none. As in Kubernetes, the node
itself reaches its pods, and connections that exist stay.
"""

import ipaddress
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from devcluster.kubernetes import state
from tests.support import clusters
from tests.support.kubectl import Kubectl, Object

KINDS = "pods,namespaces,networkpolicies"
SECONDS = 1.0
TABLE = "network-policies"


@contextmanager
def enforced(kube: Kubectl) -> Iterator[None]:
    """Enforces what policies there are, and what they are changed to, as long as the block runs."""
    stopped, begun = threading.Event(), threading.Event()

    def run() -> None:
        while not stopped.is_set():
            _nft(ruleset(kube.get(KINDS, "--all-namespaces")))
            begun.set()
            stopped.wait(SECONDS)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        assert begun.wait(60), "the rules of the policies are written"
        yield
    finally:
        stopped.set()
        thread.join(60)
        _nft(f"table ip {TABLE}\ndelete table ip {TABLE}\n")


def ruleset(objects: Iterable[Object]) -> str:
    """The table that replaces the one before it."""
    by_kind: dict[str, list[Object]] = {"Pod": [], "Namespace": [], "NetworkPolicy": []}
    for one in objects:
        by_kind[one["kind"]].append(one)
    namespaces = {it["metadata"]["name"]: it["metadata"].get("labels", {}) for it in by_kind["Namespace"]}
    pods = [it for it in by_kind["Pod"] if it.get("status", {}).get("podIP") and not it["spec"].get("hostNetwork")]
    lines = [
        rule
        for pod in pods
        if (own := [it for it in by_kind["NetworkPolicy"] if _selects(it, pod)])
        for rule in _rules(pod["status"]["podIP"], own, pods, namespaces)
    ]
    chain = ["type filter hook forward priority filter", "ct state established,related accept", *lines]
    body = "\n".join(f"    {line}" for line in chain)
    return f"table ip {TABLE}\ndelete table ip {TABLE}\ntable ip {TABLE} {{\n  chain forward {{\n{body}\n  }}\n}}\n"


def _selects(policy: Object, pod: Object) -> bool:
    same = policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
    ingress = "Ingress" in policy["spec"].get("policyTypes", ["Ingress"])
    return same and ingress and _matches(policy["spec"]["podSelector"], pod["metadata"].get("labels", {}))


def _rules(
    address: str, policies: list[Object], pods: list[Object], namespaces: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """What reaches the pod at an address, and that nothing else does."""
    for policy in policies:
        for rule in policy["spec"].get("ingress", []):
            assert "ports" not in rule, f"ports are not enforced: {rule}"
            for peer in rule["from"]:
                if sources := sorted(_sources(peer, policy["metadata"]["namespace"], pods, namespaces)):
                    yield f"ip daddr {address} ip saddr {{ {', '.join(sources)} }} accept"
    yield f"ip daddr {address} drop"


def _sources(
    peer: Mapping[str, Any], home: str, pods: list[Object], namespaces: Mapping[str, Mapping[str, str]]
) -> set[str]:
    """The addresses of a peer."""
    if block := peer.get("ipBlock"):
        assert "except" not in block, f"exceptions are not enforced: {block}"
        return {block["cidr"]} if ipaddress.ip_network(block["cidr"]).version == 4 else set()
    selector = peer.get("namespaceSelector")
    homes = {home} if selector is None else {name for name, it in namespaces.items() if _matches(selector, it)}
    return {
        it["status"]["podIP"]
        for it in pods
        if it["metadata"]["namespace"] in homes
        and _matches(peer.get("podSelector", {}), it["metadata"].get("labels", {}))
    }


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    assert "matchExpressions" not in selector, f"expressions are not enforced: {selector}"
    return selector.get("matchLabels", {}).items() <= labels.items()


def _nft(rules: str) -> None:
    node = f"--net=/run/netns/{state.namespace(clusters.NAME, 1)}"
    subprocess.run(["nsenter", node, "nft", "-f", "-"], input=rules, text=True, check=True)
