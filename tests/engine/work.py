"""Work for a Dask cluster, and clients that bring it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from distributed import Client, wait

from tests.stacks import wait_until


@contextmanager
def client(address: str, seconds: float = 30, **options: Any) -> Iterator[Client]:
    """A client from outside Kubernetes that gives up connecting after some seconds."""
    with Client(address, timeout=seconds, set_as_default=False, **options) as made:
        yield made


def computes(address: str, **options: Any) -> bool:
    """Whether a new client gets a right result at the address."""
    with client(address, **options) as made:
        return made.submit(sum, [1, 2, 3], pure=False).result(timeout=60) == 6


class Persisted:
    """Results that live on the workers and nowhere else, and the count of how often they were computed."""

    def __init__(self, made: Client, count: int = 100) -> None:
        self._client, self._count, self._topic = made, count, f"executed-{uuid4()}"
        self._futures: list[Any] = made.map(counted, range(count), topic=self._topic, pure=False)
        with made.as_current():
            wait(self._futures, timeout=60)
        assert self.executions() == count

    def intact(self) -> bool:
        """Whether all of them are still there, and none was computed again."""
        results: Any = self._client.gather(self._futures)
        return [i for i, _ in results] == list(range(self._count)) and self.executions() == self._count

    def executions(self) -> int:
        """How often they were computed. A mark from every worker comes after all that the worker had to tell."""
        mark, workers = f"mark-{uuid4()}", self._client.scheduler_info(n_workers=-1)["workers"]
        marks = [self._client.submit(counted, mark, self._topic, workers=[name], pure=False) for name in workers]
        wait_until(lambda: self._seen().count(mark) == len(marks), 60, "a mark of every worker")
        return sum(isinstance(item, int) for item in self._seen())

    def _seen(self) -> list[int | str]:
        events: Any = self._client.get_events(self._topic)
        return [item for _, item in events]


def counted(item: int | str, topic: str) -> tuple[int | str, bytes]:
    """A task that leaves a trace each time it runs: the scheduler keeps the events of workers that are gone."""
    from distributed import get_worker

    get_worker().log_event(topic, item)
    return item, bytes(1000)


# distributed sends what belongs to `__main__` by value (distributed/protocol/pickle.py): workers do not have this file.
counted.__module__ = "__main__"


def pods_behind(address: str) -> set[str]:
    """The names of the workers that a new client finds at the address."""
    with client(address) as made:
        return {str(worker["name"]) for worker in made.scheduler_info(n_workers=-1)["workers"].values()}
