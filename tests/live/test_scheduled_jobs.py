"""Jobs with a schedule: they run when their time has come, once, and for no other reason."""

from datetime import datetime
from typing import Any

import pytest

from tests.support.followed import FOLLOWED
from tests.support.kubectl import Kubectl, Object
from tests.support.runs import names
from tests.support.stacks import Stack
from tests.support.wait import wait_until

NAMESPACE = "scheduled-jobs"
# The next one is years away, and was more than ten minutes ago on every day but one.
NEVER = "0 0 29 2 *"
EVERY_MINUTE = "* * * * *"
# A run needs some twenty seconds, after a minute at most.
RUN_SECONDS = 600
SUM_OF_SQUARES = """
from distributed import Client
with Client() as client:
    print("computed $$$$", sum(client.gather(client.map(lambda i: i * i, range(10)))))
"""


def job(script: str, **settings: Any) -> dict[str, Any]:
    kept = {"succeeded": 20, "failed": 20}
    small: dict[str, Any] = {"workers": {"replicas": 1, "threads": 1}, "timeout": "5m", "history": kept}
    return {"runner": {"script": script}, "schedule": EVERY_MINUTE} | small | settings


JOBS = {
    "steady": job(SUM_OF_SQUARES),
    "failing": job("raise SystemExit('the input has no rows')", retries=1, workers={"replicas": 0}),
    "followed": job(
        FOLLOWED,
        workers={"minimum": 0, "maximum": 2, "idleTime": "3s", "threads": 1},
        tls={"enabled": True},
    ),
    "asleep": job("print('awake')", suspended=True),
}
STILL = {name: it | {"schedule": NEVER} for name, it in JOBS.items()}


def runs(kube: Kubectl, name: str) -> list[Object]:
    """The Jobs that a CronJob has created."""
    found = kube.get("jobs", "-n", NAMESPACE, "-l", f"app.kubernetes.io/instance={name}")
    found = [it for it in found if it["metadata"]["ownerReferences"][0]["kind"] == "CronJob"]
    return sorted(found, key=lambda it: it["metadata"]["creationTimestamp"])


def daskjobs(kube: Kubectl, run: str = "") -> list[str]:
    found = [it["metadata"]["name"] for it in kube.get("daskjobs.kubernetes.dask.org", "-n", NAMESPACE)]
    return sorted(name for name in found if name.startswith(run))


def ended(run: Object) -> set[str]:
    conditions = run.get("status", {}).get("conditions", [])
    return {it["type"] for it in conditions if it["status"] == "True"} & {"Complete", "Failed"}


def first_ended(kube: Kubectl, name: str) -> Object:
    """The first run that has ended."""

    def found() -> list[Object]:
        return [run for run in runs(kube, name) if ended(run)]

    return wait_until(found, RUN_SECONDS, f"the end of a run of {name}")[0]


def still(kube: Kubectl) -> bool:
    return all(ended(run) for name in JOBS for run in runs(kube, name))


@pytest.fixture(scope="module")
def ended_runs(stack: Stack, kube: Kubectl) -> dict[str, Object]:
    """The first runs of a job that succeeds and of one that fails, after which no job has a time to come."""
    stack.change(jobs=JOBS)
    found = {name: first_ended(kube, name) for name in ("steady", "failing", "followed")}
    retimed = stack.change(jobs=STILL)
    assert set(names(retimed.changes)) == {f"update CronJob {name}" for name in JOBS}
    wait_until(lambda: still(kube), RUN_SECONDS, "the end of the runs that were under way")
    return found


def test_a_run_computes_on_a_cluster_of_its_own_once(ended_runs: dict[str, Object], kube: Kubectl) -> None:
    run = ended_runs["steady"]
    name = run["metadata"]["name"]

    assert ended(run) == {"Complete"}
    assert daskjobs(kube, name) == [f"{name}-0"]
    # Kubernetes takes a `$$` in an argument for a `$`: once, as for a job without a schedule.
    assert "computed $$ 285" in kube("logs", "-n", NAMESPACE, f"{name}-0-runner")
    assert f"{name}-0: succeeded" in kube("logs", "-n", NAMESPACE, f"job/{name}")


def test_the_workers_of_a_run_follow_its_work_under_tls_and_no_task_begins_twice(
    ended_runs: dict[str, Object], kube: Kubectl
) -> None:
    run = ended_runs["followed"]
    name = f"{run['metadata']['name']}-0"

    assert ended(run) == {"Complete"}
    assert "from 0 to 2 to 0 over tls" in kube("logs", "-n", NAMESPACE, f"{name}-runner")
    autoscaler = f"job/{name}-elastic"
    kube("wait", "-n", NAMESPACE, autoscaler, "--for=condition=Complete", "--timeout=120s")
    assert f"{name}-default: from 0 to 2 workers, for 8 tasks" in kube("logs", "-n", NAMESPACE, autoscaler)
    [role] = [it for it in kube.get("roles", "-n", NAMESPACE) if it["metadata"]["name"] == f"{name}-elastic"]
    named = {rule["resources"][0]: rule.get("resourceNames") for rule in role["rules"]}
    assert named["daskworkergroups"] == [f"{name}-default"]


def test_a_failing_run_is_tried_as_often_as_is_said(ended_runs: dict[str, Object], kube: Kubectl) -> None:
    run = ended_runs["failing"]
    name = run["metadata"]["name"]

    assert ended(run) == {"Failed"}
    assert daskjobs(kube, name) == [f"{name}-0", f"{name}-1"]
    assert run["status"]["failed"] == 1  # the pod that awaits the attempts
    words = kube("logs", "-n", NAMESPACE, f"job/{name}")
    assert words.count("the input has no rows") == 2
    assert f"{name}: failed 2 times" in words


def test_two_runs_of_a_job_never_overlap(ended_runs: dict[str, Object], kube: Kubectl) -> None:
    done = runs(kube, "steady")

    def end(run: Object) -> datetime:
        [when] = [it["lastTransitionTime"] for it in run["status"]["conditions"] if it["type"] == "Complete"]
        return datetime.fromisoformat(when)

    begins = [datetime.fromisoformat(run["metadata"]["creationTimestamp"]) for run in done]
    assert all(end(before) <= begin for before, begin in zip(done, begins[1:], strict=False))


def test_a_suspended_job_and_an_unrelated_change_start_nothing(
    stack: Stack, ended_runs: dict[str, Object], kube: Kubectl
) -> None:
    before = {run["metadata"]["uid"] for name in JOBS for run in runs(kube, name)}, daskjobs(kube)

    changed = stack.change(jobs=STILL | {"witness": job("print('here')", workers={"replicas": 0})})

    assert "CronJob witness" in " ".join(names(changed.changes))
    assert not [name for name in names(changed.changes) if any(it in name for it in JOBS)]
    first_ended(kube, "witness")  # the controller has looked at all of them since
    now = [it for it in daskjobs(kube) if not it.startswith("witness")]
    assert ({run["metadata"]["uid"] for name in JOBS for run in runs(kube, name)}, now) == before
    assert runs(kube, "asleep") == []


def test_a_job_that_is_removed_takes_its_runs_with_it(
    stack: Stack, ended_runs: dict[str, Object], kube: Kubectl
) -> None:
    stack.change(jobs={})

    for kind in (
        "cronjobs",
        "jobs",
        "roles",
        "daskjobs.kubernetes.dask.org",
        "daskclusters.kubernetes.dask.org",
        "pods",
    ):
        wait_until(lambda kind=kind: not kube.get(kind, "-n", NAMESPACE), what=f"no {kind}")  # type: ignore[misc]
