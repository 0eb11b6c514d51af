"""What is asked of the API server beforehand is what the operator's own code creates later."""

import copy
from typing import Any

import pytest

from components.manifests.operated import made_of
from tests.contract import operated
from tests.contract.conftest import CONFIGS
from tests.contract.rendering import Body, objects

DASK = ("DaskCluster", "DaskWorkerGroup", "DaskJob")


def without_place(body: Body) -> Body:
    """The operator passes the namespace beside the body."""
    meta = {key: value for key, value in body["metadata"].items() if key != "namespace"}
    return body | {"metadata": meta}


def comparable(bodies: list[Body]) -> list[Body]:
    found = [without_place(copy.deepcopy(body)) for body in bodies]
    for body in found:
        if body["kind"] == "Deployment":
            body["spec"]["template"] = without_place(body["spec"]["template"])
    return sorted(found, key=lambda body: (body["kind"], body["metadata"]["name"]))


def dask_objects() -> list[Any]:
    found = [(name, body) for name, raw in CONFIGS.items() for body in objects(raw) if body["kind"] in DASK]
    return [pytest.param(body, id=f"{name}: {body['kind']} {body['metadata']['name']}") for name, body in found]


@pytest.mark.parametrize("body", dask_objects())
def test_deployments_services_and_runners_are_those_of_the_operators_own_builders(body: Body) -> None:
    theirs = operated.made_of(copy.deepcopy(body))
    ours = [made.body for made in made_of(body) if "generateName" not in made.body["metadata"]]

    assert comparable(ours) == comparable(theirs)


@pytest.mark.parametrize("body", dask_objects())
def test_every_deployment_comes_with_the_pod_of_its_replica_set(body: Body) -> None:
    made = [one.body for one in made_of(body)]
    templates = [it["spec"]["template"] for it in made if it["kind"] == "Deployment"]
    pods = [it for it in made if it["kind"] == "Pod" and "generateName" in it["metadata"]]

    assert [pod["spec"] for pod in pods] == [template["spec"] for template in templates]
    assert [pod["metadata"]["labels"] for pod in pods] == [template["metadata"]["labels"] for template in templates]
    assert all(pod["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet" for pod in pods)
