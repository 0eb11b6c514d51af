"""How the Kubernetes API is asked when it does not answer at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from components import kube
from components.errors import ClusterError
from components.kube import Connection

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
    async def call_api(self, method: str, **_: Any) -> AsyncIterator[httpx.Response]:
        self.times -= 1
        if self.times >= 0:
            raise httpx.ConnectError("All connection attempts failed")
        yield httpx.Response(200, json={"kind": method})


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube, "POLL_SECONDS", 0)


def test_a_read_outlives_a_restart_of_the_api_server() -> None:
    assert asyncio.run(kube.get(Away(3), "api/v1/pods")) == {"kind": "GET"}  # type: ignore[arg-type]


def test_a_server_that_stays_away_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 50))
    monkeypatch.setattr(kube.time, "monotonic", lambda: float(next(clock)))

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

    with pytest.raises(ClusterError, match="cannot reach the Kubernetes API of the ambient kubeconfig"):
        asyncio.run(kube.api(Connection(kubeconfig=str(file))))
