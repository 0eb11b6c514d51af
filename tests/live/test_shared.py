"""Several stacks on one Kubernetes cluster: one owns the operator, the others use it, and none touches another."""

from typing import Any

import pytest

from tests.live.conftest import NewStack
from tests.support.kubectl import Kubectl
from tests.support.runs import names
from tests.support.stacks import Stack
from tests.support.work import Work, client, computes

NAMESPACE = "shared"


def cluster(name: str = "main", **over: Any) -> dict[str, Any]:
    endpoint = {"type": "NodePort", "insecure": True}
    return {name: {"endpoint": endpoint, "workers": {"replicas": 1, "threads": 1}} | over}


@pytest.fixture
def running(stack: Stack) -> Stack:
    stack.settle(clusters=cluster())
    return stack


def test_a_second_stack_comes_and_goes_beside_the_first(running: Stack, new_stack: NewStack, kube: Kubectl) -> None:
    before = running.scheduler()
    other = new_stack("other").configure(
        namespace={"name": "other"}, operator={"install": False}, clusters=cluster("analytics")
    )
    with client(running.address()) as connected:
        work = Work(connected, held=20, running=30)

        run = other.change()

        assert not run.of("Release")
        assert computes(other.address("analytics"))

        gone = other.destroy()

        assert {op for op, _, _ in gone.changes} == {"delete"}
        assert "other" not in kube.namespaces()
        assert work.intact()
    assert running.scheduler() == before
    assert computes(running.address())


def test_a_second_operator_for_all_namespaces_is_refused_before_anything_is_made(
    running: Stack, new_stack: NewStack, kube: Kubectl
) -> None:
    second = new_stack("second").configure(namespace={"name": "second"}, operator={"namespace": "second-operator"})

    run = second.run("preview")

    assert run.code != 0
    assert "already watches all namespaces" in run.text, run.text
    assert "dask:operator.install: false" in run.text
    assert "Traceback" not in run.text
    assert not {"second", "second-operator"} & set(kube.namespaces())


def test_a_namespace_of_another_stack_is_left_alone(running: Stack, new_stack: NewStack, kube: Kubectl) -> None:
    intruder = new_stack("intruder").configure(namespace={"name": NAMESPACE}, operator={"install": False})

    preview, up = intruder.run("preview"), intruder.failing_up()
    intruder.destroy()

    assert preview.code != 0
    for run in (preview, up):
        assert "already exists and belongs to 'dask-shared', so it is left alone" in run.text
    assert NAMESPACE in kube.namespaces()
    assert computes(running.address())


def test_adding_a_cluster_touches_only_the_new_one(running: Stack) -> None:
    said = running.configure(clusters=cluster() | cluster("more")).preview()

    assert {op for op, _, _ in said.changes} == {"create"}
    assert all(name.startswith("more") for _, _, name in said.changes), names(said.changes)
    running.configure(clusters=cluster())
