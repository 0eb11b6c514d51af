"""How the Kubernetes API is asked when it does not answer at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from components.kube import client as kube
from components.kube import session, wait
from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.kube.wait import Clock
from tests.support.clock import FakeClock

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: nowhere
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
clusters: [{name: nowhere, cluster: {server: 'https://127.0.0.1:9'}}]
users: [{name: nobody, user: {}}]
"""


class Away:
    """A server that takes no connection for the first `times` requests."""

    def __init__(self, times: int) -> None:
        self.times = times

    @asynccontextmanager
    async def send(self, method: str, _: str, **__: Any) -> AsyncIterator[httpx.Response]:
        self.times -= 1
        if self.times >= 0:
            raise httpx.ConnectError("All connection attempts failed")
        yield httpx.Response(200, json={"kind": method})


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeClock().install(monkeypatch)
    monkeypatch.setattr(session, "CONNECT_SECONDS", 0)


def test_a_read_outlives_a_restart_of_the_api_server() -> None:
    assert asyncio.run(kube.get(Away(3), "api/v1/pods")) == {"kind": "GET"}  # type: ignore[arg-type]


class Refusing:
    """A server that refuses the first `times` requests with one status, and `Retry-After` where it is given."""

    def __init__(self, status: int, times: int, after: str | None = None) -> None:
        self.status, self.times, self.after, self.asked = status, times, after, 0

    @asynccontextmanager
    async def send(self, method: str, _: str, **__: Any) -> AsyncIterator[httpx.Response]:
        self.asked += 1
        headers = {"Retry-After": self.after} if self.after else {}
        refused = self.asked <= self.times
        yield httpx.Response(self.status, headers=headers) if refused else httpx.Response(200, json={"kind": method})


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_read_outlives_what_passes(status: int) -> None:
    assert asyncio.run(kube.get(Refusing(status, 3), "api/v1/pods")) == {"kind": "GET"}  # type: ignore[arg-type]


@pytest.mark.parametrize(("status", "asked"), [(429, 2), (500, 1), (503, 1)])
def test_a_write_is_sent_again_only_where_it_was_not_taken(status: int, asked: int) -> None:
    server = Refusing(status, 1)

    with suppress(kube.ServerError):
        asyncio.run(kube.patch(server, "api/v1/namespaces/n/pods/p", {}))  # type: ignore[arg-type]

    assert server.asked == asked


def test_the_server_says_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(wait, "CLOCK", Clock(sleep=sleep))

    asyncio.run(kube.get(Refusing(429, 2, after="7"), "api/v1/pods"))  # type: ignore[arg-type]
    asyncio.run(kube.get(Refusing(429, 1, after="3600"), "api/v1/pods"))  # type: ignore[arg-type]

    assert pauses == [7, 7, 30]


def test_what_stands_behind_a_proxy_is_asked_once() -> None:
    server = Refusing(503, 1)

    with pytest.raises(kube.ServerError):
        asyncio.run(kube.once(server, "api/v1/namespaces/n/services/s/proxy/"))  # type: ignore[arg-type]

    assert server.asked == 1


def test_a_server_that_stays_away_ends_the_wait() -> None:
    with pytest.raises(ClusterError, match="has not answered for 120 s: ConnectError"):
        asyncio.run(kube.get(Away(1000), "api/v1/pods"))  # type: ignore[arg-type]


@pytest.mark.parametrize("contents", [True, False])
def test_a_kubeconfig_is_taken_as_contents_or_as_a_path(tmp_path: Path, contents: bool) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(KUBECONFIG)
    connection = Connection(kubeconfig=KUBECONFIG if contents else str(file))

    with pytest.raises(ClusterError, match=r"at https://127\.0\.0\.1:9: "):
        asyncio.run(kube.api(connection))

    assert connection.holds_contents == contents
    assert "127.0.0.1" not in repr(connection)


def test_what_is_no_kubeconfig_is_told_without_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text("")

    with pytest.raises(ClusterError, match="kubeconfig does not say which Kubernetes cluster it is"):
        asyncio.run(kube.api(Connection(kubeconfig=str(file))))
