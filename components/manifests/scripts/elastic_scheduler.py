"""Asks the scheduler for its load over Dask's own protocol, with TLS where the cluster has it.

Two small functions enter the scheduler once for each connection. They answer in plain numbers and texts, and nothing
that a scheduler sends is ever unpickled here: it runs users' code, and the autoscaler holds a token.
"""

import asyncio
from typing import Any

from elastic_state import PROCESS, Load, Tasks, Worker
from latecomers import turn_away

LOAD, CLOSE, OPEN = (f"dask-on-kubernetes-{it}" for it in ("load", "close", "open"))
CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 60.0
# How many waiting tasks are looked at one by one, and ten times fewer of each worker. The rest is taken to be alike.
SAMPLE = 5000


def watch_load(dask_scheduler: Any, operation: str, sample: int) -> None:
    """Runs in the scheduler: adds the operation that answers with its load."""
    from itertools import islice

    from dask import config
    from dask.utils import parse_timedelta

    state = dask_scheduler

    def expected(task: Any) -> float:
        """The seconds that it takes. Older versions of distributed have a method of another name for this."""
        new = getattr(state, "_get_prefix_duration", None)
        return new(task.prefix) if new else state.get_task_duration(task)

    def summed(tasks: Any, most: int) -> list[Any]:
        """[resources, number, seconds] of tasks; those that wait for one certain worker count for none."""
        found: dict[Any, list[Any]] = {}
        looked = list(islice(tasks, most))
        scale = len(tasks) / len(looked) if looked else 0
        for task in looked:
            restricted = task.worker_restrictions or task.host_restrictions
            if restricted and not task.loose_restrictions:
                continue
            asked = {str(key): float(value) for key, value in (task.resource_restrictions or {}).items()}
            kind = found.setdefault(tuple(sorted(asked.items())), [asked, 0, 0.0])
            kind[1] += 1
            kind[2] += expected(task)
        return [[asked, round(count * scale), seconds * scale] for asked, count, seconds in found.values()]

    def worker(it: Any, may_leave: bool) -> dict[str, Any]:
        pinned = [kind for kind in (summed(it.processing, sample // 10) if it.resources else ()) if kind[0]]
        return {
            "name": str(it.name),
            "threads": int(it.nthreads),
            "tasks": len(it.processing),
            "seconds": float(it.occupancy),
            "pinned": pinned,
            "kept": bool(it.actors or it.long_running or not may_leave or it.status.name != "running"),
            "leaving": "leaving" in it.extra,
            "held": int(it.nbytes),
            "memory": int(it.memory_limit or 0),
            "resources": {str(key): float(value) for key, value in it.resources.items()},
        }

    def load() -> dict[str, Any]:
        may_leave = list(state.workers.values())
        for plugin in list(state.plugins.values()):
            if hasattr(plugin, "valid_workers_downscaling"):
                may_leave = plugin.valid_workers_downscaling(state, may_leave)
        addresses = {it.address for it in may_leave}
        queued = summed(getattr(state, "queued", ()), sample)
        return {
            "workers": [worker(it, it.address in addresses) for it in state.workers.values()],
            "waiting": [*queued, *summed(state.unrunnable, sample)],
            "target": parse_timedelta(config.get("distributed.adaptive.target-duration")),
        }

    dask_scheduler.handlers[operation] = load


def watch_departures(dask_scheduler: Any, close: str, open: str, process: str) -> None:
    """Runs in the scheduler: adds the operations that close the workers of pods to tasks, and open them again."""
    from re import sub
    from time import time

    state = dask_scheduler
    # A Deployment that is deleted does not come back under its name. Its last pod ends long before.
    late_seconds = 86400

    def by_pod(pods: list[str]) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {pod: [] for pod in pods}
        for worker in state.workers.values():
            found.get(sub(process, r"\1", str(worker.name)), []).append(worker)
        return found

    def is_busy(worker: Any) -> bool:
        return bool(worker.processing or worker.long_running or worker.actors)

    def become(worker: Any, status: str) -> None:
        """As Scheduler.retire_workers does it: at once in the scheduler, and then in the worker."""
        about = {"status": status, "stimulus_id": f"{close}-{time()}"}
        state.handle_worker_status_change(worker=worker.address, **about)
        state.stream_comms[worker.address].send({"op": "worker-status-change", **about})

    def close_to_tasks(pods: list[str], busy: list[str]) -> list[str]:
        """Returns the pods that are closed. One that has tasks stays open, unless it is among `busy`."""
        workers = by_pod(pods)
        turn_away(state, [pod for pod in pods if not workers[pod]], None, late_seconds)
        closed = [pod for pod in pods if pod in busy or not any(is_busy(it) for it in workers[pod])]
        for worker in [it for pod in closed for it in workers[pod]]:
            worker.extra["leaving"] = True
            become(worker, "closing_gracefully")
        return closed

    def open_to_tasks(pods: list[str]) -> None:
        turn_away(state, pods, None, 0)
        for worker in [it for workers in by_pod(pods).values() for it in workers]:
            if worker.extra.pop("leaving", False):
                become(worker, "running")

    dask_scheduler.handlers[close], dask_scheduler.handlers[open] = close_to_tasks, open_to_tasks


def read_load(answer: Any) -> Load:
    """The load in a scheduler's answer. Raises `ValueError` for anything else."""
    try:
        workers = [{**it, "pinned": tuple(Tasks(*kind) for kind in it["pinned"])} for it in answer["workers"]]
        waiting = tuple(Tasks(*kind) for kind in answer["waiting"])
        return Load(tuple(Worker(**it) for it in workers), waiting, float(answer["target"]))
    except (TypeError, KeyError) as error:
        raise ValueError(f"the scheduler's answer cannot be read: {error!r}") from error


def refuse_pickle(*_: Any, **__: Any) -> Any:
    """Takes the place of `pickle.loads` in Dask's protocol."""
    raise ValueError("the scheduler has sent a pickle, which is not read here")


class SchedulerLoad:
    """A connection to the scheduler, opened when it is needed."""

    def __init__(self, address: str) -> None:
        from distributed.protocol import pickle

        pickle.loads = refuse_pickle
        self.address, self.comm = address, None

    async def ask(self) -> Load:
        """The load now. Raises `OSError` where no scheduler answers in time, `ValueError` for an odd answer."""
        return read_load(await self._answer(LOAD))

    async def close_to_tasks(self, pods: list[str], busy: list[str]) -> list[str]:
        """The scheduler gives no more tasks to the workers of these pods. Raises as `ask` does.

        Returns the pods for which this is so: one that has tasks already stays as it is, unless it is among `busy`.
        """
        closed = await self._answer(CLOSE, pods=pods, busy=busy)
        return [pod for pod in pods if pod in closed]

    async def open_to_tasks(self, pods: list[str]) -> None:
        """Takes `close_to_tasks` back. Raises as `ask` does."""
        await self._answer(OPEN, pods=pods)

    async def _answer(self, operation: str, **about: Any) -> Any:
        from distributed.core import send_recv

        async def asked() -> Any:
            if self.comm is None:
                self.comm = await self._connected()
            return await send_recv(self.comm, op=operation, **about)

        try:
            return await asyncio.wait_for(asked(), ANSWER_SECONDS)
        except BaseException as error:
            self.close()
            if isinstance(error, (TimeoutError, asyncio.TimeoutError)):  # two classes before Python 3.11
                raise OSError(f"the scheduler has not answered within {ANSWER_SECONDS:.0f} s") from error
            raise

    async def _connected(self) -> Any:
        from distributed.comm.core import connect
        from distributed.core import send_recv
        from distributed.protocol.pickle import dumps
        from distributed.security import Security

        tls = Security().get_connection_args("client")
        comm = await connect(self.address, timeout=CONNECT_SECONDS, deserialize=False, **tls)
        functions: dict[Any, Any] = {
            watch_load: {"operation": LOAD, "sample": SAMPLE},
            watch_departures: {"close": CLOSE, "open": OPEN, "process": PROCESS},
        }
        for function, arguments in functions.items():
            call: dict[str, Any] = {"function": dumps(function), "kwargs": dumps(arguments)}
            answer = await send_recv(comm, op="run_function", **call)
            if not isinstance(answer, dict) or answer.get("status") != "OK":
                comm.abort()
                raise ValueError(f"the scheduler refuses a function of the autoscaler: {answer}")
        return comm

    def close(self) -> None:
        """Closes the connection; the next question opens another one."""
        if self.comm is not None:
            self.comm.abort()
            self.comm = None
