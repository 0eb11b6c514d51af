"""The autoscaler of a job: what it may do, when it begins, and when it ends."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import elastic_api
import pulumi
import pytest
from elastic_state import Group

from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.kube.paths import path_of
from components.lifecycle import jobs as jobrun
from components.manifests.declared_job import DeclaredJob
from components.manifests.operated import made_of
from components.manifests.schedule import created_by
from components.vocabulary import RECORD
from tests.support.clock import FakeClock
from tests.support.declared import declared_job
from tests.unit.api import FakeApi, connected
from tests.unit.conftest import Program

BOUNDS: dict[str, Any] = {"minimum": 2, "maximum": 4, "idleTime": "10s", "threads": 2}
CRUNCH: dict[str, Any] = {"runner": {"script": "pass"}, "workers": BOUNDS, "tls": {"enabled": True}}


def target(job: dict[str, Any] | None = None) -> DeclaredJob:
    return declared_job("crunch", CRUNCH | (job or {}))


def elastic(made: DeclaredJob) -> dict[str, Any]:
    [container] = made.autoscaler[-1]["spec"]["template"]["spec"]["containers"]
    return json.loads({item["name"]: item["value"] for item in container["env"]}["ELASTIC"])


def test_it_knows_the_one_group_of_its_job_and_that_it_is_a_jobs() -> None:
    made = target()
    declared = elastic(made)

    assert [body["kind"] for body in made.autoscaler] == ["ServiceAccount", "Role", "RoleBinding", "Job"]
    assert (declared["cluster"], declared["job"]) == (made.physical_name, True)
    assert [Group(**it) for it in declared["groups"]] == [
        Group(f"{made.physical_name}-default", True, 2, 4, 10.0, threads=2)
    ]


def test_the_job_begins_with_the_fewest_workers() -> None:
    assert target().dask_job["spec"]["cluster"]["spec"]["worker"]["replicas"] == 2


def test_a_fixed_number_of_workers_needs_none() -> None:
    assert target({"workers": {"replicas": 3}}).autoscaler == []


def test_other_bounds_are_another_run() -> None:
    assert target({"workers": BOUNDS | {"maximum": 5}}).physical_name != target().physical_name


def test_what_the_scheduler_inherits_of_the_job_holds_for_it() -> None:
    pod = target({"nodeSelector": {"pool": "system"}}).autoscaler[-1]["spec"]["template"]["spec"]

    assert pod["nodeSelector"] == {"pool": "system"}


def test_only_its_pod_has_a_token() -> None:
    made = target()
    cluster = made.dask_job["spec"]["cluster"]["spec"]
    pods = [cluster["scheduler"]["spec"], cluster["worker"]["spec"], made.dask_job["spec"]["job"]["spec"]]

    assert [pod["automountServiceAccountToken"] for pod in pods] == [False, False, False]
    pod = made.autoscaler[-1]["spec"]["template"]["spec"]
    assert (pod["automountServiceAccountToken"], pod["serviceAccountName"]) == (True, f"{made.physical_name}-elastic")


def test_its_permissions_exist_before_the_job_and_the_job_before_it(program: Program) -> None:
    recording = program(jobs={"crunch": CRUNCH})
    job = recording.only("DaskJob")
    [follower] = [it for it in recording.of_kind("Job") if it.name == f"{job.name}-elastic"]
    [result] = [it for it in recording.of_kind("ConfigMap") if it.name == "crunch-result"]

    assert recording.only("RoleBinding").name in job.depends_on
    assert job.name in follower.depends_on
    assert {job.name, follower.name} <= result.depends_on
    # Neither waits for the end of its pod, nor is it created anew by a new version of the program.
    assert follower.inputs["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"
    assert list(follower.request.ignoreChanges) == ["spec"]


@pytest.mark.parametrize("schedule", [{}, {"schedule": "@daily"}], ids=["once", "with a schedule"])
def test_the_api_server_is_asked_about_its_pod_too(schedule: dict[str, Any]) -> None:
    made = target(schedule)
    ours = made.scheduled or [made.dask_job, *made.autoscaler]

    found = [(it.role, it.body) for body in ours for it in made_of(body)]

    [pod] = [body for role, body in found if role == "autoscaler" and body["kind"] == "Pod"]
    assert pod["spec"] == made.autoscaler[-1]["spec"]["template"]["spec"]
    assert {role for role, _ in found} >= {"runner", "scheduler", "worker"}


def test_a_run_creates_them_as_they_are_declared() -> None:
    made = target({"schedule": "@daily"})

    assert created_by(made.scheduled[-1]) == [made.dask_job, *made.autoscaler]


def awaited(monkeypatch: pytest.MonkeyPatch, made: DeclaredJob, autoscaler: Any, event: Any = None) -> None:
    """Awaits a job whose runner succeeds a minute after its autoscaler's pod is seen like this."""
    about = {"metadata": {"name": made.runner_name, "labels": {}}}
    looks = [*[about | {"status": {"phase": "Pending"}}] * 60, about | {"status": {"phase": "Succeeded"}}]
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def pods() -> dict[str, Any]:
        return {"items": [autoscaler, looks.pop(0) if len(looks) > 1 else looks[0]]}

    answers = {
        "api/v1/namespaces/lab/pods": pods,
        "api/v1/namespaces/lab/events": {"items": [event] if event else []},
        path_of(made.dask_job): {"metadata": {"creationTimestamp": created}},
    }
    connected(monkeypatch, FakeApi(answers))
    FakeClock().install(monkeypatch)
    asyncio.run(jobrun.await_end(Connection(), made))


