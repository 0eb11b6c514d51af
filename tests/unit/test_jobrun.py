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
from components.manifests.declared_job import DeclaredJob
from tests.support.clock import FakeClock
from tests.support.declared import declared_job
from tests.unit.api import FakeApi, connected

PODS, EVENTS = "api/v1/namespaces/lab/pods", "api/v1/namespaces/lab/events"


def target() -> DeclaredJob:
    return declared_job("once", {"runner": {"script": "pass"}})


def runner(phase: str, **states: dict[str, Any]) -> dict[str, Any]:
    """The runner's pod; with the states of its containers, by their names."""
    statuses = [{"name": name.replace("_", "-"), "state": state} for name, state in states.items()]
    status = {"phase": phase} | ({"containerStatuses": statuses} if statuses else {})
    return {"metadata": {"name": f"{target().physical_name}-runner"}, "status": status}


JOB = f"apis/kubernetes.dask.org/v1/namespaces/lab/daskjobs/{target().physical_name}"
RECORD = "api/v1/namespaces/lab/configmaps/once-result"


def answering(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any]) -> FakeApi:
    api = FakeApi({EVENTS: {"items": []}} | answers)

    connected(monkeypatch, api)
    FakeClock().install(monkeypatch)
    return api


def run(
    monkeypatch: pytest.MonkeyPatch,
    *looks: list[dict[str, Any]],
    status: str = "JobCreated",
    age: timedelta | None = None,
    events: list[dict[str, Any]] | None = None,
) -> FakeApi:
    """Awaits a job whose pods are these, look by look, and the last ones for ever."""
    left = list(looks)

    def pods() -> dict[str, Any]:
        return {"items": left.pop(0) if len(left) > 1 else left[0]}

    created = (datetime.now(UTC) - (age or timedelta())).strftime("%Y-%m-%dT%H:%M:%SZ")
    live = {"metadata": {"creationTimestamp": created}, "status": {"jobStatus": status}}
    api = answering(monkeypatch, {PODS: pods, JOB: live, EVENTS: {"items": events or []}})
    asyncio.run(jobrun.await_end(Connection(), target()))
    return api


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


def _sent(api: FakeApi) -> list[tuple[str, Any]]:
    return [(where.rpartition("/")[2], json.loads(options["content"])) for _, where, options in api.sent]


class TestSidecars:
    """A webhook has added a container that never ends, so the pod never does."""

    def test_a_job_has_succeeded_when_its_own_container_has(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ended = runner("Running", mesh_proxy={"running": {}}, job={"terminated": {"exitCode": 0}})

        api = run(monkeypatch, [runner("Running", job={"running": {}})], [ended], status="Failed")

        assert _sent(api) == [
            (f"{target().physical_name}-runner", {"spec": {"activeDeadlineSeconds": 1}}),
            ("status", {"status": {"jobStatus": "Successful"}}),
        ]

    def test_a_job_has_failed_when_its_own_container_has(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ended = runner("Running", job={"terminated": {"exitCode": 3}}, mesh_proxy={"running": {}})

        with pytest.raises(ClusterError, match="the job 'once' failed"):
            run(monkeypatch, [ended])

    def test_neither_is_decided_by_the_end_of_the_sidecar(self, monkeypatch: pytest.MonkeyPatch) -> None:
        early = runner("Running", mesh_proxy={"terminated": {"exitCode": 1}}, job={"running": {}})

        run(monkeypatch, [early], [early], [runner("Succeeded")])

    @pytest.mark.parametrize("others", [{}, {"mesh_proxy": {"terminated": {"exitCode": 0}}}], ids=["alone", "ended"])
    def test_a_pod_whose_end_is_not_written_down_yet_is_left_alone(
        self, monkeypatch: pytest.MonkeyPatch, others: dict[str, Any]
    ) -> None:
        api = run(monkeypatch, [runner("Running", job={"terminated": {"exitCode": 0}}, **others)])

        assert _sent(api) == []

    def test_a_job_that_was_ended_so_has_still_succeeded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The `up` before was killed: kubelet counts the pod as failed, for the sidecar's sake."""
        ended = runner("Failed", mesh_proxy={"terminated": {"exitCode": 137}}, job={"terminated": {"exitCode": 0}})

        api = run(monkeypatch, [ended], status="Failed")

        assert _sent(api) == []

    def test_without_the_permission_to_end_it_the_job_has_succeeded_and_up_says_what_stays(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[str] = []
        monkeypatch.setattr(pulumi.log, "warn", told.append)
        ended = runner("Running", mesh_proxy={"running": {}}, job={"terminated": {"exitCode": 0}})

        run(monkeypatch, [ended], status="Running")  # the operator never reports its end

        [words] = told
        assert f"`kubectl delete pod -n lab {target().physical_name}-runner`" in words


class TestReasons:
    """Why a job does not run is named while it is waited for."""

    def _told(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        told: list[str] = []
        monkeypatch.setattr(pulumi.log, "warn", told.append)
        return told

    @pytest.mark.parametrize(
        ("kind", "name", "reason", "message"),
        [
            ("Pod", "-runner", "FailedMount", "references non-existent secret key: ca.crt"),
            ("ReplicaSet", "-scheduler-5f", "FailedCreate", "exceeded quota: dask"),
            ("ReplicaSet", "-default-worker-0123456789-5f", "FailedCreate", "maximum cpu usage per Pod is 1"),
            ("DaskJob", "", "Error", 'pods "x" is forbidden: exceeded quota: dask'),
        ],
    )
    def test_an_event_is_named_within_a_minute(
        self, monkeypatch: pytest.MonkeyPatch, kind: str, name: str, reason: str, message: str
    ) -> None:
        told = self._told(monkeypatch)
        event = {"involvedObject": {"kind": kind, "name": target().physical_name + name}, "reason": reason}
        waiting = [runner("Pending")]

        run(monkeypatch, *[waiting] * 60, [runner("Succeeded")], events=[event | {"message": message}])

        [words] = told
        assert words.startswith(f"once: still waiting: {kind.lower()} {event['involvedObject']['name']}: ")
        assert message in words

    def test_what_the_operator_is_refused_for_good_ends_the_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        event = {"involvedObject": {"kind": "DaskJob", "name": target().physical_name}, "reason": "Error"}
        event |= {"message": 'kr8s._exceptions.ServerError: admission webhook "policy" denied the request: no label'}

        with pytest.raises(ClusterError, match=r"the job 'once' cannot run: .*denied the request: no label"):
            run(monkeypatch, [], events=[event])

    def test_a_pod_that_fits_nowhere_is_named_and_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = self._told(monkeypatch)
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
        waiting = runner("Pending")
        waiting["status"]["conditions"] = [condition]

        run(monkeypatch, *[[waiting]] * 60, [runner("Succeeded")])

        assert told == [f"once: still waiting: pod {target().runner_name}: Unschedulable: 0/1 nodes"]

    def test_the_end_of_the_timeout_names_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._told(monkeypatch)
        event = {"involvedObject": {"kind": "Pod", "name": target().runner_name}, "reason": "FailedMount"}

        with pytest.raises(ClusterError, match=r"has not ended 1h .*\n?.*FailedMount: no such claim"):
            run(monkeypatch, [runner("Pending")], events=[event | {"message": "no such claim"}])


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
        handled = {"kopf.zalando.org/last-handled-configuration": "{}", "dask-on-kubernetes/record": "true"}
        assert body["metadata"]["annotations"] == handled
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
