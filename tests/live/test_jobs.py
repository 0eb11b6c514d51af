"""DaskJobs: `up` runs them to their end, shows their words, and runs them again when they change."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.followed import FOLLOWED
from tests.support.kubectl import Kubectl, Object
from tests.support.runs import Run, names
from tests.support.stacks import Stack
from tests.support.wait import wait_until

SUM_OF_SQUARES = """
import time
from distributed import Client
with Client() as client:
    squares = client.gather(client.map(lambda i: i * i, range(10)))
print("computed", sum(squares), "{flavour}")
"""

SECURED = """
from distributed import Client
with Client() as client:
    print("computed", client.submit(sum, [1, 2]).result(), "over", client.scheduler.address.partition(":")[0])
"""


def job(script: str) -> dict[str, Any]:
    return {"once": {"runner": {"script": script}, "workers": {"replicas": 1, "threads": 1}, "timeout": "3m"}}


def daskjobs(kube: Kubectl) -> list[str]:
    return [item["metadata"]["name"] for item in kube.get("daskjobs.kubernetes.dask.org", "-n", "jobs")]


@pytest.fixture(scope="module")
def succeeded(stack: Stack) -> Run:
    return stack.change(jobs=job(SUM_OF_SQUARES.format(flavour="sweet")))


def test_up_waits_for_the_jobs_end_and_shows_its_last_lines(stack: Stack, succeeded: Run, kube: Kubectl) -> None:
    assert "computed 285 sweet" in succeeded.text
    [ran] = daskjobs(kube)
    assert ran == stack.outputs()["jobs"]["once"]["name"]
    [record] = [item for item in kube.get("configmaps", "-n", "jobs") if item["metadata"]["name"] == "once-result"]
    assert record["data"]["job"] == ran


def test_the_same_job_is_not_run_again(stack: Stack, succeeded: Run) -> None:
    run = stack.up("--expect-no-changes")

    assert set(run.counts) == {"same"}
    assert "computed" not in run.text


def test_a_changed_job_is_run_again(stack: Stack, succeeded: Run, kube: Kubectl) -> None:
    old = stack.outputs()["jobs"]["once"]["name"]

    run = stack.change(jobs=job(SUM_OF_SQUARES.format(flavour="sour")))

    new = stack.outputs()["jobs"]["once"]["name"]
    assert "computed 285 sour" in run.text
    assert names(run.of("DaskJob")) == [f"create DaskJob {new}", f"delete DaskJob {old}"]
    assert names(run.of("ConfigMap")) == ["update ConfigMap once-result"]
    assert daskjobs(kube) == [new]


def test_a_job_with_tls_computes_over_encrypted_connections_only(stack: Stack, succeeded: Run, kube: Kubectl) -> None:
    secured = {"once": job(SECURED)["once"] | {"tls": {"enabled": True}}}

    run = stack.change(jobs=secured)

    assert "computed 3 over tls" in run.text
    assert names(run.of("Secret")) == ["create Secret once-tls-1"]
    stack.unchanged()


def autoscalers(kube: Kubectl) -> list[Object]:
    return kube.get("pods", "-n", "jobs", "-l", "dask.org/component=autoscaler")


def has_grown(kube: Kubectl) -> bool:
    """Whether the cluster of the autoscaler has workers."""
    clusters = [it["metadata"]["labels"]["dask.org/cluster-name"] for it in autoscalers(kube)]
    label = "dask.org/component=worker,dask.org/cluster-name="
    return any(kube.get("deployments", "-n", "jobs", "-l", label + name) for name in clusters)


def test_the_workers_of_a_job_follow_its_work_under_tls_and_no_task_begins_twice(
    stack: Stack, succeeded: Run, kube: Kubectl
) -> None:
    bounds = {"minimum": 0, "maximum": 2, "idleTime": "3s", "threads": 1}
    followed = job(FOLLOWED)["once"] | {"tls": {"enabled": True}, "workers": bounds}

    with ThreadPoolExecutor(1) as pool:
        up = pool.submit(stack.change, jobs={"once": followed})
        wait_until(lambda: up.done() or has_grown(kube), 120, "workers for the first load")
        [evicted] = autoscalers(kube)
        kube("delete", "pod", "-n", "jobs", evicted["metadata"]["name"], "--wait=false")
        run = up.result()

    assert "from 0 to 2 to 0 over tls" in run.text
    name = stack.outputs()["jobs"]["once"]["name"]
    about = ("-n", "jobs", f"job/{name}-elastic")
    kube("wait", *about, "--for=condition=Complete", "--timeout=120s")
    [another] = autoscalers(kube)
    assert another["metadata"]["uid"] != evicted["metadata"]["uid"]
    log = kube("logs", *about)
    assert f"{name}-default: from 0 to 2 workers, for 8 tasks" in log
    assert "the job has ended" in log
    wait_until(lambda: not kube.get("deployments", "-n", "jobs"), what="no Deployment")
    stack.unchanged()


def test_a_failing_job_fails_up_with_its_words(stack: Stack, succeeded: Run) -> None:
    run = stack.failing_up(jobs=job("raise SystemExit('the input has no rows')"))

    assert "the job 'once' failed" in run.text
    assert "the input has no rows" in run.text
    stack.change(jobs={})
