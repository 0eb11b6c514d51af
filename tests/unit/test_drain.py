"""When a replaced cluster counts as done."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import httpx_ws
import pulumi
import pytest

from components.kube.errors import ClusterError
from components.lifecycle import drain
from components.lifecycle.drain import Load, Silent
from tests.support.clock import FakeClock
from tests.unit.api import FakeApi

COUNTS = "api/v1/namespaces/lab/services/a-old-scheduler:http-dashboard/proxy/json/counts.json"
PODS = "api/v1/namespaces/lab/pods"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the person sees. Time passes only between two looks."""
    lines: list[str] = []
    for level in ("info", "warn"):
        monkeypatch.setattr(pulumi.log, level, lines.append)
    FakeClock().install(monkeypatch)
    return lines


def run(api: FakeApi, timeout: str = "10m", settled: float | None = None) -> None:
    asyncio.run(drain.until_idle(api, "lab", "a-old", timeout, settled))  # type: ignore[arg-type]


def counts(*answers: tuple[int, int] | int) -> Iterator[dict[str, int] | int]:
    """What the old scheduler answers, (clients, tasks) or an error, and the last one for ever."""
    for answer in answers:
        yield answer if isinstance(answer, int) else {"clients": answer[0], "tasks": answer[1]}
    while True:
        yield answers[-1] if isinstance(answers[-1], int) else {"clients": answers[-1][0], "tasks": answers[-1][1]}


def api(*answers: tuple[int, int] | int, running: bool = True) -> FakeApi:
    load = counts(*answers)
    state = {"running": {}} if running else {"waiting": {}}
    return FakeApi({PODS: {"items": [scheduler(state)]}, COUNTS: lambda: next(load)})


def scheduler(state: dict[str, Any], port: int = 8787) -> dict[str, Any]:
    """The scheduler's pod."""
    ports = [{"name": "tcp-comm", "containerPort": 8786}, {"name": "http-dashboard", "containerPort": port}]
    status = {"containerStatuses": [{"state": state}]}
    return {"metadata": {"name": "pod"}, "spec": {"containers": [{"ports": ports}]}, "status": status}


def test_it_waits_until_clients_and_tasks_are_gone(told: list[str]) -> None:
    run(api((2, 160), (2, 80), (1, 0)))

    assert "a-old: waiting for 1 client and 160 tasks" in told[0]
    assert "drained" in told[-1]


def test_an_idle_client_does_not_hold_it_up_for_ever(told: list[str]) -> None:
    run(api((2, 5), (2, 0)))

    assert any("1 client and 0 tasks left, idle" in line for line in told)


def test_data_held_for_a_client_holds_it_until_the_timeout_which_names_it(told: list[str]) -> None:
    run(api((3, 7)), "1m")

    assert "a-old: drainTimeout (1m) exceeded: disconnecting 2 clients and 7 tasks" in told


def test_a_scheduler_that_errs_is_busy_and_no_number_is_made_up(told: list[str]) -> None:
    run(api(500, 500, (1, 0)))

    assert told[0].startswith("a-old: waiting for a scheduler that runs and does not answer (by the API server's proxy")
    assert "status 500; by a port-forward: 502 Bad Gateway)" in told[0]


def test_a_scheduler_that_never_answers_is_told_as_what_could_not_be_looked_at(told: list[str]) -> None:
    """As on a private GKE cluster without a firewall rule: each update waits for the whole `drainTimeout`."""
    run(api(503), "1m")

    [cut_off] = [line for line in told if "exceeded" in line]
    assert "cannot tell whether it is still in use" in cut_off
    assert "firewall" in cut_off
    assert "grant `get` and `create` on `pods/portforward`" in cut_off
    assert "disconnecting" not in cut_off


@pytest.mark.parametrize("endpoint", ["ClusterIP", "NodePort", "LoadBalancer"])
@pytest.mark.parametrize("moved", [True, False])
def test_it_is_not_idle_before_the_move_of_the_endpoint_has_reached_all(
    told: list[str], endpoint: str, moved: bool
) -> None:
    settles = drain.settles(endpoint)
    run(api((1, 0)), settled=settles if moved else None)

    [line] = told
    waited = int(line.removeprefix("a-old: drained after ").removesuffix(" s"))
    assert (waited >= settles) == moved


def test_a_load_balancer_that_knows_the_pods_takes_longer() -> None:
    """It has its own list of targets, which follows the Service's after a while."""
    assert drain.settles("LoadBalancer") > 3 * drain.settles("NodePort")


def test_a_client_that_arrives_late_is_waited_for(told: list[str]) -> None:
    run(api((1, 0), (1, 0), (2, 9), (2, 9), (1, 0)), settled=10.0)

    assert "waiting for 1 client and 9 tasks" in told[0]


class Away(FakeApi):
    """A Kubernetes whose proxy answers in no other way than by an exception of the client's."""

    def __init__(self, error: Exception) -> None:
        super().__init__({PODS: {"items": [scheduler({"running": {}})]}})
        self.error = error

    def send(self, method: str, path: str, **options: Any) -> Any:
        if "proxy" in path:
            raise self.error
        return super().send(method, path, **options)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx.ReadTimeout("Timeout"), "no answer within 30 s"),
        (httpx.ReadError("connection reset"), "connection reset"),
    ],
)
def test_a_scheduler_that_is_too_busy_to_answer_is_busy(error: Exception, reason: str) -> None:
    both = f"by the API server's proxy: {reason}; by a port-forward: 502 Bad Gateway"
    assert asyncio.run(drain.look(Away(error), "lab", "a-old")) == Silent(both)  # type: ignore[arg-type]


