"""What the status table says of what was found."""

import base64
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from components.lifecycle.drift import Live
from components.manifests import certificates
from components.manifests.addresses import Address
from components.manifests.declared import DeclaredCluster
from tests.support.declared import declared
from tools import statusrows
from tools.statusrows import BAD, GOOD, SO_SO, Row, Seen

MADE = (datetime.now(UTC) - timedelta(days=12, hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
ADDRESS = Address("tcp://10.0.0.1:30786", "http://10.0.0.1:30787/status", 30786, 30787)


def target(**cluster: Any) -> DeclaredCluster:
    given = {"workers": {"replicas": 2}, "workerGroups": {"big": {"replicas": 1}}} | cluster
    return declared("lab", given, namespace="analytics")


def live(target: DeclaredCluster, **replicas: int) -> Live:
    """The cluster, with a number of workers per group other than declared where one is given."""

    def made(name: str, **spec: Any) -> dict[str, Any]:
        return {"metadata": {"name": name, "creationTimestamp": MADE}, "spec": spec}

    groups = {
        name: made(name, worker={"replicas": replicas.get(name.removeprefix(target.physical_name)[1:4], count)})
        for name, count in target.expected_workers.items()
    }
    return Live(made(target.physical_name), groups, {}, made("service"))


def seen(target: DeclaredCluster, *, registered: tuple[int, ...] = (2, 1), **replicas: int) -> Seen:
    """A cluster on which nothing is wrong, with so many default and further workers."""
    labels = {"dask.org/component": "scheduler"}
    pod = {"metadata": {"name": "s", "labels": labels, "creationTimestamp": MADE}}
    selector = target.endpoint["spec"]["selector"]
    service = {"metadata": {"creationTimestamp": MADE}, "spec": {"type": "NodePort", "selector": selector}}
    names = [
        f"{group}-worker-{n}"
        for group, count in zip(target.expected_workers, registered, strict=False)
        for n in range(count)
    ]
    identity = {"workers": {f"tcp://{n}": {"name": name} for n, name in enumerate(names)}}
    counts = {"clients": 3, "tasks": 1, "processing": 1}
    return Seen(live(target, **replicas), service, ADDRESS, [pod], None, counts, identity, {})


def rows(target: DeclaredCluster, found: Seen) -> dict[str, Row]:
    return {row.what: row for row in statusrows.cluster(target, found)}


def test_a_healthy_cluster_is_ready_with_its_addresses_and_its_load() -> None:
    it = target()

    shown = rows(it, seen(it))

    assert (shown["lab"].state, shown["lab"].colour, shown["lab"].age) == ("ready", GOOD, "12d")
    assert shown["lab"].details == f"{it.physical_name}, ghcr.io/dask/dask:2026.8.0-py3.11"
    assert shown["endpoint"].details == "tcp://10.0.0.1:30786  http://10.0.0.1:30787/status"
    assert shown["scheduler"].details == "2 clients, 1 task, 1 processing"
    assert shown["workers default"].state == "2 of 2 registered"
    assert shown["workers big"].state == "1 of 1 registered"


def test_workers_that_have_not_registered_make_a_cluster_not_ready() -> None:
    it = target()

    shown = rows(it, seen(it, registered=(1, 1)))

    assert shown["lab"].state == "not ready"
    assert (shown["workers default"].state, shown["workers default"].colour) == ("1 of 2 registered", SO_SO)


def test_a_group_that_was_scaled_by_hand_says_so() -> None:
    it = target()

    shown = rows(it, seen(it, registered=(5, 1), **{"def": 5}))

    assert shown["workers default"].state == "5 of 2 registered"
    assert shown["workers default"].details.endswith("-default is scaled to 5")


def test_an_autoscaled_cluster_is_ready_with_as_many_as_the_autoscaler_wants() -> None:
    it = target(workers={"minimum": 1, "maximum": 9}, workerGroups={})

    shown = rows(it, seen(it, registered=(6,), **{"def": 6}))

    assert (shown["lab"].state, shown["workers default"].state) == ("ready", "6 of 6 registered")


def test_a_cluster_that_is_not_there_is_missing() -> None:
    it = target()

    [row] = statusrows.cluster(it, replace(seen(it), live=None))

    assert (row.what, row.state, row.colour) == ("lab", "missing", BAD)


def test_a_suspended_cluster_says_that_and_that_its_address_refuses_connections() -> None:
    it = target(suspended=True, tls={"enabled": True})

    shown = rows(it, replace(seen(it), live=None, pods=[], counts=None, identity=None))

    assert (shown["lab"].state, shown["lab"].colour) == ("suspended", GOOD)
    assert "`up` starts them when `suspended` is removed" in shown["lab"].details
    assert (shown["endpoint"].state, shown["endpoint"].colour) == ("NodePort, refuses connections", GOOD)
    assert shown["endpoint"].details == "tcp://10.0.0.1:30786  http://10.0.0.1:30787/status"
    assert list(shown) == ["lab", "endpoint", "certificates"]


def test_a_cluster_that_is_about_to_be_suspended_still_has_work() -> None:
    it = target(suspended=True)
    old = {target().physical_name: "1 client and 3 tasks"}
    awake = {"metadata": {"creationTimestamp": MADE}, "spec": target().endpoint["spec"] | {"type": "NodePort"}}

    shown = rows(it, replace(seen(it), service=awake, old=old))

    assert (shown["lab"].state, shown["lab"].colour) == ("suspended", SO_SO)
    assert shown["endpoint"].state == "NodePort, leads elsewhere"
    assert shown["old version"].details == f"{target().physical_name}: 1 client and 3 tasks"


def test_a_scheduler_without_an_answer_is_said() -> None:
    it = target()

    shown = rows(it, replace(seen(it), counts=None, identity=None))

    assert shown["scheduler"].state == "no answer"
    assert shown["lab"].state == "not ready"


def test_an_endpoint_on_the_old_version_is_said_with_what_is_left_there() -> None:
    it = target()
    service = {"metadata": {"creationTimestamp": MADE}, "spec": {"type": "ClusterIP", "selector": {}}}

    shown = rows(it, replace(seen(it), service=service, old={"lab-old": "1 client and 3 tasks"}))

    assert shown["endpoint"].state == "ClusterIP, leads elsewhere"
    assert shown["old version"].details == "lab-old: 1 client and 3 tasks"
    assert shown["lab"].state == "not ready"


def test_what_is_wrong_with_a_pod_stands_in_a_row_of_its_own() -> None:
    it = target()
    found = seen(it, registered=(1, 1))
    state = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    pod = {
        "metadata": {"name": "w", "labels": {}},
        "status": {"containerStatuses": [{"image": "dask:x", "state": state}]},
    }

    shown = rows(it, replace(found, pods=[*found.pods, pod]))

    assert shown["pod w"] == Row("pod w", "ImagePullBackOff", "image dask:x: not found", colour=BAD, of="lab")
    assert shown["lab"].colour == BAD


@pytest.mark.parametrize(("days", "colour"), [(825, GOOD), (10, SO_SO), (-1, BAD)])
def test_certificates_are_shown_with_their_end(days: int, colour: str) -> None:
    it = target(tls={"enabled": True})
    files = certificates.make("lab", days)
    data = {name: base64.b64encode(pem.encode()).decode() for name, pem in files.items()}
    secret = {"metadata": {"creationTimestamp": MADE}, "data": data}

    row = rows(it, replace(seen(it), secret=secret))["certificates"]

    end = datetime.now(UTC) + timedelta(days=days)
    assert row.colour == colour
    assert abs(date.fromisoformat(row.state.rpartition(" ")[2]) - end.date()) <= timedelta(days=1)
    assert row.state.startswith("expired on" if days < 0 else "valid until")


@pytest.mark.parametrize(("tls", "fix"), [({}, "increment `tls.rotation`"), ({"secret": "own"}, "create a Secret of")])
def test_certificates_that_end_soon_come_with_what_replaces_them(tls: dict[str, Any], fix: str) -> None:
    it = target(tls={"enabled": True} | tls)
    data = {name: base64.b64encode(pem.encode()).decode() for name, pem in certificates.make("lab", 10).items()}
    secret = {"metadata": {"creationTimestamp": MADE}, "data": data}

    row = rows(it, replace(seen(it), secret=secret))["certificates"]

    assert row.details.startswith(fix)


@pytest.mark.parametrize(
    ("deployments", "state"),
    [(None, "unknown"), ([], "missing"), ([0], "not ready"), ([1], "ready")],
)
def test_the_operator_is_a_row(deployments: list[int] | None, state: str) -> None:
    def deployment(available: int) -> dict[str, Any]:
        spec = {"template": {"spec": {"containers": [{"image": "operator:1"}]}}}
        meta = {"name": "operator", "namespace": "dask-operator", "creationTimestamp": MADE}
        return {"metadata": meta, "spec": spec, "status": {"availableReplicas": available}}

    row = statusrows.operator(None if deployments is None else [deployment(it) for it in deployments])

    assert row.state == state


def test_a_job_is_a_row_with_its_state() -> None:
    meta = {"name": "nightly-1a2b", "labels": {"app.kubernetes.io/instance": "nightly"}, "creationTimestamp": MADE}

    row = statusrows.job({"metadata": meta, "status": {"jobStatus": "Successful"}})

    assert row == Row("job nightly", "Successful", "nightly-1a2b", "12d", GOOD)


@pytest.mark.parametrize(
    ("suspended", "active", "ends", "state", "last", "colour"),
    [
        (False, False, [], "scheduled", "no run yet", GOOD),
        (False, False, ["Failed", "Complete"], "scheduled", "last run 12d ago, succeeded", GOOD),
        (False, False, ["Complete", "Failed"], "scheduled", "last run 12d ago, failed", BAD),
        (False, True, ["Complete", ""], "running", "last run 12d ago", SO_SO),
        (True, False, ["Complete"], "suspended", "last run 12d ago, succeeded", SO_SO),
    ],
)
def test_a_job_with_a_schedule_is_a_row_with_its_last_run(
    *, suspended: bool, active: bool, ends: list[str], state: str, last: str, colour: str
) -> None:
    def run(number: int, end: str, owner: str = "1") -> dict[str, Any]:
        made = f"2026-11-{number + 1:02d}T00:00:00Z"
        conditions = [{"type": end, "status": "True"}] if end else []
        meta = {"name": f"nightly-{number}", "creationTimestamp": made, "ownerReferences": [{"uid": owner}]}
        return {"metadata": meta, "status": {"conditions": conditions}}

    meta = {
        "name": "nightly",
        "uid": "1",
        "labels": {"app.kubernetes.io/instance": "nightly"},
        "creationTimestamp": MADE,
    }
    status: dict[str, Any] = {"active": [{}]} if active else {}
    status |= {"lastScheduleTime": MADE} if ends else {}
    spec = {"schedule": "30 2 * * *", "timeZone": "UTC", "suspend": suspended}
    runs = [*(run(number, end) for number, end in enumerate(ends)), run(20, "Failed", "another")]

    row = statusrows.schedule({"metadata": meta, "spec": spec, "status": status}, runs)

    assert row == Row("job nightly", state, f"30 2 * * * UTC, {last}", "12d", colour)


@pytest.mark.parametrize(("owner", "is_run"), [("Job", True), ("DaskCluster", False)])
def test_the_daskjobs_of_runs_have_no_rows_of_their_own(owner: str, *, is_run: bool) -> None:
    assert statusrows.is_run({"metadata": {"ownerReferences": [{"kind": owner}]}}) is is_run
    assert not statusrows.is_run({"metadata": {}})


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172_800, "2d")]
)
def test_ages_read_as_kubectls_do(seconds: int, text: str) -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    made = (now - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    assert statusrows.age({"metadata": {"creationTimestamp": made}}, now) == text
