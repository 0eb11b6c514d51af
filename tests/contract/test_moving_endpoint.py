"""What a connected client may expect when the address that it took leads to another cluster: real Dask, no Kubernetes.

A forwarder stands for the endpoint's Service: connections stay where they are, new ones go where it now leads.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import dask.config
import pytest
from distributed import Client, LocalCluster, Variable, get_worker

from tests.contract.dasks import QUIET, counted, executions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.filterwarnings("default")]
TASKS, ROUNDS = 40, 20


class Endpoint:
    """A port that leads to one scheduler, and later to another. `connections` counts them by where they lead."""

    def __init__(self, leads_to: str) -> None:
        self.leads_to, self.connections = leads_to, Counter[str]()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        opening = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = opening.result(10)
        self.address = f"tcp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections[self.leads_to] += 1
        host, port = self.leads_to.removeprefix("tcp://").rsplit(":", 1)
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # the other side has closed
    finally:
        writer.close()


@contextmanager
def moving() -> Iterator[tuple[Endpoint, str, str]]:
    """An endpoint that leads to the old of two clusters, with both schedulers' addresses."""

    def cluster(name: str) -> Any:
        return LocalCluster(
            processes=False, protocol="tcp://", host="127.0.0.1", n_workers=0, dashboard_address=":0", name=name
        )

    with dask.config.set(QUIET), cluster("old") as old, cluster("new") as new:
        for made in (old, new):
            made.scale(2)
        endpoint = Endpoint(old.scheduler_address)
        try:
            yield endpoint, old.scheduler_address, new.scheduler_address
        finally:
            endpoint.close()


@contextmanager
def client(endpoint: Endpoint) -> Iterator[Any]:
    """A client at the endpoint, once its cluster has two workers."""
    with Client(endpoint.address, set_as_default=False) as made:
        made.wait_for_workers(2, timeout=30)
        yield made


def once(number: int) -> str:
    """A task that is counted."""
    counted(None, number, seconds=0.1)
    return scheduler_of()


def scheduler_of(*_: object) -> str:
    """The address of the scheduler whose worker runs this."""
    return get_worker().scheduler.address


def scattered(made: Any, number: int) -> str:
    """Which scheduler's worker has used scattered data; or the name of what is raised."""

    def use() -> str:
        [data] = made.scatter([f"model {number}"])
        return made.submit(scheduler_of, data, number, pure=False).result(timeout=15)

    return attempt(use)


def asked(made: Any) -> set[str]:
    """The schedulers of the workers that answer `run`."""
    return set(made.run(of_worker).values())


def of_worker(dask_worker: Any) -> str:
    return dask_worker.scheduler.address


def attempt(act: Callable[[], Any]) -> str:
    try:
        return str(act())
    except Exception as error:  # what is raised is the outcome
        return type(error).__name__


@pytest.mark.parametrize("threads", [1, 8])
def test_submitted_work_finishes_and_a_new_client_has_the_new_cluster(threads: int) -> None:
    with moving() as (endpoint, old, new), ThreadPoolExecutor(threads) as pool:
        with client(endpoint) as connected:
            Variable("state", client=connected).set("before")
            executions.clear()
            submitted = connected.map(once, range(TASKS), pure=False)

            endpoint.leads_to = new

            assert list(pool.map(lambda future: future.result(timeout=60), submitted)) == [old] * TASKS
            assert executions == dict.fromkeys(range(TASKS), 1)
            later: Any = [connected.submit(scheduler_of, i, pure=False) for i in range(threads)]
            assert list(pool.map(lambda future: future.result(timeout=60), later)) == [old] * threads
            # Not promised, and printed: what goes over further connections reaches either cluster.
            outcomes = Counter(pool.map(lambda i: scattered(connected, i), range(ROUNDS)))
            value = attempt(lambda: Variable("state", client=connected).get(timeout=3))
            print(f"{threads} threads, {old} -> {new}: scatter {outcomes}, run {asked(connected)}, Variable {value}")

        with client(endpoint) as again:
            assert list(pool.map(lambda i: scattered(again, i), range(ROUNDS))) == [new] * ROUNDS
            assert asked(again) == {new}
            Variable("state", client=again).set("after")
            assert Variable("state", client=again).get(timeout=10) == "after"


def test_further_connections_of_a_connected_client_reach_the_new_cluster() -> None:
    """Why long-lived clients have to reconnect (docs/connecting.md). Where this fails, Dask has become better."""
    with moving() as (endpoint, _, new), ThreadPoolExecutor(8) as pool, client(endpoint) as connected:
        endpoint.leads_to = new

        list(pool.map(lambda i: scattered(connected, i), range(ROUNDS)))

        assert endpoint.connections[new] > 0
