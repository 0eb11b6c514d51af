"""The pod of a scheduled job's run, against an API server in this process: what it creates, counts and tells."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import run_job

from components.manifests import schedule

NAMESPACE, POD, NAME = "lab", "nightly-29400480-abcde", "nightly-1a2b3c4d"
OWNER = {"apiVersion": "batch/v1", "kind": "Job", "name": "nightly-29400480", "uid": "42", "controller": True}
CONTAINERS = [{"name": "job"}]
JOB = {
    "apiVersion": "kubernetes.dask.org/v1",
    "kind": "DaskJob",
    "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": {"team": "a"}},
    "spec": {
        "job": {
            "spec": {"address": f"tcp://{NAME}-scheduler:8786", "text": "$(HOME) $$", "containers": [{"name": "job"}]}
        }
    },
}
OTHERS = ("serviceaccounts", "roles", "rolebindings", "jobs")
FIRST, SECOND, THIRD = (f"nightly-29400480-{number}" for number in range(3))
HOUR = 3600.0
Phase = str | None


@dataclass
class Kubernetes:
    """An API server and an operator. `plans` are the phases of each attempt's runner, look by look, the last for ever.

    A phase of None is a pod that is missing.
    """

    plans: dict[str, list[Phase]]
    daskjobs: dict[str, Any] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)
    """What makes the workers follow the work, by its path."""
    created: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    """The statuses of the next answers, whatever is asked for."""
    asked: list[str] = field(default_factory=list)
    begun_ago: float = 0.0
    """How long ago the runners' pods have started."""
    age: float = 0.0
    """How long ago each DaskJob was created."""

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        self.asked.append(f"{method} {path}")
        if self.failures:
            return self.failures.pop(0), {"message": "not now"}
        *_, kind, name = path.partition("?")[0].split("/")
        if path.endswith("/daskjobs"):
            return self._create(body)
        if kind in OTHERS or name in OTHERS:
            return self._other(method, path, body)
        if "/log?" in path:
            return 200, f"the words of {kind.removesuffix('-runner')}"
        if kind == "daskjobs":
            return self._daskjob(method, name)
        assert kind == "pods", path
        return self._pod(name)

    def _create(self, body: Any) -> tuple[int, Any]:
        name = body["metadata"]["name"]
        if name in self.daskjobs:
            return 409, {}
        self.put(name)
        self.created.append(name)
        self.bodies.append(body)
        return 201, body

    def _other(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if method == "GET":
            return (200, self.others[path]) if path in self.others else (404, {})
        where = f"{path}/{body['metadata']['name']}"
        assert where not in self.others
        self.others[where] = body
        self.created.append(body["metadata"]["name"])
        return 201, body

    def put(self, name: str) -> None:
        self.daskjobs[name] = {"metadata": {"name": name, "creationTimestamp": stamp(self.age)}}

    def _daskjob(self, method: str, name: str) -> tuple[int, Any]:
        if name not in self.daskjobs:
            return 404, {}
        if method == "DELETE":
            self.deleted.append(name)
            return 200, self.daskjobs.pop(name)
        return 200, self.daskjobs[name] | {"status": {"jobStatus": self.statuses.get(name, "JobCreated")}}

    def _pod(self, name: str) -> tuple[int, Any]:
        if name == POD:
            return 200, {"metadata": {"name": POD, "ownerReferences": [{"kind": "Other"}, OWNER]}}
        plan = self.plans.get(name.removesuffix("-runner"), [None])
        phase = plan.pop(0) if len(plan) > 1 else plan[0]
        if phase is None:
            return 404, {}
        begun = {} if phase == "Pending" else {"startTime": stamp(self.begun_ago)}
        return 200, {"metadata": {"name": name}, "status": {"phase": phase} | begun}


def stamp(ago: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago))


