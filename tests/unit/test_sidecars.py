"""What a webhook adds to a pod decides nothing: a program has ended when its own containers have, and as they have.

Three read such pods: the hook of a job that runs once, the pod of a scheduled run, and the hook of a verification.
"""

import asyncio
from typing import Any

import pytest
import run_job

from components.kube.errors import ClusterError
from components.lifecycle import runner, verification
from tests.support.declared import declared, declared_job
from tests.unit.api import FakeApi

RUNNING: dict[str, Any] = {"running": {}}
WAITING: dict[str, Any] = {"waiting": {"reason": "PodInitializing"}}


def ended(code: int) -> dict[str, Any]:
    return {"terminated": {"exitCode": code}}


CASES = {
    "both run": ("Running", RUNNING, RUNNING, "Running"),
    "it has not begun": ("Pending", WAITING, RUNNING, "Pending"),
    "it has succeeded, and the sidecar runs on": ("Running", ended(0), RUNNING, "Succeeded"),
    "it has failed, and the sidecar runs on": ("Running", ended(1), RUNNING, "Failed"),
    "it has succeeded, and the sidecar has failed": ("Failed", ended(0), ended(1), "Succeeded"),
    "it has failed, and the sidecar has succeeded": ("Failed", ended(1), ended(0), "Failed"),
    "it runs on, and the sidecar has failed": ("Running", RUNNING, ended(1), "Running"),
    "both have succeeded": ("Succeeded", ended(0), ended(0), "Succeeded"),
    "the node is lost while it runs": ("Failed", RUNNING, RUNNING, "Failed"),
}


def pod(name: str, phase: str, own: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    states = [{"name": name, "state": own}, {"name": "mesh", "state": other}]
    spec = {"containers": [{"name": name}, {"name": "mesh"}]}
    return {"metadata": {"name": "p"}, "spec": spec, "status": {"phase": phase, "containerStatuses": states}}


@pytest.mark.parametrize("case", CASES)
def test_whoever_reads_a_pod_reads_the_same(case: str) -> None:
    phase, own, other, expected = CASES[case]
    job = declared_job("once", {"runner": {"script": "pass"}})

    assert runner.phase(job, pod("job", phase, own, other)) == expected
    assert run_job.phase_of(pod("job", phase, own, other), ["job"]) == expected


@pytest.mark.parametrize("case", CASES)
def test_a_verification_reads_the_end_of_its_own_container(case: str) -> None:
    phase, own, other, expected = CASES[case]
    found, made = pod("verify", phase, own, other), declared("a")
    api = FakeApi({made.path("Pod", "p/log"): {}})

    look = verification._has_computed(api, made, found)  # type: ignore[arg-type]

    if expected == "Failed" and "terminated" in own:
        with pytest.raises(ClusterError, match="exit code 1"):
            asyncio.run(look)
    else:
        assert asyncio.run(look) == (expected == "Succeeded")


def test_a_job_of_several_containers_ends_with_the_last_of_them() -> None:
    states = [{"name": "job", "state": ended(0)}, {"name": "second", "state": RUNNING}]
    found: dict[str, Any] = {"status": {"phase": "Running", "containerStatuses": states}}

    assert run_job.phase_of(found, ["job", "second"]) == "Running"
    states[1]["state"] = ended(2)
    assert run_job.phase_of(found, ["job", "second"]) == "Failed"
