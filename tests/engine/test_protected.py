"""`protect`, and a context that is named later: neither lets the engine delete what people rely on."""

from typing import Any

import yaml

from tests.engine.runs import names
from tests.engine.stacks import Stack
from tests.engine.work import computes
from tests.kubectl import Kubectl

NAMESPACE = "protected"
ENDPOINT = {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30891, "dashboard": 30892}}


def cluster(**over: Any) -> dict[str, Any]:
    return {"main": {"workers": {"replicas": 1, "threads": 1}, "endpoint": ENDPOINT, "protect": True} | over}


def test_a_protected_cluster_is_neither_destroyed_nor_dropped_and_can_be_updated(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=cluster())
    address, old = stack.outputs()["schedulerAddress"], stack.cluster("main")["name"]

    destroyed = stack.run("destroy", "--yes", "--skip-preview")
    stack.configure(clusters={})
    dropped = stack.run("up", "--yes", "--skip-preview")

    for run in (destroyed, dropped):
        assert run.code != 0
        assert "protect" in run.text
    assert kube.clusters(NAMESPACE) == [old]
    assert computes(address)

    stack.change(clusters=cluster(env={"FLAVOUR": "two"}))

    assert kube.clusters(NAMESPACE) == [stack.cluster("main")["name"]] != [old]
    assert computes(address)
    stack.change(clusters=cluster(env={"FLAVOUR": "two"}, protect=False))


def test_a_context_that_is_named_later_replaces_nothing(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=cluster(protect=False))
    name = stack.cluster("main")["name"]
    scheduler = kube.scheduler(NAMESPACE, name)
    context = yaml.safe_load(kube.kubeconfig.read_text())["current-context"]

    stack.cli("config", "set", "kubernetes:context", context)
    run = stack.up()

    assert names(run.changes) in ([], ["update kubernetes kubernetes"])
    assert kube.scheduler(NAMESPACE, name) == scheduler
    assert computes(stack.outputs()["schedulerAddress"])
