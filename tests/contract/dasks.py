"""A Dask cluster in this process, and workers that leave it as their pods do: the preStop first, then SIGTERM."""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import dask.config
from distributed import Client, Scheduler, Worker

from components.manifests.embedding import RETIRE, program

# The workers share this process' memory, which is nobody's fault but this test's.
QUIET = {
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.scheduler.dashboard.status.task-stream-length": 10,
}
executions: Counter[Any] = Counter()


@dataclass(frozen=True)
class Ended:
    """A preStop that has ended."""

    code: int
    seconds: float
    errors: str


async def pre_stop(address: str, name: str, seconds: float = 30, env: dict[str, str] | None = None) -> Ended:
    """What the kubelet runs in the worker's container."""
    about = {"DASK_SCHEDULER_ADDRESS": address, "DASK_WORKER_NAME": name, "DASK_RETIRE_SECONDS": str(seconds)}
    begin = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-c", program(*RETIRE)),
        env=os.environ | about | (env or {}),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    return Ended(process.returncode or 0, time.monotonic() - begin, errors.decode())


@asynccontextmanager
async def cluster(*names: str, threads: int = 1) -> AsyncIterator[tuple[Scheduler, dict[str, Worker], Any]]:
    """A scheduler, workers of these names, and a client."""
    executions.clear()
    with dask.config.set(QUIET):
        async with Scheduler(port=0, dashboard_address=":0", host="127.0.0.1") as scheduler:
            workers = {name: await Worker(scheduler.address, nthreads=threads, name=name) for name in names}
            try:
                async with Client(scheduler.address, asynchronous=True, set_as_default=False) as client:
                    yield scheduler, workers, client
            finally:
                for worker in workers.values():
                    await worker.close()


async def until(holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Waits until something holds; fails with `what` when it does not within the time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        await asyncio.sleep(0.05)


def play(part: Awaitable[None]) -> None:
    """Runs a test's coroutine."""

    async def whole() -> None:
        await part

    asyncio.run(whole())


def counted(_: object, number: int, seconds: float) -> int:
    """A task whose executions are counted."""
    executions[number] += 1
    time.sleep(seconds)
    return number
