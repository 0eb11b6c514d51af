"""The watch beside the verify Job: what ends the Job before its deadline, and what does not end the watch."""

import asyncio
import json
from typing import Any

import pytest

from components.kube.client import Connection
from components.lifecycle import readiness
from components.manifests.declared import DeclaredCluster
from tests.unit.pods import PODS, Place, pod, running, target


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(monkeypatch)


class TestGuard:
    def _job(self, made: DeclaredCluster) -> str:
        return f"apis/batch/v1/namespaces/lab/jobs/{made.verify_job['metadata']['name']}"

    def test_what_is_no_trouble_of_the_cluster_does_not_end_the_watch(self, place: Place) -> None:
        made = target()
        looks: list[Any] = [RuntimeError("a broken answer"), RuntimeError("a broken answer")]
        place.api.answers[self._job(made)] = {"status": {"active": 1}}
        place.pods = lambda _: (
            looks.pop() if looks else [*running(made)[:-1], pod(list(made.expected_workers)[-1], "InvalidImageName")]
        )

        asyncio.run(readiness._guard(Connection(), made))

        assert place.told[0] == "a: its pods cannot be watched at the moment: a broken answer"
        assert "InvalidImageName" in place.told[-1]
        assert len(place.told) == 2

    def test_it_deletes_the_jobs_pod_when_the_cluster_cannot_become_ready(self, place: Place) -> None:
        made = target()
        place.api.answers[self._job(made)] = {"status": {"active": 1}}
        place.pods = lambda _: [pod("scheduler", "InvalidImageName")]

        asyncio.run(readiness._guard(Connection(), made))

        assert [(method, path) for method, path, _ in place.api.sent] == [("DELETE", f"{PODS}/scheduler-1")]

    def test_a_job_whose_pod_is_refused_is_ended_with_the_reason(self, place: Place) -> None:
        made = target()
        name = made.verify_job["metadata"]["name"]
        event = {"involvedObject": {"kind": "Job", "name": name}, "reason": "FailedCreate"}
        event |= {"message": 'admission webhook "policy" denied the request: a label is missing'}
        place.api.answers[self._job(made)] = {"metadata": {"name": name}, "status": {"ready": 0}}
        place.api.answers["api/v1/namespaces/lab/events"] = {"items": [event]}
        place.pods = lambda _: [] if len(place.told) else running(made)

        asyncio.run(readiness._guard(Connection(), made))

        assert place.told == [
            f"the cluster 'a' cannot become ready: job {name}: FailedCreate: {event['message']}",
        ]
        [(method, path, options)] = place.api.sent
        assert (method, path) == ("PATCH", self._job(made))
        assert json.loads(options["content"]) == {"spec": {"activeDeadlineSeconds": 1}}
        assert place.now - 100 < 20

    def test_it_ends_with_the_job(self, place: Place) -> None:
        made = target()
        place.api.answers[self._job(made)] = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}

        asyncio.run(readiness._guard(Connection(), made))

        assert place.asked == []

    def test_the_event_loop_is_not_alone_in_knowing_it(self, place: Place) -> None:
        made = target()
        place.api.answers[self._job(made)] = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}

        async def scenario() -> None:
            task = readiness.guard(Connection(), made)
            assert task in readiness._watches
            await task
            await asyncio.sleep(0)
            assert task not in readiness._watches

        asyncio.run(scenario())
