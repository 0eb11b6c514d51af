"""The verify Job's program against real schedulers and workers: it never fails because a cluster is small or busy."""

import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest
from distributed import Worker

from components.lifecycle.verification import RESULT
from components.manifests.embedding import script
from tests.contract.dasks import cluster, counted, executions, play, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.filterwarnings("default")]
ONE, TWO, THREE, FOUR = (f"a-default-worker-{number}" for number in range(1, 5))


async def verified(address: str, workers: int, seconds: float, prelude: str = "") -> tuple[int, str]:
    """The Job's exit code, and the last line that it writes."""
    about = {"EXPECTED_WORKERS": json.dumps({"a-default": workers}), "READY_SECONDS": str(seconds)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-c", prelude + script("verify")),
        env=os.environ | about | {"DASK_SCHEDULER_ADDRESS": address},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, errors = await process.communicate()
    lines = (told + errors).decode().strip().splitlines()
    return process.returncode or 0, lines[-1] if lines else ""


def test_a_cluster_that_is_scaled_to_zero_is_ready_when_its_scheduler_answers() -> None:
    async def scenario() -> None:
        async with cluster() as (scheduler, _, _client):
            code, told = await verified(scheduler.address, 0, 15)

        assert code == 0, told
        assert "answers; no workers are declared, so nothing was computed" in told

    play(scenario())


def test_it_says_which_dask_and_which_python_have_computed() -> None:
    async def scenario() -> None:
        async with cluster(ONE, TWO) as (scheduler, _, _client):
            code, told = await verified(scheduler.address, 2, 20)

        assert code == 0, told
        assert told.startswith(
            f"{RESULT}Dask {version('distributed')} and Python {platform.python_version()}: 2 workers at "
        )
        assert told.endswith("computed the sum of the squares below 10: 285")

    play(scenario())


def test_its_tasks_go_before_those_that_are_queued() -> None:
    """Two more workers under 300 seconds of others' work."""

    async def scenario() -> None:
        async with cluster(ONE, TWO) as (scheduler, workers, client):
            queued = client.map(counted, range(600), range(600), seconds=0.5, pure=False)
            await until(lambda: len(executions) > 1, "the first tasks run")
            workers |= {name: await Worker(scheduler.address, nthreads=1, name=name) for name in (THREE, FOUR)}

            code, told = await verified(scheduler.address, 4, 25)
            await client.cancel(queued, force=True)

        assert code == 0, told
        assert told.endswith("computed the sum of the squares below 10: 285")

    play(scenario())


def test_registered_is_enough_where_others_hold_every_thread() -> None:
    async def scenario() -> None:
        async with cluster(ONE, TWO) as (scheduler, _, client):
            longest = time.monotonic() + 40
            held = client.map(hold_a_thread, [longest, longest], pure=False)
            await until(lambda: len(executions) == 2, "each thread is held")

            code, told = await verified(scheduler.address, 2, 30)
            executions["enough"] = 1
            await client.gather(held)

        assert code == 0, told
        assert "2 workers have registered" in told
        assert "others' tasks hold every thread" in told

    play(scenario())


def hold_a_thread(longest: float) -> None:
    """Holds a thread until the test says that it is enough."""
    executions[object()] += 1
    while not executions.get("enough") and time.monotonic() < longest:
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("workers", "told_of"),
    [
        (2, lambda _: "gave up waiting for workers: registered are 1 of 2 of a-default"),
        (1, lambda address: f"gave up waiting for the scheduler at {address}"),
    ],
)
def test_what_is_missing_is_one_readable_line(workers: int, told_of: Callable[[str], Any]) -> None:
    async def scenario() -> None:
        async with cluster(ONE) as (scheduler, _, _client):
            address = scheduler.address if workers == 2 else "tcp://127.0.0.1:1"
            code, told = await verified(address, workers, 5)

        assert (code, told) == (1, told_of(address))

    play(scenario())


@pytest.mark.parametrize("expected", [2, 4])
def test_each_worker_of_a_pod_counts(expected: int) -> None:
    """As many are expected as pods together have processes."""

    async def scenario() -> None:
        async with cluster(f"{ONE}-0", f"{ONE}-1") as (scheduler, _, _client):
            code, told = await verified(scheduler.address, expected, 5)

        if expected == 2:
            assert (code, told.endswith("computed the sum of the squares below 10: 285")) == (0, True)
        else:
            assert (code, told) == (1, "gave up waiting for workers: registered are 2 of 4 of a-default")

    play(scenario())


def test_a_function_that_the_workers_cannot_take_is_a_readable_line() -> None:
    """As where the client's Python is newer than the workers'."""
    broken = "import cloudpickle\ncloudpickle.dumps = lambda *_, **__: 1 / 0\n"

    async def scenario() -> None:
        async with cluster(ONE) as (scheduler, _, _client):
            code, told = await verified(scheduler.address, 1, 15, broken)

        assert code == 1
        assert told.startswith("failed while waiting for the first result: ")

    play(scenario())


@pytest.mark.parametrize(
    ("declared", "missing"),
    [
        ("dask[array]>=2 Distributed absent;python_version<'3' git+https://example.com/own.git /opt/own", ""),
        ("dask==1.0 absent", f"dask==1.0 (it has {version('dask')}), absent"),
    ],
)
def test_packages_that_the_image_has_not_installed_are_named(
    declared: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an image that has no entrypoint like upstream's. The scheduler of this test has the same variables."""

    async def scenario() -> None:
        async with cluster(ONE) as (scheduler, _, _client):
            monkeypatch.setenv("EXTRA_PIP_PACKAGES", declared)
            code, told = await verified(scheduler.address, 1, 20)

        if missing:
            assert code == 1
            assert told.startswith(f"packages are missing on the scheduler: {missing}; the image's entrypoint has not")
        else:
            assert (code, told.endswith("computed the sum of the squares below 10: 285")) == (0, True)

    play(scenario())


def test_packages_are_looked_for_in_each_group_and_a_scheduler_that_runs_no_functions_is_no_reason_to_fail() -> None:
    async def scenario() -> None:
        async with cluster(ONE) as (scheduler, workers, _client):
            del scheduler.handlers["run_function"]
            code, told = await verified(scheduler.address, 1, 20)
            workers[ONE].handlers["run"] = lambda *_, **__: {"status": "OK", "result": ["torch"]}
            refused, names = await verified(scheduler.address, 1, 20)

        assert code == 0, told
        assert (refused, names.partition("; ")[0]) == (1, "packages are missing on the workers of a-default: torch")

    play(scenario())


def test_packages_that_a_group_lacks_which_is_about_to_be_replaced_are_no_reason_to_fail() -> None:
    """Else no change of the group could ever mend them: its workers stay until the new group has been verified."""

    async def scenario() -> None:
        async with cluster(ONE, "a-old-worker-1") as (scheduler, workers, _client):
            workers["a-old-worker-1"].handlers["run"] = lambda *_, **__: {"status": "OK", "result": ["torch"]}
            code, told = await verified(scheduler.address, 1, 20)

        assert (code, told.endswith("computed the sum of the squares below 10: 285")) == (0, True), told

    play(scenario())
