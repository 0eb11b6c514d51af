"""How the end of a DaskJob is told."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pulumi
import pytest

from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.lifecycle import jobs as jobrun
from components.manifests.declared import DeclaredJob
from tests.support.clock import FakeClock
from tests.support.declared import declared_job
from tests.unit.api import FakeApi, connected

PODS = "api/v1/namespaces/lab/pods"


def target() -> DeclaredJob:
    return declared_job("once", {"runner": {"script": "pass"}})


def runner(phase: str) -> dict[str, Any]:
    return {"metadata": {"name": f"{target().physical_name}-runner"}, "status": {"phase": phase}}


JOB = f"apis/kubernetes.dask.org/v1/namespaces/lab/daskjobs/{target().physical_name}"
RECORD = "api/v1/namespaces/lab/configmaps/once-result"


def answering(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any]) -> FakeApi:
    api = FakeApi(answers)

    connected(monkeypatch, api)
    FakeClock().install(monkeypatch)
    return api


def run(
    monkeypatch: pytest.MonkeyPatch,
    *looks: list[dict[str, Any]],
    status: str = "JobCreated",
    age: timedelta | None = None,
) -> None:
    """Awaits a job whose pods are these, look by look, and the last ones for ever."""
    left = list(looks)

    def pods() -> dict[str, Any]:
        return {"items": left.pop(0) if len(left) > 1 else left[0]}

    created = (datetime.now(UTC) - (age or timedelta())).strftime("%Y-%m-%dT%H:%M:%SZ")
    live = {"metadata": {"creationTimestamp": created}, "status": {"jobStatus": status}}
    answering(monkeypatch, {PODS: pods, JOB: live})
    asyncio.run(jobrun.await_end(Connection(), target()))


def test_a_runner_that_comes_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, [], [runner("Pending")], [runner("Running")], [runner("Succeeded")])


def test_a_failed_job_says_how_to_run_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    words = rf"failed \(`kubectl delete daskjob -n lab {target().physical_name}` and `up` run it again\)"

    with pytest.raises(ClusterError, match=words):
        run(monkeypatch, [runner("Running")], [runner("Failed")])


def test_a_runner_that_a_node_drain_took_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClusterError, match="lost its runner's pod"):
        run(monkeypatch, [runner("Running")], [])


def test_a_runner_that_was_lost_before_is_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClusterError, match="lost its runner's pod"):
        run(monkeypatch, [], status="Running")


def test_the_timeout_counts_from_the_jobs_creation(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ClusterError, match=r"has not ended 1h after its creation \(timeout\)\. It is still running: `kubectl delete"
    ):
        run(monkeypatch, [runner("Running")], age=timedelta(minutes=61))


def test_a_job_that_has_succeeded_after_its_timeout_has_succeeded(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, [runner("Succeeded")], age=timedelta(hours=5))


class TestEnded:
    """The record says of a job that it has succeeded."""

    def _deleted(self, monkeypatch: pytest.MonkeyPatch, job: str, *, dry: bool) -> tuple[FakeApi, list[str]]:
        """A DaskJob is about to be created, and the record names a job that has succeeded."""
        told: list[str] = []
        data = target().record["data"] | {"job": job}
        api = answering(monkeypatch, {RECORD: {"data": data}, PODS: {"items": []}})
        monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: dry)
        monkeypatch.setattr(pulumi.log, "info", told.append)
        asyncio.run(jobrun.keep_ended(Connection(), target()))
        return api, told

    def test_its_daskjob_is_created_as_one_that_the_operator_has_handled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        api, [told] = self._deleted(monkeypatch, target().physical_name, dry=False)

        [(method, path, options)] = api.sent
        body = json.loads(options["content"])
        assert (method, path) == ("PATCH", JOB)
        assert body["metadata"]["annotations"] == {"kopf.zalando.org/last-handled-configuration": "{}"}
        assert body["metadata"]["labels"]["app.kubernetes.io/part-of"] == "dask-dev"
        assert "does not run again" in told

    def test_a_preview_says_so_and_creates_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        api, [told] = self._deleted(monkeypatch, target().physical_name, dry=True)

        assert api.sent == []
        assert f"kubectl delete -n lab daskjob/{target().physical_name} configmap/once-result" in told

    def test_a_changed_job_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        api, told = self._deleted(monkeypatch, "once-0ther0ne", dry=False)

        assert (api.sent, told) == ([], [])

    def test_it_is_not_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As after a lost state: its pod may be missing as well."""
        answering(
            monkeypatch, {RECORD: target().record, PODS: {"items": []}, JOB: {"status": {"jobStatus": "Running"}}}
        )

        asyncio.run(jobrun.await_end(Connection(), target()))
