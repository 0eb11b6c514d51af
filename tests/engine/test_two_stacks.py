"""Two stacks on one Kubernetes cluster: one owns the operator, the other uses it. Their ends, in both orders."""

import pytest

from tests.engine.conftest import NewStack
from tests.engine.owner import Owner
from tests.engine.stacks import Stack
from tests.engine.work import computes
from tests.kubectl import Kubectl

DESTROYED_WITHIN = 60


@pytest.fixture(scope="module")
def second(owner: Owner, new_stack: NewStack) -> Stack:
    owner.up()
    made = new_stack("second")
    made.configure(
        namespace={"name": "second"},
        operator={"install": False},
        clusters={
            "analytics": {
                "workers": {"replicas": 1, "threads": 1},
                "endpoint": {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30891}},
            }
        },
    )
    return made


def test_a_second_stack_computes_beside_the_first(owner: Owner, second: Stack, kube: Kubectl) -> None:
    before = kube.scheduler("analytics", owner.stack.cluster("analytics")["name"])

    run = second.change()

    assert not run.of("Release")
    assert computes(second.outputs()["schedulerAddress"])
    assert computes(owner.stack.outputs()["schedulerAddress"])
    assert kube.scheduler("analytics", owner.stack.cluster("analytics")["name"]) == before


def test_destroying_the_second_leaves_the_first_computing(owner: Owner, second: Stack, kube: Kubectl) -> None:
    second.settle()
    before = kube.scheduler("analytics", owner.stack.cluster("analytics")["name"])

    run = second.destroy()

    assert {op for op, _, _ in run.changes} == {"delete"}
    assert "second" not in kube.namespaces()
    assert computes(owner.stack.outputs()["schedulerAddress"])
    assert kube.scheduler("analytics", owner.stack.cluster("analytics")["name"]) == before


def test_destroying_the_first_leaves_nothing_but_the_crds(owner: Owner, kube: Kubectl) -> None:
    birth = owner.up()

    run = owner.down()

    assert run.seconds < DESTROYED_WITHIN
    assert len(run.changes) == len(birth.up.changes)
    assert {op for op, _, _ in run.changes} == {"delete"}
    assert not {"analytics", "dask-operator"} & set(kube.namespaces())
    assert kube.get("daskclusters.kubernetes.dask.org", "--all-namespaces") == []
    roles = [item["metadata"]["name"] for item in kube.get("clusterroles")]
    assert not [name for name in roles if "dask" in name]
    crds = [item["metadata"]["name"] for item in kube.get("customresourcedefinitions.apiextensions.k8s.io")]
    assert len([name for name in crds if name.endswith("kubernetes.dask.org")]) == 4
