"""What a component waits for, its children wait for: Pulumi itself hands `depends_on` on to nobody."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi import Output, ResourceOptions
from pulumi_kubernetes.core.v1 import ConfigMap

from components import DaskCluster, DaskJob, DaskOperator, Workspace
from components.kube.client import Connection
from tests.unit.api import FakeApi
from tests.unit.registrations import Registration, record

CLUSTER = {
    "tls": {"enabled": True},
    "workerGroups": {"big": {"replicas": 1}},
    "monitors": {"enabled": True},
}
STACK = {
    "namespace": {"name": "lab", "quota": {"pods": 9}, "limits": {"cpu": "1"}, "networkPolicies": True},
    "secrets": {"db": {"PASSWORD": "x"}},
}
Make = Callable[[ResourceOptions], Any]
COMPONENTS: dict[str, Make] = {
    "cluster": lambda opts: DaskCluster("a", CLUSTER, "lab", opts),
    "autoscaled cluster": lambda opts: DaskCluster("a", {"workers": {"minimum": 0, "maximum": 2}}, "lab", opts),
    "unverified cluster": lambda opts: DaskCluster("a", {"verify": False}, "lab", opts),
    "job": lambda opts: DaskJob("a", {"runner": {"script": "pass"}}, "lab", opts),
    "workspace": lambda opts: Workspace("a", STACK, opts=opts),
    "operator in a namespace that exists": lambda opts: DaskOperator("a", {"createNamespace": False}, opts=opts),
}


@pytest.fixture(autouse=True)
def nothing_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(_: Connection) -> FakeApi:
        return FakeApi()

    monkeypatch.setattr("components.kube.client.api", connect)


class First(pulumi.ComponentResource):
    """A component with an object in it."""

    def __init__(self) -> None:
        super().__init__("my:own:First", "first-component")
        ConfigMap("first", data={"a": "b"}, opts=ResourceOptions(parent=self))


def children(make: Make, *, as_output: bool = False) -> list[Registration]:
    """The Kubernetes objects of a component that waits for `First`."""

    def program() -> None:
        first = First()
        make(ResourceOptions(depends_on=Output.from_input([first]) if as_output else [first]))

    found = [it for it in record(program).registrations if it.type.startswith("kubernetes:") and it.name != "first"]
    assert found
    return found


@pytest.mark.parametrize("name", COMPONENTS)
def test_every_child_waits_for_what_its_component_waits_for(name: str) -> None:
    last = [it.name for it in children(COMPONENTS[name]) if "first" not in it.depends_on]

    # What waits for a sibling waits for what the sibling waits for.
    assert last == (["a-result"] if name == "job" else [])


def test_what_depends_on_is_given_may_be_an_output() -> None:
    assert all("first" in it.depends_on for it in children(COMPONENTS["cluster"], as_output=True))


def test_an_operator_with_a_namespace_of_its_own_waits_with_its_permissions_alone() -> None:
    """A cluster's first `up` is a second shorter for that."""
    made = children(lambda opts: DaskOperator("a", {"watch": ["lab"]}, opts=opts))

    waiting = {it.name for it in made if "first" in it.depends_on}
    assert {"role-lab", "binding-lab"} <= waiting
    assert "namespace" not in waiting