@pytest.fixture
def kubernetes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kubernetes]:
    world = Kubernetes({})

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, body = world.answer(self.command, self.path, json.loads(text) if text else None)
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Not into the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("KUBERNETES_API", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(run_job, "pause", lambda: None)
    yield world
    server.shutdown()
    thread.join()
    server.server_close()


def run(retries: int = 0, timeout: float = HOUR, autoscaler: Sequence[Any] = ()) -> int:
    return run_job.run(
        run_job.Api(NAMESPACE), run_job.in_order(json.dumps(JOB), json.dumps(autoscaler)), NAME, POD, retries, timeout
    )


def test_the_cron_job_knows_the_exit_code_of_a_run_that_has_failed() -> None:
    assert run_job.RUN_FAILED == schedule.RUN_FAILED


def test_a_run_is_one_daskjob_which_the_runs_job_owns(kubernetes: Kubernetes) -> None:
    kubernetes.plans = {FIRST: [None, "Pending", "Running", "Succeeded"]}

    assert run() == 0

    [body] = kubernetes.bodies
    assert kubernetes.created == [FIRST]
    owner = {key: OWNER[key] for key in ("apiVersion", "kind", "name", "uid")} | {"blockOwnerDeletion": True}
    assert body["metadata"] == JOB["metadata"] | {"name": FIRST, "ownerReferences": [owner]}
    assert body["spec"]["job"]["spec"] == {
        "address": f"tcp://{FIRST}-scheduler:8786",
        "text": "$(HOME) $$",
        "containers": CONTAINERS,
    }
    assert kubernetes.deleted == []


def elastic() -> list[Any]:
    rbac = "rbac.authorization.k8s.io/v1"
    kinds = [("v1", "ServiceAccount"), (rbac, "Role"), (rbac, "RoleBinding"), ("batch/v1", "Job")]
    return [{"apiVersion": api, "kind": kind, "metadata": {"name": f"{NAME}-elastic"}} for api, kind in kinds]


def test_each_attempt_has_an_autoscaler_of_its_own_whose_permissions_exist_before_it_runs(
    kubernetes: Kubernetes,
) -> None:
    kubernetes.plans = {FIRST: ["Failed"], SECOND: ["Succeeded"]}

    assert run(retries=1, autoscaler=elastic()) == 0

    each = [[*[f"{name}-elastic"] * 3, name, f"{name}-elastic"] for name in (FIRST, SECOND)]
    assert kubernetes.created == [*each[0], *each[1]]
    paths = [f"api/v1/namespaces/lab/serviceaccounts/{FIRST}-elastic", f"batch/v1/namespaces/lab/jobs/{FIRST}-elastic"]
    assert all(sum(it.endswith(path) for it in kubernetes.others) == 1 for path in paths)
    owned = {it["metadata"]["ownerReferences"][0]["uid"] for it in kubernetes.others.values()}
    assert (len(kubernetes.others), owned) == (8, {OWNER["uid"]})


def test_a_pod_that_starts_again_creates_what_is_missing_of_it(kubernetes: Kubernetes) -> None:
    kubernetes.plans = {FIRST: ["Succeeded"]}
    assert run(autoscaler=elastic()) == 0
    [job] = [path for path in kubernetes.others if "/jobs/" in path]
    del kubernetes.others[job]
    kubernetes.created.clear()

    assert run(autoscaler=elastic()) == 0

    assert kubernetes.created == [f"{FIRST}-elastic"]
    assert job in kubernetes.others


def test_a_failed_run_is_not_tried_again_without_retries(
    kubernetes: Kubernetes, capsys: pytest.CaptureFixture[str]
) -> None:
    kubernetes.plans = {FIRST: ["Running", "Failed"]}

    assert run() == run_job.RUN_FAILED

    assert (kubernetes.created, kubernetes.deleted) == ([FIRST], [])
    assert capsys.readouterr().out.splitlines() == [
        f"{FIRST}: created",
        f"{FIRST}: failed; its last lines:",
        f"the words of {FIRST}",
        "nightly-29400480: failed",
    ]


def test_failures_are_counted_exactly(kubernetes: Kubernetes, capsys: pytest.CaptureFixture[str]) -> None:
    kubernetes.plans = {name: ["Failed"] for name in (FIRST, SECOND, THIRD)}

    assert run(retries=2) == run_job.RUN_FAILED

    assert kubernetes.created == [FIRST, SECOND, THIRD]
    assert "nightly-29400480: failed 3 times" in capsys.readouterr().out


def test_a_retry_that_succeeds_ends_the_run(kubernetes: Kubernetes) -> None:
    kubernetes.plans = {FIRST: ["Failed"], SECOND: ["Succeeded"]}

    assert run(retries=5) == 0

    assert kubernetes.created == [FIRST, SECOND]


@pytest.mark.parametrize(
    ("live", "plans", "code", "created"),
    [
        ([FIRST], {FIRST: ["Running", "Succeeded"]}, 0, []),
        ([FIRST], {FIRST: ["Succeeded"]}, 0, []),
        ([FIRST, SECOND], {FIRST: ["Failed"], SECOND: ["Running", "Succeeded"]}, 0, []),
        # The first one was lost and deleted before the second one began to fail.
        ([SECOND], {SECOND: ["Failed"], THIRD: ["Succeeded"]}, 0, [THIRD]),
        ([FIRST, SECOND, THIRD], {name: ["Failed"] for name in (FIRST, SECOND, THIRD)}, run_job.RUN_FAILED, []),
    ],
    ids=["running", "succeeded", "second attempt", "after a lost one", "all failed"],
)
def test_a_pod_that_starts_again_takes_over_what_it_finds(
    kubernetes: Kubernetes, live: list[str], plans: dict[str, list[Phase]], code: int, created: list[str]
) -> None:
    for name in live:
        kubernetes.put(name)
    kubernetes.plans = plans

    assert run(retries=2) == code

    assert kubernetes.created == created


def test_what_another_pod_creates_at_the_same_time_is_taken_over(kubernetes: Kubernetes) -> None:
    kubernetes.plans = {FIRST: ["Succeeded"]}
    api = run_job.Api(NAMESPACE)
    attempt = run_job.Attempt(api, FIRST, HOUR, ["job"])
    kubernetes.put(FIRST)

    assert api.create(run_job.DASK, "daskjobs", JOB | {"metadata": {"name": FIRST}}) is False
    attempt.create(json.dumps([JOB]), NAME, OWNER)

    assert kubernetes.created == []
    assert attempt.succeeded()


def test_a_lost_runner_is_a_failure_and_holds_nothing(
    kubernetes: Kubernetes, capsys: pytest.CaptureFixture[str]
) -> None:
    kubernetes.plans = {FIRST: ["Running", None], SECOND: ["Running", None]}

    assert run(retries=1) == run_job.RUN_FAILED

    assert kubernetes.created == [FIRST, SECOND]
    assert kubernetes.deleted == [FIRST, SECOND]
    assert f"{FIRST}: lost its runner's pod" in capsys.readouterr().out
    # The next attempt exists before the lost one is deleted, so that a pod that starts again does not begin anew.
    [second] = (index for index, it in enumerate(kubernetes.asked) if it.startswith("POST") and index > 5)
    assert second < next(index for index, it in enumerate(kubernetes.asked) if it.startswith("DELETE"))


@pytest.mark.parametrize(
    ("status", "code", "created"),
    [("Running", run_job.RUN_FAILED, []), ("Failed", run_job.RUN_FAILED, []), ("Successful", 0, [])],
)
def test_of_a_pod_that_was_deleted_while_nobody_looked_the_operator_knows(
    kubernetes: Kubernetes, status: str, code: int, created: list[str]
) -> None:
    kubernetes.put(FIRST)
    kubernetes.statuses = {FIRST: status}

    assert run() == code

    assert kubernetes.created == created


@pytest.mark.parametrize(
    ("plan", "words"),
    [([None], "no pod was created for it within 60 s"), (["Pending"], "its program has not started within 60 s")],
)
def test_an_attempt_that_does_not_start_fails_after_its_timeout(
    kubernetes: Kubernetes, plan: list[Phase], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kubernetes.age = 61.0
    kubernetes.plans = {FIRST: plan}

    assert run(timeout=60.0) == run_job.RUN_FAILED

    assert kubernetes.deleted == [FIRST]
    assert words in capsys.readouterr().out


def test_kubernetes_ends_a_program_that_takes_too_long_unless_its_node_is_away(kubernetes: Kubernetes) -> None:
    kubernetes.begun_ago = 100.0  # past the timeout, and about to be ended
    kubernetes.plans = {FIRST: ["Running", "Running", "Failed"]}
    assert run(timeout=60.0) == run_job.RUN_FAILED
    assert kubernetes.deleted == []

    kubernetes.daskjobs.clear()
    kubernetes.begun_ago = 60.0 + run_job.LOST_SECONDS + 60
    kubernetes.plans = {FIRST: ["Running"]}
    assert run(timeout=60.0) == run_job.RUN_FAILED
    assert kubernetes.deleted == [FIRST]


def test_a_daskjob_that_was_deleted_is_a_failed_attempt(kubernetes: Kubernetes) -> None:
    kubernetes.plans = {FIRST: [None]}
    attempt = run_job.Attempt(run_job.Api(NAMESPACE), FIRST, HOUR, ["job"])

    assert attempt.look() == ("Lost", "its DaskJob was deleted")


def test_what_passes_is_tried_again(kubernetes: Kubernetes) -> None:
    kubernetes.failures = [503, 429, 401, 500]
    kubernetes.plans = {FIRST: ["Succeeded"]}

    assert run() == 0

    assert kubernetes.created == [FIRST]


def test_a_refusal_ends_the_pod_which_the_job_then_starts_again(
    kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kubernetes.failures = [403]
    given = {"NAMESPACE": NAMESPACE, "JOB": json.dumps(JOB), "NAME": NAME, "POD": POD}
    for key, value in (given | {"RETRIES": "0", "TIMEOUT_SECONDS": "60"}).items():
        monkeypatch.setenv(key, value)

    assert run_job.main() == 1

    assert "the API server has refused a request" in capsys.readouterr().out


def test_a_log_that_cannot_be_read_is_no_failure(kubernetes: Kubernetes) -> None:
    kubernetes.failures = [404]

    assert run_job.Api(NAMESPACE).log(f"{FIRST}-runner", "job").startswith("(its log cannot be read: 404")
