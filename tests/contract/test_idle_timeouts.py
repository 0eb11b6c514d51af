"""A balancer that closes silent connections cuts off no client that waits: real Dask, no Kubernetes."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dask.config
import pytest
from distributed import Client, LocalCluster

from tests.contract.dasks import QUIET
from tests.contract.test_moving_endpoint import Endpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.filterwarnings("default")]
# Less than any cloud's, and more than the 5 s of a client's heartbeat.
IDLE_SECONDS = 7.0
# Each opens a connection of its own for what it scatters.
THREADS = 4


class Balancer(Endpoint):
    """An endpoint that closes a connection when no byte has passed for `IDLE_SECONDS`, in either direction."""

    def __init__(self, leads_to: str) -> None:
        self.cut = 0
        super().__init__(leads_to)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self.leads_to.removeprefix("tcp://").rsplit(":", 1)
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        last = time.monotonic()

        async def passes(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            nonlocal last
            while data := await source.read(65536):
                last = time.monotonic()
                target.write(data)
                await target.drain()

        both = [asyncio.create_task(passes(*it)) for it in ((reader, inner_writer), (inner_reader, writer))]
        try:
            while not any(it.done() for it in both) and time.monotonic() - last < IDLE_SECONDS:
                await asyncio.wait(both, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
            self.cut += not any(it.done() for it in both)
        finally:
            for task in both:
                task.cancel()
            writer.close()
            inner_writer.close()
            await asyncio.gather(*both, return_exceptions=True)


def test_a_client_that_waits_keeps_its_work_and_opens_other_connections_again() -> None:
    local: Any = LocalCluster(
        processes=False, protocol="tcp://", host="127.0.0.1", n_workers=1, threads_per_worker=1, dashboard_address=":0"
    )
    with dask.config.set(QUIET), local as cluster, ThreadPoolExecutor(THREADS) as pool:
        balancer = Balancer(cluster.scheduler_address)
        try:
            with Client(balancer.address, set_as_default=False) as made:
                client: Any = made

                def scattered(number: int) -> int:
                    [data] = client.scatter([bytes(number)])
                    return client.submit(len, data).result(timeout=10)

                held = client.submit(lambda: 42, pure=False)
                assert list(pool.map(scattered, range(50, 50 + 10 * THREADS))) == [*range(50, 50 + 10 * THREADS)]
                begun = cluster.scheduler.clients[client.id].last_seen

                time.sleep(2 * IDLE_SECONDS)

                assert balancer.cut >= 1, "the connections of the scattered data are cut"
                assert cluster.scheduler.clients[client.id].last_seen > begun
                assert held.result(timeout=10) == 42
                assert list(pool.map(scattered, range(10 * THREADS))) == [*range(10 * THREADS)]
        finally:
            balancer.close()
