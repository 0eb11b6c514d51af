"""What the wait for the verify Job's result takes for a result, for a failure, and for neither."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.lifecycle import verification
from components.manifests.declared import DeclaredCluster
from components.vocabulary import OWNER, VERIFIED
from tests.unit.pods import PODS, Place, pod, running, target

Body = dict[str, Any]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(monkeypatch)


def path(made: DeclaredCluster) -> str:
    return f"apis/batch/v1/namespaces/lab/jobs/{made.verify_job['metadata']['name']}"


def job(kind: str = "", reason: str = "") -> Body:
    conditions = [{"type": kind, "status": "True", "reason": reason}] if kind else []
    metadata = {"name": "a-verify", "uid": "1", "annotations": {OWNER: "me"}}
    return {"metadata": metadata, "status": {"active": 1, "conditions": conditions}}


def verify_pod(code: int | None = None, message: str = "", sidecar: Body | None = None) -> Body:
    """The Job's pod, which runs while there is no exit code. A webhook may have added a container, with this state."""
    state = {"running": {}} if code is None else {"terminated": {"exitCode": code, "message": message}}
    statuses = [{"name": "mesh-proxy", "state": sidecar}] if sidecar else []
    statuses.append({"name": "verify", "state": state})
    status = {"phase": "Running" if code is None else "Failed", "containerStatuses": statuses}
    spec = {"containers": [{"name": it["name"]} for it in statuses]}
    return {"metadata": {"name": "verify-1", "labels": {}}, "spec": spec, "status": status}


def wait(made: DeclaredCluster, owner: str | None = None) -> None:
    asyncio.run(verification.await_result(Connection(), made, owner))


def sent(place: Place, method: str) -> list[str]:
    return [where for verb, where, _ in place.api.sent if verb == method]


def test_the_line_in_the_log_is_the_result(place: Place) -> None:
    """Two seconds before the Job has ended, and without waiting for the end of the container."""
    made = target()
    place.api.answers[path(made)] = job()
    place.pods = lambda _: [*running(made), verify_pod()]

    def log() -> httpx.Response:
        more = f"{verification.RESULT}2 workers computed\n" if place.now > 107 else ""
        return httpx.Response(200, text=f"Entering\n{more}")

    place.api.answers[f"{PODS}/verify-1/log"] = log

    wait(made)

    assert 107 < place.now < 114  # two tasks let time pass
    assert place.api.sent == []


@pytest.mark.parametrize("ended", [True, False])
def test_where_no_log_can_be_read_the_end_of_the_container_is_the_result(place: Place, ended: bool) -> None:
    made = target()
    place.api.answers[path(made)] = job() if ended else job("Complete")
    place.pods = lambda now: [*running(made), verify_pod(0 if now > 7 else None)] if ended else []

    wait(made)

    assert place.now < 114
    assert place.api.sent == []


def test_a_job_with_a_sidecar_has_computed_when_its_own_container_has_and_is_suspended(place: Place) -> None:
    """The sidecar never ends, and the Job would fail at its deadline. A suspended Job has no pod."""
    made = target()
    place.api.answers[path(made)] = job()
    place.pods = lambda now: [*running(made), verify_pod(0 if now > 7 else None, sidecar={"running": {}})]

    wait(made)

    assert 107 < place.now < 114
    [(method, where, options)] = place.api.sent
    assert (method, where) == ("PATCH", path(made))
    done = {"metadata": {"annotations": {VERIFIED: "true"}}, "spec": {"suspend": True}}
    assert json.loads(options["content"]) == done


@pytest.mark.parametrize("ended", [0, 1])
def test_the_end_of_a_sidecar_is_no_result(place: Place, ended: int) -> None:
    made = target()
    place.api.answers[path(made)] = job()
    sidecar = {"terminated": {"exitCode": ended}}
    place.pods = lambda now: [*running(made), verify_pod(0 if now > 50 else None, sidecar=sidecar)]

    wait(made)

    assert place.now > 150


