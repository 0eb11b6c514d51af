"""Under a quota, every pod has to say how much it may take: those of the settings, and the program's own."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from components.configuration import parse
from components.manifests.declared import DeclaredCluster
from components.settings.formats.quantities import amount
from components.settings.mistakes import ConfigError
from tests.contract.rendering import objects, pods, settings_of, targets

SIZE = {"resources": {"cpu": "1", "memory": "1Gi"}}
SIDECAR: dict[str, Any] = {
    "containers": [{"name": "log", "image": "log:1"}],
    "initContainers": [{"name": "copy", "image": "copy:1"}],
}
ELASTIC = SIZE | {"minimum": 1, "maximum": 3}
CLUSTER = {"scheduler": SIZE, "workers": ELASTIC, "workerGroups": {"big": ELASTIC}, "notebook": SIZE}
JOB = {"runner": {"script": "print(1)", **SIZE}, "scheduler": SIZE, "workers": ELASTIC}
STACK: dict[str, Any] = {
    "namespace": {"name": "lab", "podSecurity": "privileged", "quota": {"cpu": "64", "memory": "256Gi", "pods": 100}},
    "clusters": {"a": CLUSTER},
    "jobs": {"once": JOB, "daily": JOB | {"schedule": "@daily"}},
}
# The first container of each kind of pod. What is created by another one needs a line here, and limits.
KINDS = {"scheduler", "worker", "notebook", "job", "verify", "autoscaler", "schedule"}
ROLES = [
    *(f"clusters.a.{role}" for role in ("scheduler", "workers", "workerGroups.big", "notebook")),
    *(f"jobs.{job}.{role}" for job in ("once", "daily") for role in ("runner", "scheduler", "workers")),
]


def every_pod() -> Iterator[dict[str, Any]]:
    for body in objects(STACK):
        yield from (pod for _, pod in pods(body))


def role(stack: dict[str, Any], path: str) -> dict[str, Any]:
    node = stack
    for key in path.split("."):
        node = node[key]
    return node


def mistakes(stack: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as error:
        parse(stack)
    return error.value.mistakes


def test_every_kind_of_pod_is_looked_at() -> None:
    assert {pod["containers"][0]["name"] for pod in every_pod()} == KINDS


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_container_has_limits(kind: str) -> None:
    found = [pod for pod in every_pod() if pod["containers"][0]["name"] == kind]
    boxes = [box for pod in found for box in (*pod["containers"], *pod.get("initContainers", ()))]

    assert [box["name"] for box in boxes if not {"cpu", "memory"} <= box["resources"]["limits"].keys()] == []
    assert boxes


@pytest.mark.parametrize("path", ROLES)
@pytest.mark.parametrize("name", ["cpu", "memory"])
def test_a_role_without_one_is_refused(path: str, name: str) -> None:
    stack = json.loads(json.dumps(STACK))
    left = {key: size for key, size in SIZE["resources"].items() if key != name}
    role(stack, path)["resources"] = left

    assert mistakes(stack) == [
        f"dask:{path}.resources.{name}: is missing, and the namespace has a quota on {name}; set it, or "
        "`dask:namespace.limits`"
    ]


@pytest.mark.parametrize("path", ROLES)
def test_a_container_of_a_template_without_one_is_refused(path: str) -> None:
    stack = json.loads(json.dumps(STACK))
    role(stack, path)["podTemplate"] = json.loads(json.dumps(SIDECAR))

    assert sorted(mistakes(stack)) == [
        f"dask:{path}.podTemplate.{field}[0].resources: is missing, and the namespace has a quota on {name}; "
        "set it, or `dask:namespace.limits`"
        for field in ("containers", "initContainers")
        for name in ("cpu", "memory")
    ]


@pytest.mark.parametrize("path", ROLES)
@pytest.mark.parametrize("by", ["its own limits", "the namespace's limits", "no quota on it"])
def test_a_container_that_says_it_is_accepted(path: str, by: str) -> None:
    stack = json.loads(json.dumps(STACK))
    role(stack, path)["podTemplate"] = template = json.loads(json.dumps(SIDECAR))
    if by == "its own limits":
        for box in (*template["containers"], *template["initContainers"]):
            box["resources"] = {"limits": {"cpu": "1", "memory": "1Gi"}}
    elif by == "the namespace's limits":
        stack["namespace"]["limits"] = {"cpu": "1", "memory": "1Gi"}
    else:
        stack["namespace"]["quota"] = {"pods": 100}

    assert parse(stack)


def own_pods(cluster: DeclaredCluster) -> list[dict[str, Any]]:
    """Every kind of pod of a cluster."""
    return [pod for body in cluster.bodies for _, pod in pods(body)]


def kind_of(pod: dict[str, Any]) -> str:
    """The name of its first container."""
    return pod["containers"][0]["name"]


def limit(pod: dict[str, Any], name: str) -> Decimal:
    """How much a quota counts for a pod: all containers together."""
    return sum((amount(box["resources"]["limits"][name]) for box in pod["containers"]), Decimal(0))


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_the_quota_holds_the_old_and_the_new_cluster_of_an_update(stack: str) -> None:
    config = settings_of(stack)
    quota = config.namespace.quota
    assert quota
    assert quota.cpu
    assert quota.memory
    assert quota.pods

    [target] = targets(config)
    counts = {id(kind.spec): kind.maximum * (1 if kind.name == "the notebook" else 2) for kind in target.kinds_of_pods}
    # Of the others, the new cluster alone is verified, and each has an autoscaler.
    others = {"verify": 1, "autoscaler": 2}
    found = own_pods(target)
    sizes = [(pod, counts[id(pod)] if id(pod) in counts else others[kind_of(pod)]) for pod in found]

    assert counts.keys() <= set(map(id, found))
    for name, most in (("cpu", quota.cpu), ("memory", quota.memory)):
        assert sum(limit(pod, name) * count for pod, count in sizes) <= amount(most)
    assert sum(count for _, count in sizes) <= quota.pods
