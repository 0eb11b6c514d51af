"""One login per run, and nothing of it on the disk."""

import asyncio
import gc
import signal
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components import kubernetes as kubernetes_module
from components.kube import client as kube
from components.kube import private_files, session, transport
from components.kube.client import Connection
from components.kube.credentials import Credentials
from components.kube.errors import ClusterError
from components.kube.private_files import PrivateFiles
from tests.support.clock import FakeClock
from tests.unit.server import Answer, Server, runs, with_key, with_plugin

OK: Answer = (200, {}, {"gitVersion": "v1.34.0", "items": []})


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, empty."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def run(server: Server, work: Callable[[Connection], Awaitable[Any]], folder: Path, user: dict[str, Any]) -> Any:
    async def main() -> Any:
        async with server.running():
            try:
                return await work(Connection(kubeconfig=server.kubeconfig(folder, user)))
            finally:
                await session.close()

    return asyncio.run(main())


def test_twenty_calls_at_once_run_a_slow_plugin_once(tmp_path: Path, temporary: Path) -> None:
    async def work(connection: Connection) -> int:
        return len({id(client) for client in await asyncio.gather(*(kube.api(connection) for _ in range(20)))})

    clients = run(Server(lambda *_: OK), work, tmp_path, with_plugin(tmp_path, seconds=1))

    assert (clients, runs(tmp_path)) == (1, 1)
    assert list(temporary.iterdir()) == []


def test_no_key_is_left_on_the_disk(tmp_path: Path, temporary: Path) -> None:
    seen: list[Path] = []

    async def work(connection: Connection) -> None:
        await kube.get(await kube.api(connection), "api/v1/pods")
        seen.extend(temporary.rglob("*"))

    run(Server(lambda *_: OK), work, tmp_path, with_key())

    assert seen == []
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("place", ["memory", "disk"])
def test_an_end_while_the_key_is_read_leaves_none(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Ctrl-C ends the program without unwinding it: `end_quickly`."""
    if place == "disk":
        monkeypatch.setattr(private_files, "_OWN", Path("/nowhere"))
    seen: list[bool] = []

    def ended(_: Any, user: Credentials, files: PrivateFiles) -> None:
        file = Path(files.write("client.pem", user.key))
        assert "PRIVATE KEY" in file.read_text()
        seen.append(bool(list(temporary.iterdir())))
        kube.remove_credentials()
        seen.append(file.exists() or bool(list(temporary.iterdir())))
        raise ClusterError("the process has ended")

    monkeypatch.setattr(transport, "_show", ended)
    with pytest.raises(ClusterError, match="the process has ended"):
        run(Server(lambda *_: OK), kube.api, tmp_path, with_key())

    assert seen == [place == "disk", False]


def test_an_expired_token_is_renewed_once_for_all_and_nobodys_request_is_lost(tmp_path: Path, temporary: Path) -> None:
    def answer(_: str, path: str, headers: dict[str, str]) -> Answer:
        expired = headers["authorization"] == "Bearer 1" and not path.startswith("/version")
        return (401, {}, {"message": "Unauthorized"}) if expired else OK

    async def work(connection: Connection) -> int:
        client = await kube.api(connection)
        return len(await asyncio.gather(*(kube.get(client, "api/v1/pods") for _ in range(20))))

    answers = run(Server(answer), work, tmp_path, with_plugin(tmp_path))

    assert (answers, runs(tmp_path)) == (20, 2)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("status", [401, 403, 404, 409, 422])
def test_what_does_not_pass_is_asked_once(tmp_path: Path, status: int) -> None:
    server = Server(
        lambda _, path, __: OK if path.startswith("/version") else (status, {}, {"message": "in its words"})
    )

    async def work(connection: Connection) -> None:
        await kube.get(await kube.api(connection), "api/v1/pods")

    with pytest.raises(kube.ServerError, match="in its words"):
        run(server, work, tmp_path, with_plugin(tmp_path))

    # A login is worth a second try after 401 only.
    assert len(server.asked) == 1 + (2 if status == 401 else 1)
    assert runs(tmp_path) == (2 if status == 401 else 1)


def test_a_first_call_outlives_a_restart_of_the_api_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "POLL_SECONDS", 0.01)
    server = Server(lambda *_: OK)

    async def main() -> None:
        async with server.running():
            connection = Connection(kubeconfig=server.kubeconfig(tmp_path, {"token": "t"}))
        first = asyncio.create_task(kube.api(connection))
        await asyncio.wait({first}, timeout=0.2)
        assert not first.done()
        async with server.running():
            await first
            await session.close()

    asyncio.run(main())


def test_refused_credentials_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="it refuses the credentials"):
        run(Server(lambda *_: (401, {}, {})), kube.api, tmp_path, {"token": "t"})


def test_a_failure_is_told_to_all_who_ask_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeClock().install(monkeypatch)
    server = Server(lambda *_: OK)

    async def main() -> list[Any]:
        async with server.running():
            connection = Connection(kubeconfig=server.kubeconfig(tmp_path, with_plugin(tmp_path)))
        answers = await asyncio.gather(*(kube.api(connection) for _ in range(20)), return_exceptions=True)
        await session.close()
        return answers

    answers = asyncio.run(main())

    assert all(isinstance(answer, ClusterError) for answer in answers)
    assert runs(tmp_path) == 1


def test_ctrl_c_removes_the_credentials_before_it_ends_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Any] = []
    monkeypatch.setattr(kubernetes_module.signal, "signal", lambda _, handler: handler())
    monkeypatch.setattr(kubernetes_module, "remove_credentials", lambda: done.append("removed"))
    monkeypatch.setattr(kubernetes_module.os, "_exit", done.append)

    kubernetes_module.end_quickly()

    assert done == ["removed", 1]


def test_a_program_in_a_thread_leaves_the_process_that_it_is_a_part_of_alone() -> None:
    """Python refuses to set a handler outside of the main thread, and the process is not the program's to end."""
    before = (signal.getsignal(signal.SIGINT), gc.get_threshold(), pulumi.log.debug)
    with ThreadPoolExecutor() as threads:
        threads.submit(kubernetes_module.end_quickly).result()

    assert (signal.getsignal(signal.SIGINT), gc.get_threshold(), pulumi.log.debug) == before


def test_the_import_of_httpx_takes_no_command_line_and_no_other_event_loop_with_it(tmp_path: Path) -> None:
    """And leaves them to whoever wants them."""
    program = """
import sys
from components.kube.session import _import_httpx
_import_httpx()
assert not {"trio", "rich", "pygments", "httpx._main"} & set(sys.modules), sorted(sys.modules)
import trio, httpx._main, httpx
"""
    subprocess.run([sys.executable, "-c", program], check=True)