def test_a_suspended_job_has_computed_whatever_became_of_its_pod(place: Place) -> None:
    made = target()
    suspended = job()
    suspended["metadata"]["annotations"][VERIFIED] = "true"
    place.api.answers[path(made)] = suspended
    place.pods = lambda _: [*running(made), verify_pod(143, sidecar={"running": {}})]

    wait(made)

    assert place.api.sent == []


def test_a_failure_is_named_by_its_last_line_and_by_what_follows(place: Place) -> None:
    made = target()
    place.api.answers[path(made)] = job()
    words = "Traceback\ngave up waiting for workers: registered are 1 of 2 of a-default\n"
    place.pods = lambda now: [*running(made), verify_pod(1 if now > 7 else None, words)]

    with pytest.raises(ClusterError) as failure:
        wait(made)

    assert str(failure.value).startswith(
        "the cluster 'a' has not computed: gave up waiting for workers: registered are 1 of 2 of a-default; the next "
        "`up` verifies it again"
    )


def test_a_job_that_ends_itself_is_a_failure(place: Place) -> None:
    made = target()
    place.api.answers[path(made)] = lambda: job("Failed", "DeadlineExceeded") if place.now > 105 else job()
    place.pods = lambda _: [] if place.now > 103 else running(made)

    with pytest.raises(ClusterError, match="has not computed: DeadlineExceeded"):
        wait(made)


@pytest.mark.parametrize("reason", ["InvalidImageName", "CrashLoopBackOff"])
def test_a_cluster_that_cannot_become_ready_ends_the_job(place: Place, reason: str) -> None:
    made = target()
    place.api.answers[path(made)] = job()
    place.pods = lambda _: [*running(made)[:-1], pod(list(made.expected_workers)[-1], reason), verify_pod()]

    with pytest.raises(ClusterError, match=f"cannot become ready: .*{reason}"):
        wait(made)

    assert f"{PODS}/verify-1" in sent(place, "DELETE")
    assert place.now - 100 < 30


def test_a_job_whose_pod_is_refused_is_ended_with_the_reason(place: Place) -> None:
    made = target()
    name = made.verify_job["metadata"]["name"]
    event = {"involvedObject": {"kind": "Job", "name": name}, "reason": "FailedCreate"}
    event |= {"message": 'admission webhook "policy" denied the request: a label is missing'}
    place.api.answers[path(made)] = job() | {"status": {"ready": 0}}
    place.api.answers["api/v1/namespaces/lab/events"] = {"items": [event]}
    place.pods = lambda _: []

    with pytest.raises(ClusterError, match=rf"job {name}: FailedCreate: admission webhook .* a label is missing"):
        wait(made)

    [(method, where, options)] = place.api.sent
    assert (method, where) == ("PATCH", path(made))
    assert json.loads(options["content"]) == {"spec": {"activeDeadlineSeconds": 1}}


@pytest.mark.parametrize("live", [True, False])
def test_what_has_failed_before_or_is_missing_runs_again(place: Place, live: bool) -> None:
    made = target()

    def answer() -> Any:
        if sent(place, "PATCH"):
            return job()
        return job("Failed", "BackoffLimitExceeded") if live and not sent(place, "DELETE") else 404

    place.api.answers[path(made)] = answer
    place.pods = lambda _: [*running(made), verify_pod(0)] if sent(place, "PATCH") else []

    wait(made, owner="me")

    assert sent(place, "DELETE") == ([path(made)] if live else [])
    [created] = [json.loads(options["content"]) for method, _, options in place.api.sent if method == "PATCH"]
    assert created["spec"] == made.verify_job["spec"]
    assert created["metadata"]["annotations"][OWNER] == "me"


def test_another_set_of_workers_is_another_record() -> None:
    """So that the hook before the record waits for it, where the endpoint does not change."""
    one, two = (target({"workers": {"replicas": replicas}}).connection for replicas in (1, 2))

    assert one["metadata"]["annotations"][VERIFIED] != two["metadata"]["annotations"][VERIFIED]
    assert one["data"] == two["data"]
    assert VERIFIED not in target({"verify": False}).connection["metadata"].get("annotations", {})