def its_pod(**status: Any) -> dict[str, Any]:
    labels = {"dask.org/component": "autoscaler"}
    return {"metadata": {"name": "crunch-elastic-1", "labels": labels, "ownerReferences": []}, "status": status}


def test_an_evicted_pod_of_it_is_no_failure_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    awaited(monkeypatch, target(), its_pod(phase="Failed", reason="Evicted", message="out of memory"))


def test_a_pod_of_it_that_cannot_run_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = {"name": "autoscaler", "state": {"waiting": {"reason": "InvalidImageName", "message": "no image"}}}

    with pytest.raises(ClusterError, match="crunch-elastic-1: InvalidImageName: no image"):
        awaited(monkeypatch, target(), its_pod(phase="Pending", containerStatuses=[waiting]))


def test_a_refused_pod_of_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    made = target()
    name = f"{made.physical_name}-elastic"
    event = {"involvedObject": {"kind": "Job", "name": name}, "reason": "FailedCreate", "message": "exceeded quota: a"}
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", told.append)

    awaited(monkeypatch, made, its_pod(phase="Pending"), event)

    assert told == [f"crunch: still waiting: job {name}: FailedCreate: exceeded quota: a"]


NEW = {"metadata": {}, "status": {"jobStatus": "JobCreated"}}
BEGUN = {"metadata": {}, "status": {"jobStatus": "Running", "clusterName": "crunch-1"}}
LEAVING = {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}
CLUSTER = {"metadata": {}}


@pytest.mark.parametrize(
    ("job", "cluster", "ended"),
    [
        (NEW, None, False),
        ({"metadata": {}}, None, False),
        (BEGUN, CLUSTER, False),
        (BEGUN, None, True),
        (BEGUN, LEAVING, True),
        (None, None, True),
        (None, CLUSTER, True),
        (BEGUN | LEAVING, CLUSTER, True),
        ({"metadata": {"annotations": {RECORD: "true"}}}, None, True),
    ],
)
def test_it_ends_with_its_job_or_with_the_jobs_cluster(
    monkeypatch: pytest.MonkeyPatch, job: Any, cluster: Any, *, ended: bool
) -> None:
    objects = {"daskjobs": job, "daskclusters": cluster}

    def answer(_self: Any, method: str, url: str) -> Any:
        assert method == "GET"
        resource, name = url.split("/")[-2:]
        assert name == "crunch-1"
        if objects[resource] is None:
            raise elastic_api.Refused(404, "not found")
        return objects[resource]

    monkeypatch.setattr(elastic_api.Api, "_call", answer)
    monkeypatch.setenv("KUBERNETES_API", "http://unused")
    for part in ("HOST", "PORT"):
        monkeypatch.setenv(f"KUBERNETES_SERVICE_{part}", "1")

    assert elastic_api.Api("lab", "crunch-1").job_has_ended() == ended
