"""Several stacks on one Kubernetes cluster."""

from pathlib import Path
from typing import Any

from tests.live.conftest import Connect
from tests.stacks import Stack

CLUSTER: dict[str, Any] = {"main": {"endpoint": {"type": "NodePort", "insecure": True}, "workers": {"replicas": 1}}}


def test_destroying_one_stack_leaves_the_others_computing(stack: Stack, connect: Connect, tmp_path: Path) -> None:
    other = Stack(tmp_path / "other", "other", stack.kubeconfig)
    stack.up(clusters=CLUSTER)
    other.up(clusters=CLUSTER, namespace={"name": "other"}, operator={"install": False})
    client = connect(stack.address("main"))

    result = other.down()

    assert result.code == 0, result.text
    assert client.submit(sum, [1, 2]).result(timeout=30) == 3
    assert connect(stack.address("main")).submit(sum, [3, 4]).result(timeout=30) == 7


def test_a_second_operator_for_all_namespaces_is_refused_before_anything_is_made(stack: Stack, tmp_path: Path) -> None:
    second = Stack(tmp_path / "second", "second", stack.kubeconfig)
    second.configure(namespace={"name": "second"}, operator={"install": True, "namespace": "second-operator"})

    preview = second.run("preview")

    assert preview.code != 0
    assert "already looks after all namespaces" in preview.text
    assert "second" not in stack.kubectl("get", "namespaces", "-o", "name")


def test_a_namespace_of_another_stack_is_left_alone(stack: Stack, tmp_path: Path) -> None:
    intruder = Stack(tmp_path / "intruder", "intruder", stack.kubeconfig)
    intruder.configure(namespace={"name": stack.config["namespace"]["name"]}, operator={"install": False})

    preview, up, down = intruder.run("preview"), intruder.run("up"), intruder.down()

    for run in (preview, up):
        assert run.code != 0
        assert "exists already and belongs to 'dask-shared', so it is left alone" in run.text
    assert down.code == 0
    assert "shared" in stack.kubectl("get", "namespaces", "-o", "name")


def test_adding_a_cluster_touches_only_the_new_one(stack: Stack) -> None:
    stack.configure(clusters=CLUSTER | {"more": {"workers": {"replicas": 1}}})

    preview = stack.run("preview")

    changed = [
        line for line in preview.text.splitlines() if line.lstrip().startswith(("+", "~", "-")) and "Dask" in line
    ]
    assert changed
    assert all("more" in line for line in changed), preview.text
    stack.configure(clusters=CLUSTER)
