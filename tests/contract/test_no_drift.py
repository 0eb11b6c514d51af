"""What the operator's own code makes of our objects is never taken for drift, whatever a configuration says."""

import copy
from typing import Any

import pytest

from components.configuration import parse
from components.lifecycle import drift
from components.lifecycle.drift import Live
from components.manifests.declared import DeclaredCluster
from tests.contract.conftest import CONFIGS
from tests.contract.operated import made_of
from tests.contract.rendering import Body, targets

HANDLED = "kopf.zalando.org/last-handled-configuration"


def cluster_with_one_worker_each(target: DeclaredCluster) -> Live:
    """The live objects that the operator's builders make, as far as drift is looked for."""
    cluster = copy.deepcopy(target.dask_cluster) | {"status": {"phase": "Running"}}
    default = {"cluster": target.physical_name, "worker": copy.deepcopy(cluster["spec"]["worker"])}
    groups = [{"metadata": {"name": target.default_group}, "spec": default}]
    groups += copy.deepcopy(list(target.worker_groups.values()))
    made = [body for it in [cluster, *groups[1:]] for body in made_of(copy.deepcopy(it))]
    deployments = {body["metadata"]["name"]: body for body in made if body["kind"] == "Deployment"}
    for group in groups:
        # Nothing is said of the number of workers while the operator is at work on it.
        group["metadata"]["annotations"] = {HANDLED: "{}"}
    [service] = [body for body in made if body["kind"] == "Service"]
    return Live(cluster, {group["metadata"]["name"]: group for group in groups}, deployments, service)


def clusters() -> list[Any]:
    found = [(name, target) for name, raw in CONFIGS.items() for target in targets(parse(raw))]
    return [pytest.param(target, id=f"{name}: {target.name}") for name, target in found if not target.settings.adopt]


@pytest.mark.parametrize("target", clusters())
def test_a_cluster_as_the_operator_makes_it_has_no_drift(target: DeclaredCluster) -> None:
    live = cluster_with_one_worker_each(target)

    found = drift.find(target, live)

    assert [str(one) for one in found] == []
    assert len(drift.declared_pods(target, live)) == 1 + len(live.groups)


@pytest.mark.parametrize("target", clusters())
def test_another_image_in_any_deployment_is_found(target: DeclaredCluster) -> None:
    live = cluster_with_one_worker_each(target)
    for deployment in live.deployments.values():
        box(deployment)["image"] = "somebody/elses:1"

    found = {one.name: str(one) for one in drift.find(target, live)}

    assert found.keys() == live.deployments.keys()
    assert all("image: live 'somebody/elses:1'" in text for text in found.values())


def box(deployment: Body) -> Body:
    return deployment["spec"]["template"]["spec"]["containers"][0]
