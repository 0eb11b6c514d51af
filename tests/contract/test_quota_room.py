"""A quota that can never hold the stack is refused, and one that holds it at times only is a warning with a fix."""

import copy
import re
from decimal import Decimal
from typing import Any

import pytest

from components.configuration import parse, warnings
from components.settings.formats.quantities import amount
from components.settings.mistakes import ConfigError
from tests.contract.rendering import kubernetes
from tests.contract.test_quota import limit
from tests.unit.registrations import Body, registered

SIZE = {"resources": {"cpu": "1", "memory": "1Gi"}}
CLUSTER = {
    "image": "ghcr.io/dask/dask:2026.8.0-py3.11",
    "scheduler": SIZE,
    "workers": SIZE | {"minimum": 1, "maximum": 5},
    "workerGroups": {"big": SIZE | {"replicas": 2}},
    "notebook": SIZE,
    "verifyResources": {"cpu": "1", "memory": "1Gi"},
}
JOB = {"runner": {"script": "pass"} | SIZE, "scheduler": SIZE, "workers": SIZE | {"replicas": 2}}
# Scheduler, worker, two of the group, notebook, autoscaler (1 core, 512Mi).
ALWAYS = {"cpu": 6, "memory": 5.5, "pods": 6}
VERIFICATION = {"cpu": 1, "memory": 1, "pods": 1}
JOBS = {"cpu": 4, "memory": 4, "pods": 4}
MOST = {"cpu": 10, "memory": 9.5, "pods": 10}


def written(key: str, number: float) -> str | int:
    if key == "pods":
        return int(number)
    return str(int(number)) if key == "cpu" else f"{int(number * 1024)}Mi"


def stack(key: str, number: float, **over: Any) -> dict[str, Any]:
    # The limits are for containers that a quota alone would let through.
    limits = {"cpu": "1", "memory": "1Gi"}
    namespace = {"podSecurity": "privileged", "quota": {key: written(key, number)}, "limits": limits}
    return copy.deepcopy({"namespace": namespace, "clusters": {"a": CLUSTER}} | over)


def told(raw: dict[str, Any]) -> list[str]:
    """The warnings about a quota, or the mistakes."""
    try:
        return [line for line in warnings(parse(raw)) if "quota" in line]
    except ConfigError as error:
        return error.mistakes


def followed(raw: dict[str, Any], line: str) -> dict[str, Any]:
    """The stack after the advice."""
    found = re.search(r"try '?([^',]+)'?", line)
    assert found
    [key] = raw["namespace"]["quota"]
    value = int(found[1]) if key == "pods" else found[1]
    return raw | {"namespace": raw["namespace"] | {"quota": {key: value}}}


@pytest.mark.parametrize("key", ["cpu", "memory", "pods"])
class TestQuota:
    """Each key of a quota is compared with what all pods together need of it."""

    def test_what_always_runs_and_its_verification_have_to_fit(self, key: str) -> None:
        needed, less = ALWAYS[key] + VERIFICATION[key], 0.5 if key == "memory" else 1
        raw = stack(key, needed - less)

        [line] = told(raw)

        assert line.startswith(f"dask:namespace.quota.{key}: ")
        assert "is less than the declared pods need at least" in line
        assert not any("at least" in it for it in told(followed(raw, line)))

    def test_without_a_verification_what_always_runs_is_enough(self, key: str) -> None:
        raw = stack(key, ALWAYS[key], clusters={"a": CLUSTER | {"verify": False, "update": "recreate"}})

        assert [line for line in told(raw) if "maximum" not in line] == []

    def test_a_second_version_that_does_not_fit_is_a_warning(self, key: str) -> None:
        twice = 2 * ALWAYS[key] + VERIFICATION[key] - 1  # there is one notebook for both
        raw = stack(key, twice - 1)

        [line] = [it for it in told(raw) if "second version" in it]

        assert "of the cluster 'a' next to the first" in line
        assert not any("second version" in it for it in told(followed(raw, line)))
        assert told(stack(key, twice)) == []
        recreated = stack(key, twice - 1, clusters={"a": CLUSTER | {"update": "recreate"}})
        assert not any("second version" in it for it in told(recreated))

    def test_the_most_workers_that_do_not_fit_are_a_warning(self, key: str) -> None:
        clusters = {"a": CLUSTER | {"update": "recreate"}}
        raw = stack(key, MOST[key] - 1, clusters=clusters)

        [line] = told(raw)

        assert "up to `maximum`" in line
        assert told(followed(raw, line)) == []

    def test_a_job_has_to_fit_alone_and_next_to_the_clusters_it_may_wait(self, key: str) -> None:
        jobs = {"once": JOB, "later": JOB | {"schedule": "@daily", "suspended": True, "timeout": "1h"}}
        alone = stack(key, JOBS[key] - 1, clusters={}, jobs=jobs)
        both = stack(key, ALWAYS[key] + JOBS[key] - 1, jobs=jobs)

        [refused] = told(alone)
        [waits] = [it for it in told(both) if "job" in it]

        assert "is less than the pods of the job 'once' need" in refused
        assert told(followed(alone, refused)) == []
        assert "does not hold the job 'once' next to the clusters" in waits
        assert not any("job" in it for it in told(followed(both, waits)))

    def test_a_suspended_cluster_needs_its_notebook_only(self, key: str) -> None:
        assert told(stack(key, 1, clusters={"a": CLUSTER | {"suspended": True}})) == []


def test_containers_of_templates_and_the_namespaces_limits_are_counted() -> None:
    sidecars = {
        "containers": [{"name": "log", "image": "log:1"}],
        "initContainers": [{"name": "one", "image": "one:1"}],
    }
    cluster = {"verify": False, "update": "recreate", "workers": {"replicas": 3, "podTemplate": sidecars}}

    # A scheduler of one container, and three workers of two.
    plain = {"image": CLUSTER["image"]} | cluster
    assert told(stack("cpu", 7, clusters={"a": plain})) == []
    assert len(told(stack("cpu", 6, clusters={"a": plain}))) == 1


def total(bodies: list[Body], key: str) -> Decimal:
    """What a quota would count for everything that the program registers, with each cluster at its fewest."""
    found = Decimal(0)
    for body in bodies:
        spec = body.get("spec", {})
        pods: list[tuple[dict[str, Any], int]] = []
        if body["kind"] == "DaskCluster":
            pods = [(spec["scheduler"]["spec"], 1), (spec["worker"]["spec"], spec["worker"]["replicas"])]
        elif body["kind"] == "DaskWorkerGroup":
            pods = [(spec["worker"]["spec"], spec["worker"]["replicas"])]
        elif body["kind"] in ("Deployment", "Job"):
            pods = [(spec["template"]["spec"], 1)]
        found += sum((int(count) * (1 if key == "pods" else limit(pod, key)) for pod, count in pods), Decimal(0))
    return found


@pytest.mark.parametrize("key", ["cpu", "memory", "pods"])
def test_what_is_counted_is_what_the_program_registers(key: str) -> None:
    raw = stack("pods", 1000)
    with kubernetes():
        registered_pods = total(registered(raw).objects, key)

    [line] = told(stack(key, 1))

    found = re.search(r"try '?([^',]+)'?", line)
    assert found
    assert amount(found[1]) == registered_pods
