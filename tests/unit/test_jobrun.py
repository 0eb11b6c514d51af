"""How the end of a DaskJob is told."""

import asyncio
from typing import Any

import pytest

from components import jobrun, kube
from components.errors import ClusterError
from components.jobmanifest import JobTarget
from components.kube import Connection
from components.settings import parse
from tests.unit.api import FakeApi

PODS = "api/v1/namespaces/lab/pods"


def target() -> JobTarget:
    settings = parse({"jobs": {"once": {"runner": {"script": "pass"}}}})
    return JobTarget("once", settings.jobs["once"], "lab", "dask-dev")


def runner(phase: str) -> dict[str, Any]:
    return {"metadata": {"name": f"{target().physical_name}-runner"}, "status": {"phase": phase}}


def run(monkeypatch: pytest.MonkeyPatch, *looks: list[dict[str, Any]], status: str = "JobCreated") -> None:
    """Awaits a job whose pods are these, look by look, and the last ones for ever."""
    left = list(looks)

    def pods() -> dict[str, Any]:
        return {"items": left.pop(0) if len(left) > 1 else left[0]}

    job = f"apis/kubernetes.dask.org/v1/namespaces/lab/daskjobs/{target().physical_name}"
    api = FakeApi({PODS: pods, job: {"status": {"jobStatus": status}}})

    async def connect(_: Connection) -> FakeApi:
        return api

    monkeypatch.setattr(kube, "api", connect)
    monkeypatch.setattr(jobrun, "POLL_SECONDS", 0)
    asyncio.run(jobrun.await_end(Connection(), target()))


def test_a_runner_that_comes_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, [], [runner("Pending")], [runner("Running")], [runner("Succeeded")])


def test_a_failed_job_says_how_to_run_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    words = rf"failed \(`kubectl delete daskjob -n lab {target().physical_name}` and `up` run it again\)"

    with pytest.raises(ClusterError, match=words):
        run(monkeypatch, [runner("Running")], [runner("Failed")])


def test_a_runner_that_a_node_drain_took_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClusterError, match="has lost its runner's pod"):
        run(monkeypatch, [runner("Running")], [])


def test_a_runner_that_was_lost_before_is_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClusterError, match="has lost its runner's pod"):
        run(monkeypatch, [], status="Running")
