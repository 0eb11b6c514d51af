"""Asks the scheduler for its load over Dask's own protocol, with TLS where the cluster has it.

A small function enters the scheduler once for each connection. It answers in plain numbers and texts, and nothing that
a scheduler sends is ever unpickled here: it runs users' code, and the autoscaler holds a token.
"""

import asyncio
from typing import Any

from elastic_state import Load, Tasks, Worker

OPERATION = "dask-on-kubernetes-load"
CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 60.0
# How many waiting tasks are looked at one by one, and ten times fewer of each worker. The rest is taken to be alike.
SAMPLE = 5000


def watch_load(dask_scheduler: Any, operation: str, sample: int) -> None:
    """Runs in the scheduler: adds the operation that answers with its load."""
    from itertools import islice

    from dask import config
    from dask.utils import parse_timedelta

    state = dask_scheduler

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
            kind[2] += state._get_prefix_duration(task.prefix)
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
        try:
            return await asyncio.wait_for(self._ask(), ANSWER_SECONDS)
        except BaseException as error:
            self.close()
            if isinstance(error, (TimeoutError, asyncio.TimeoutError)):  # two classes before Python 3.11
                raise OSError(f"the scheduler has not answered within {ANSWER_SECONDS:.0f} s") from error
            raise

    async def _ask(self) -> Load:
        from distributed.core import send_recv

        if self.comm is None:
            self.comm = await self._connected()
        return read_load(await send_recv(self.comm, op=OPERATION))

    async def _connected(self) -> Any:
        from distributed.comm.core import connect
        from distributed.core import send_recv
        from distributed.protocol.pickle import dumps
        from distributed.security import Security

        tls = Security().get_connection_args("client")
        comm = await connect(self.address, timeout=CONNECT_SECONDS, deserialize=False, **tls)
        arguments = {"operation": OPERATION, "sample": SAMPLE}
        call: dict[str, Any] = {"function": dumps(watch_load), "kwargs": dumps(arguments)}
        answer = await send_recv(comm, op="run_function", **call)
        if not isinstance(answer, dict) or answer.get("status") != "OK":
            comm.abort()
            raise ValueError(f"the scheduler refuses the function that reads its load: {answer}")
        return comm

    def close(self) -> None:
        """Closes the connection; the next question opens another one."""
        if self.comm is not None:
            self.comm.abort()
            self.comm = None
