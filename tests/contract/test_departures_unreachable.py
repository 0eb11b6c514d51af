"""A departing worker that cannot reach its scheduler: silent, unknown to DNS, or missing."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.manifests import certificates
from components.manifests import environment as podenv
from components.settings.tls import Tls
from tests.contract.dasks import cluster, counted, executions, play, pre_stop, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.filterwarnings("default")]
SCHEDULER = """
import asyncio
from distributed import Scheduler, Worker
async def main():
    async with Scheduler(port=0, dashboard_address=":0", host="tls://127.0.0.1") as scheduler:
        async with Worker(scheduler.address, nthreads=1, name="goes", dashboard_address=":0"):
            print(scheduler.address, flush=True)
            await asyncio.Event().wait()
asyncio.run(main())
"""


def tls_environment(folder: Path, role: str) -> dict[str, str]:
    """The variables of a pod of this role, with the files in a folder of this machine."""
    variables = podenv.tls_environment(role, Tls(enabled=True))
    return {item["name"]: item["value"].replace(podenv.TLS_PATH, str(folder)) for item in variables}


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The address of a scheduler that speaks TLS, with one worker beside it in the same process."""
    for name, text in certificates.make("a", 10).items():
        (tmp_path / name).write_text(text)
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SCHEDULER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | tls_environment(tmp_path, "scheduler") | tls_environment(tmp_path, "worker"),
    )
    assert process.stdout
    try:
        yield process.stdout.readline().strip(), process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_scheduler_that_is_silent_for_15_s_under_tls_is_waited_for(
    tls: tuple[str, "subprocess.Popen[str]"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, process = tls
    process.send_signal(signal.SIGSTOP)

    async def scenario() -> None:
        leaving = asyncio.create_task(pre_stop(address, "goes", 60, tls_environment(tmp_path, "worker")))
        await asyncio.wait([leaving], timeout=15)
        early = leaving.done()
        process.send_signal(signal.SIGCONT)
        ended = await leaving

        assert not early, ended.errors
        assert ended.code == 0, ended.errors
        assert ended.seconds < 40

    play(scenario())
    environment = tls_environment(tmp_path, "client")
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    count = "from distributed import Client; import sys\nwith Client(sys.argv[1]) as c: print(len(c.nthreads()))"
    left = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", count, address], capture_output=True, text=True, timeout=60, check=True
    )
    assert left.stdout.strip() == "0"


def resolver(folder: Path, code: str, failures: int) -> dict[str, str]:
    """The environment of a process whose first name look-ups fail, and then find this machine."""
    (folder / "sitecustomize.py").write_text(
        "import socket\nasked, real = [], socket.getaddrinfo\n"
        "def getaddrinfo(host, *rest, **more):\n"
        "    asked.append(host)\n"
        f"    if len(asked) <= {failures}: raise socket.gaierror(socket.{code}, 'no address')\n"
        "    return real('127.0.0.1', *rest, **more)\n"
        "socket.getaddrinfo = getaddrinfo\n"
    )
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize("host", ["127.0.0.1", "scheduler.invalid"])
def test_only_a_scheduler_that_is_missing_for_seconds_ends_it_early(host: str, tmp_path: Path) -> None:
    """Nothing listens on port 1, and no DNS server knows the name."""
    env = resolver(tmp_path, "EAI_NONAME", 1000) if host.endswith(".invalid") else None

    async def scenario() -> None:
        ended = await pre_stop(f"tcp://{host}:1", "goes", 60, env)

        assert ended.code == 1
        assert ended.errors.startswith(f"no scheduler exists at tcp://{host}:1")
        assert 5 <= ended.seconds < 15

    play(scenario())


@pytest.mark.parametrize(("code", "failures"), [("EAI_NONAME", 2), ("EAI_AGAIN", 8)])
def test_a_dns_server_that_is_away_for_a_while_is_asked_again(code: str, failures: int, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster("stays", "goes") as (scheduler, _, _client):
            address = scheduler.address.replace("127.0.0.1", "scheduler.invalid")
            ended = await pre_stop(address, "goes", env=resolver(tmp_path, code, failures))

            assert ended.code == 0, ended.errors
            assert len(scheduler.workers) == 1

    play(scenario())


def test_a_scheduler_that_vanishes_after_the_first_look_does_not_hold_the_pod_up() -> None:
    """As in a cluster that is deleted as a whole while a worker still starts."""

    async def scenario() -> None:
        looked = asyncio.Event()

        def end(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()
            looked.set()

        server = await asyncio.start_server(end, "127.0.0.1", 0)
        address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        leaving = asyncio.create_task(pre_stop(address, "starts", 600))
        await looked.wait()
        server.close()

        ended = await leaving

        assert ended.code == 1
        assert f"no scheduler exists at {address}" in ended.errors
        assert ended.seconds < 40

    play(scenario())


def test_a_scheduler_that_vanishes_while_tasks_run_does_not_hold_the_pod_up() -> None:
    async def scenario() -> None:
        async with cluster("stays", "goes") as (scheduler, _, client):
            long = client.submit(counted, 0, 1, seconds=20, workers=["goes"])
            await until(lambda: executions[1] == 1, "the long task runs")
            leaving = asyncio.create_task(pre_stop(scheduler.address, "goes", 600))
            goes = next(it for it in scheduler.workers.values() if it.name == "goes")
            await until(lambda: goes.status.name == "closing_gracefully", "the preStop waits for the task")

            del long
            await scheduler.close()
            ended = await leaving

            assert "no scheduler exists" in ended.errors
            assert ended.seconds < 60

    play(scenario())
