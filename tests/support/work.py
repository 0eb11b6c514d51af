"""Work for a Dask cluster, and clients that bring it.

distributed sends what belongs to `__main__` by value (distributed/protocol/pickle.py), inside of task graphs too; the
workers do not have this file.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from distributed import Client, wait

from tests.support.wait import wait_until

RESULT_SECONDS = 120


@contextmanager
def client(address: str, seconds: float = 30, **options: Any) -> Iterator[Client]:
    """A client from outside Kubernetes that gives up connecting after some seconds."""
    with Client(address, timeout=seconds, set_as_default=False, **options) as made:
        yield made


def computes(address: str, **options: Any) -> bool:
    """Whether a new client gets a right result of its own function at the address."""
    with client(address, **options) as made:
        return made.submit(double, 21, pure=False).result(timeout=60) == 42


def pods_behind(address: str) -> set[str]:
    """The names of the workers that a new client finds at the address."""
    with client(address) as made:
        return workers_of(made)


def workers_of(made: Client) -> set[str]:
    """The names of the workers that have registered with the client's scheduler."""
    # Client.scheduler_info may return what the client has just asked for by itself, which is without the workers.
    scheduler: Any = made.scheduler
    found: Any = made.sync(scheduler.identity)
    return {str(worker["name"]) for worker in found["workers"].values()}


class Work:
    """Results that live on the workers and nowhere else, and tasks that are running; all of them count themselves."""

    def __init__(self, made: Client, held: int = 100, running: int = 0, seconds: float = 0.5) -> None:
        """Waits until `held` results are computed, then submits `running` tasks of some seconds each."""
        self._client, self._count, self._topic = made, held + running, f"executed-{uuid4()}"
        self._futures: list[Any] = made.map(counted, range(held), topic=self._topic, pure=False)
        with made.as_current():
            wait(self._futures, timeout=60)
        assert self.executions() == held
        self._futures += made.map(counted, range(held, held + running), topic=self._topic, seconds=seconds, pure=False)

    def intact(self) -> bool:
        """Whether every result arrives, and no task has run twice. Prints those that have."""
        arrived, executions = self.arrives(), self.executions()
        if executions != self._count:
            seen = Counter(item for item in self._seen() if isinstance(item, int))
            print(f"begun {executions} times: {self._count} tasks; twice:", [it for it, n in seen.items() if n > 1])
        return arrived and executions == self._count

    def arrives(self) -> bool:
        """Whether every result arrives, however often its task has run."""
        results: Any = self._client.gather(self._futures)
        return [i for i, _ in results] == list(range(self._count))

    def begun(self) -> int:
        """How many tasks have begun, as far as the scheduler has heard."""
        return len(self._seen())

    def executions(self) -> int:
        """How many times tasks have run. A mark from every worker comes after all that the worker had to tell.

        A worker that retires meanwhile has told everything.
        """
        marks = {name: f"mark-{uuid4()}" for name in self._workers()}
        asked = [
            self._client.submit(counted, it, self._topic, workers=[name], pure=False) for name, it in marks.items()
        ]

        def told() -> bool:
            present, seen = self._workers(), self._seen()
            return all(mark in seen for name, mark in marks.items() if name in present)

        wait_until(told, 60, "a mark of every worker")
        del asked
        return sum(isinstance(item, int) for item in self._seen())

    def _workers(self) -> set[str]:
        threads: Any = self._client.nthreads()
        return set(threads)

    def _seen(self) -> list[int | str]:
        events: Any = self._client.get_events(self._topic)
        return [item for _, item in events]


def counted(item: int | str, topic: str, seconds: float = 0) -> tuple[int | str, bytes]:
    """A task that leaves an event each time it begins: the scheduler keeps the events of workers that are missing."""
    import time

    from distributed import get_worker

    get_worker().log_event(topic, item)
    time.sleep(seconds)
    return item, bytes(1000)


def where(i: int, seconds: float = 1) -> tuple[int, str]:
    """Some seconds of work, and the pod that did it."""
    import socket
    import time

    time.sleep(seconds)
    return i, socket.gethostname()


def double(number: int) -> int:
    return number * 2


def variable(name: str) -> str:
    """An environment variable of the process."""
    import os

    return os.environ[name]


for task in (counted, where, double, variable):
    task.__module__ = "__main__"