class Unreachable(FakeApi):
    """A Kubernetes whose API server does not reach pods, and whose kubelets do."""

    def __init__(self, forward: Any, port: int = 8787, proxy: Any = 503) -> None:
        super().__init__({PODS: {"items": [scheduler({"running": {}}, port)]}, COUNTS: self._proxy})
        self.forwards = {f"lab/pod:{port}": forward}
        self.proxy, self.asked = proxy, 0

    def _proxy(self) -> Any:
        self.asked += 1
        return self.proxy


@pytest.mark.parametrize("port", [8787, 9999])
@pytest.mark.parametrize("proxy", [403, 500, 502, 503, 504])
def test_where_the_api_server_does_not_reach_pods_the_kubelet_is_asked(port: int, proxy: int) -> None:
    api = Unreachable({"clients": 3, "tasks": 7}, port, proxy)

    found = asyncio.run(drain.look(api, "lab", "a-old"))  # type: ignore[arg-type]

    assert found == Load(clients=2, tasks=7)


def test_the_way_that_works_is_taken_from_then_on(told: list[str]) -> None:
    load = counts((2, 5), (2, 3), (1, 0))
    api = Unreachable(lambda: next(load))

    run(api)

    assert "a-old: waiting for 1 client and 5 tasks" in told[0]
    assert api.asked == 1


def test_a_way_that_worked_may_fail_later() -> None:
    load = counts((2, 5), 500)
    api = Unreachable(lambda: next(load))

    async def twice() -> list[Any]:
        looks = [await drain.look(api, "lab", "a-old")]  # type: ignore[arg-type]
        api.proxy = {"clients": 4, "tasks": 1}
        return [*looks, await drain.look(api, "lab", "a-old")]  # type: ignore[arg-type]

    assert asyncio.run(twice()) == [Load(1, 5), Load(3, 1)]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"error forwarding port 8787: connection refused", "error forwarding port 8787: connection refused"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404 Not Found"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "its answer cannot be read: JSONDecodeError"),
        (b"SSH-2.0-OpenSSH", "no HTTP answer: BadStatusLine"),
        (httpx.ConnectError("no route to host"), "no route to host"),
        (httpx_ws.WebSocketNetworkError(), "WebSocketNetworkError()"),
        (403, "403 Forbidden"),
    ],
)
def test_what_keeps_the_kubelet_from_answering_is_told(answer: Any, reason: str) -> None:
    found = asyncio.run(drain.look(Unreachable(answer), "lab", "a-old"))  # type: ignore[arg-type]

    assert isinstance(found, Silent)
    assert f"by a port-forward: {reason}" in found.reason


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    api = Unreachable(b'HTTP/1.0 200 OK\r\n\r\n{"clients": 1, "tasks": 4}')

    assert asyncio.run(drain.look(api, "lab", "a-old")) == Load(0, 4)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "runs"),
    [
        pytest.param({"running": {}}, True, id="runs-and-cannot-be-reached"),
        pytest.param({"waiting": {"reason": "ImagePullBackOff"}}, False, id="never-started"),
        pytest.param({"terminated": {"exitCode": 1}}, False, id="has-ended"),
        pytest.param(None, False, id="no-pod"),
    ],
)
def test_a_scheduler_out_of_reach_has_work_only_if_it_runs(state: dict[str, Any] | None, runs: bool) -> None:
    """With `publishNotReadyAddresses` the API server says the same of all of them (apimachinery proxy/transport.go)."""
    words = "error trying to reach service: dial tcp 10.0.0.1:8787: connect: connection refused"
    answer = httpx.Response(503, text=words, request=httpx.Request("GET", "http://kubernetes"))
    pods = {"items": [scheduler(state)] if state is not None else []}

    found = asyncio.run(drain.look(FakeApi({COUNTS: answer, PODS: pods}), "lab", "a-old"))  # type: ignore[arg-type]

    assert isinstance(found, Silent) if runs else found is None


def test_a_failed_cluster_is_drained_at_once(told: list[str]) -> None:
    run(api(503, running=False))

    assert told == ["a-old: drained after 0 s"]


def test_the_scheduler_itself_is_no_client() -> None:
    load = asyncio.run(drain.look(api((1, 0)), "lab", "a-old"))  # type: ignore[arg-type]

    assert load == Load(clients=0, tasks=0)


def test_who_may_not_look_is_told_what_to_do(told: list[str]) -> None:
    forbidden = Unreachable(403, proxy=403)
    rule = r"`get` `services/proxy`, or to `get` and `create` `pods/portforward`, .*'lab'; grant one of the two"

    with pytest.raises(ClusterError, match=rule):
        run(forbidden)

    run(forbidden, "0s")

    assert told == ["a-old: its clients are disconnected now (drainTimeout: 0s)"]
