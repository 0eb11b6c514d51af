"""When a replaced cluster counts as done."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pulumi
import pytest

from components import drain, kube
from components.drain import Load
from components.errors import ClusterError
from components.kube import Connection
from components.manifest import Target
from components.settings import parse
from tests.unit.api import FakeApi

CLUSTERS = "apis/kubernetes.dask.org/v1/namespaces/lab/daskclusters"
COUNTS = "api/v1/namespaces/lab/services/a-old-scheduler:http-dashboard/proxy/json/counts.json"

PODS = "api/v1/namespaces/lab/pods"


def target(**cluster: Any) -> Target:
    return Target("a", parse({"clusters": {"a": cluster}}).clusters["a"], "lab", "dask-dev")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the person sees. Time passes at once."""
    lines: list[str] = []
    for level in ("info", "warn"):
        monkeypatch.setattr(pulumi.log, level, lines.append)
    clock = iter(range(10_000))
    monkeypatch.setattr(drain.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(drain, "POLL_SECONDS", 0)
    return lines


def run(api: FakeApi, monkeypatch: pytest.MonkeyPatch, **cluster: Any) -> None:
    async def connect(_: Connection) -> FakeApi:
        return api

    monkeypatch.setattr(kube, "api", connect)
    asyncio.run(drain.drain(Connection(), target(**cluster)))


def counts(*answers: tuple[int, int] | int) -> Iterator[dict[str, int] | int]:
    """What the old scheduler answers, (clients, tasks) or an error, and the last one for ever."""
    for answer in answers:
        yield answer if isinstance(answer, int) else {"clients": answer[0], "tasks": answer[1]}
    while True:
        yield answers[-1] if isinstance(answers[-1], int) else {"clients": answers[-1][0], "tasks": answers[-1][1]}


def api(*answers: tuple[int, int] | int, others: tuple[str, ...] = ("a-old",), running: bool = True) -> FakeApi:
    load = counts(*answers)
    state = {"running": {}} if running else {"waiting": {}}
    pods = {"items": [{"status": {"containerStatuses": [{"state": state}]}}]}
    clusters = {"items": [{"metadata": {"name": name}} for name in (*others, target().physical_name)]}
    return FakeApi({CLUSTERS: clusters, PODS: pods, COUNTS: lambda: next(load)})


def test_a_first_creation_asks_nobody(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    run(api((1, 0), others=()), monkeypatch)

    assert told == []


def test_it_waits_until_clients_and_tasks_are_gone(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    run(api((2, 160), (2, 80), (1, 0)), monkeypatch)

    assert "a-old: waiting for 1 client and 160 tasks" in told[0]
    assert "drained" in told[-1]


def test_an_idle_client_does_not_hold_it_up_for_ever(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    run(api((2, 5), (2, 0)), monkeypatch)

    assert any("1 client and 0 tasks left, idle" in line for line in told)


def test_data_held_for_a_client_holds_it_until_the_timeout_which_names_it(
    monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    run(api((3, 7)), monkeypatch, drainTimeout="1m")

    assert "a-old: drainTimeout of 1m is over: cutting off 2 clients and 7 tasks" in told


def test_a_scheduler_that_errs_is_busy(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    run(api(500, 500, (1, 0)), monkeypatch)

    assert "waiting for 1 client" in told[0]


@pytest.mark.parametrize(
    ("state", "load"),
    [
        pytest.param({"running": {}}, Load(clients=1, tasks=1), id="runs-and-cannot-be-reached"),
        pytest.param({"waiting": {"reason": "ImagePullBackOff"}}, None, id="never-started"),
        pytest.param({"terminated": {"exitCode": 1}}, None, id="has-ended"),
        pytest.param(None, None, id="no-pod"),
    ],
)
def test_a_scheduler_out_of_reach_has_work_only_if_it_runs(state: dict[str, Any] | None, load: Load | None) -> None:
    """With `publishNotReadyAddresses` the API server says the same of all of them (apimachinery proxy/transport.go)."""
    words = "error trying to reach service: dial tcp 10.0.0.1:8787: connect: connection refused"
    answer = httpx.Response(503, text=words, request=httpx.Request("GET", "http://kubernetes"))
    pods = {"items": [{"status": {"containerStatuses": [{"state": state}]}}] if state is not None else []}

    found = asyncio.run(drain.look(FakeApi({COUNTS: answer, PODS: pods}), "lab", "a-old"))  # type: ignore[arg-type]

    assert found == load


def test_a_failed_cluster_is_drained_at_once(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    run(api(503, running=False), monkeypatch)

    assert told == ["a-old: drained after 1 s"]


def test_the_scheduler_itself_is_no_client() -> None:
    load = asyncio.run(drain.look(api((1, 0)), "lab", "a-old"))  # type: ignore[arg-type]

    assert load == Load(clients=0, tasks=0)


def test_who_may_not_look_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    with pytest.raises(ClusterError, match=r"`get` `services/proxy` .*'lab'; or set `drainTimeout: 0s`"):
        run(api(403), monkeypatch)

    run(api(403), monkeypatch, drainTimeout="0s")

    assert told == ["a-old: its clients are cut off, as drainTimeout is 0s"]
