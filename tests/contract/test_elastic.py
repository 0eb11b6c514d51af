"""The autoscaler's program under TLS, against a real scheduler and real workers that leave through their preStop."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from distributed import get_worker
from elastic_scheduler import CLOSE

from tests.contract.dasks import counted, executions, play, until
from tests.contract.elastics import CLUSTER, NAMESPACE, Kubernetes, elastic, group

# So many tasks of 0.2 s that three workers are still needed (for 10 s of work) when the autoscaler looks late.
LONG = 120

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.filterwarnings("default")]


def runs_on(_: object, seconds: float = 0) -> str:
    """The name of the worker that runs this."""
    time.sleep(seconds)
    return str(get_worker().name)


def test_two_groups_follow_a_load_that_rises_and_falls_and_nothing_is_lost(tmp_path: Path) -> None:
    async def scenario() -> None:
        groups = group("default"), group("gpu", maximum=2, resources={"GPU": 1.0})
        async with elastic(tmp_path, *groups) as (kubernetes, client, autoscaler):
            kept = []
            for turn in range(2):
                first = turn * 200
                plain = client.map(counted, range(LONG), range(first, first + LONG), seconds=0.2, pure=False)
                await until(lambda: kubernetes.count("default") == 3, "the plain group has grown")
                held = await client.scatter({f"{turn}-{n}": n for n in range(9)})
                assert kubernetes.count("gpu") == 0, "plain tasks grow no GPU group"
                # A prefix of their own, because the scheduler estimates a task by others of its prefix.
                gpu = client.map(
                    counted,
                    range(16),
                    range(first + 150, first + 166),
                    seconds=1,
                    key=f"gpu-{turn}",
                    resources={"GPU": 1},
                )
                await until(lambda: kubernetes.count("gpu") == 2, "the GPU group has grown")
                if turn:
                    await autoscaler.kill()
                    await autoscaler.start()
                kept += [await client.gather(plain), await client.gather(gpu)]
                assert await client.gather(list(held.values())) == list(range(9))
                await until(
                    lambda: kubernetes.count("default") + kubernetes.count("gpu") == 1, "data keeps a worker", 60
                )
                assert await client.gather(list(held.values())) == list(range(9))
                del plain, gpu, held
                await until(lambda: not kubernetes.deployments, "nothing is left when nothing is held", 60)
                await asyncio.gather(*kubernetes.leaving)

            assert (len(executions), set(executions.values())) == (2 * (LONG + 16), {1})
            assert kubernetes.most == {f"{CLUSTER}-default": 3, f"{CLUSTER}-gpu": 2}
            assert kubernetes.removed == []
            grown = f"{CLUSTER}-gpu: from 0 to 2 workers, for 16 tasks"
            assert any(event.startswith(grown) for event in kubernetes.events), kubernetes.events

    play(scenario())


def test_a_wrong_image_a_quota_and_tasks_without_a_group_are_told_once_and_hold_no_group_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        groups = group("wrong"), group("default"), group("full", resources={"MEMORY": 1.0})
        async with elastic(tmp_path, *groups) as (kubernetes, client, _):
            kubernetes.wrong_images = {f"{CLUSTER}-wrong"}
            kubernetes.quota = {f"{CLUSTER}-full": 1}

            plain = client.map(counted, range(30), range(30), seconds=0.3, pure=False)
            full = client.map(counted, range(24), range(50, 74), seconds=0.4, pure=False, resources={"MEMORY": 1})
            never = client.submit(counted, 0, 99, seconds=0, resources={"FPGA": 1})
            assert sorted(await client.gather(plain)) == list(range(30))
            assert sorted(await client.gather(full)) == list(range(50, 74))

            assert not never.done()
            writes = [path for method, path in kubernetes.asked if method == "PATCH" and "-full" in path]
            assert len(writes) < 6, "a quota is no reason to try again and again"
            expected = [
                "tasks ask for FPGA=1, which no",
                "full: Kubernetes refuses its pods: exceeded quota",
                "workers have not registered",
            ]
            for part in expected:
                assert sum(part in event for event in kubernetes.events) == 1, kubernetes.events
            assert kubernetes.removed == []

    play(scenario())


def test_it_waits_for_an_api_server_and_an_operator_that_are_away(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with elastic(tmp_path, group("default")) as (kubernetes, client, _):
            kubernetes.away = kubernetes.operator_away = True
            plain = client.map(counted, range(12), range(12), seconds=0.3, pure=False)
            await until(lambda: len(kubernetes.asked) > 1, "it tries")
            kubernetes.away = False
            await until(lambda: any(kept.replicas for kept in kubernetes.groups.values()), "it has written a number")
            assert not kubernetes.deployments
            kubernetes.operator_away = False

            assert sorted(await client.gather(plain)) == list(range(12))
            assert (set(executions.values()), kubernetes.removed) == ({1}, [])

    play(scenario())


def test_killed_between_two_writes_it_goes_on_from_what_it_finds(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with elastic(tmp_path, group("default", minimum=1)) as (kubernetes, client, autoscaler):
            await until(lambda: len(kubernetes.workers) == 1, "the minimum")
            await autoscaler.kill()
            # As after the deletion of two workers whose number has not been written.
            kept = next(iter(kubernetes.groups.values()))
            kept.replicas = kept.handled = 3
            await autoscaler.start()

            await until(lambda: kept.replicas == kept.handled == 1, "the number is that of the workers")
            plain = client.map(counted, range(LONG), range(LONG), seconds=0.2, pure=False)
            await until(lambda: kubernetes.count("default") == 3, "it grows as before")
            assert sorted(await client.gather(plain)) == list(range(LONG))
            assert kubernetes.removed == []

    play(scenario())


def test_a_worker_that_leaves_is_given_no_task(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with elastic(tmp_path, group("default", maximum=2)) as (kubernetes, client, _):
            kubernetes.leave_seconds = 4
            await client.gather(client.map(counted, range(LONG), range(LONG), seconds=0.2, pure=False))
            workers = dict(kubernetes.workers)
            await until(lambda: len(kubernetes.deployments) < len(workers), "a worker leaves")
            leaving = workers.keys() - kubernetes.deployments.keys()

            names = await client.gather(client.map(runs_on, range(6), pure=False))

            assert leaving
            assert not leaving.intersection(names)

    play(scenario())


def test_a_worker_that_is_deleted_while_it_starts_is_given_no_task(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with elastic(tmp_path, group("default", maximum=2, starting=1)) as (kubernetes, client, _):
            first = client.map(counted, range(4), range(4), seconds=0.1, pure=False)
            await until(lambda: len(kubernetes.workers) == 1, "a worker starts")
            # The work is done, or taken back, before the second worker has registered.
            kubernetes.start_seconds, kubernetes.leave_seconds = 4, 8
            more = client.map(counted, range(LONG), range(100, 100 + LONG), seconds=0.2, pure=False)
            await until(lambda: len(kubernetes.deployments) == 2, "another one starts")
            late = (kubernetes.deployments.keys() - kubernetes.workers.keys()).pop()
            await client.cancel(more)
            await until(lambda: late not in kubernetes.deployments, "it is deleted before it has registered")
            assert late not in kubernetes.workers

            names = client.map(runs_on, range(60), seconds=0.2, pure=False)
            await until(lambda: late in kubernetes.workers, "its worker registers")
            log = kubernetes.workers[late].state.log

            assert late not in set(await client.gather(names))
            assert not [event for event in log if "executing" in event]
            assert sorted(await client.gather(first)) == list(range(4))

    play(scenario())


def test_a_worker_that_kubernetes_does_not_delete_is_given_tasks_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with elastic(tmp_path, group("default", maximum=1)) as (kubernetes, client, _):
            kubernetes.deletes = False
            await client.submit(counted, 0, 0, seconds=0)
            [pod] = kubernetes.deployments
            await until(lambda: any(it[0] == "DELETE" for it in kubernetes.asked), "it tries to delete the worker")

            assert await client.submit(counted, 0, 1, seconds=0) == 1
            assert list(kubernetes.deployments) == [pod]

    play(scenario())


def test_a_worker_that_was_closed_before_a_kill_leaves(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with elastic(tmp_path, group("default", maximum=1, idle_seconds=600.0)) as (
            kubernetes,
            client,
            autoscaler,
        ):
            await client.submit(counted, 0, 0, seconds=0)
            await autoscaler.kill()
            [pod] = kubernetes.deployments
            close: Any = getattr(client.scheduler, CLOSE)
            assert list(await close(pods=[pod], busy=[])) == [pod]
            task = client.submit(counted, 0, 1, seconds=0)
            await autoscaler.start()

            await until(lambda: pod not in kubernetes.deployments, "it leaves, although it has not been idle for long")
            assert await task == 1

    play(scenario())


def test_a_worker_that_has_just_been_given_a_task_is_not_closed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with elastic(tmp_path, group("default", maximum=1)) as (kubernetes, client, _):
            task = client.submit(counted, 0, 0, seconds=3)
            await until(lambda: bool(executions), "it runs")
            [pod] = kubernetes.deployments
            close: Any = getattr(client.scheduler, CLOSE)

            assert not await close(pods=[pod], busy=[])
            assert list(await close(pods=[pod], busy=[pod])) == [pod]
            assert await task == 0

    play(scenario())


def test_at_rest_it_leaves_the_api_server_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with elastic(tmp_path, group("default", minimum=1)) as (kubernetes, _, _autoscaler):
            await until(lambda: len(kubernetes.workers) == 1, "the minimum")
            await _quiet(kubernetes)
            before = len(kubernetes.asked)
            await asyncio.sleep(6)  # thirty looks at the scheduler

            assert len(kubernetes.asked) == before

    play(scenario())


def test_a_jobs_autoscaler_ends_with_the_jobs_cluster_and_not_with_its_own_pod(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with elastic(tmp_path, group("default", minimum=1), job=True) as (kubernetes, _, autoscaler):
            await until(lambda: len(kubernetes.workers) == 1, "the minimum")
            assert await autoscaler.end() == 143, "a Job whose pod ends with 0 is complete"
            autoscaler.env["DASK_SCHEDULER_ADDRESS"] = "tls://127.0.0.1:1"
            await autoscaler.start()
            asked = ("GET", f"/apis/kubernetes.dask.org/v1/namespaces/{NAMESPACE}/daskclusters/{CLUSTER}")
            await until(lambda: asked in kubernetes.asked, "it looks at the cluster, whose scheduler is away", 60)
            assert autoscaler.process
            assert autoscaler.process.returncode is None
            kubernetes.job_ended = True

            assert await asyncio.wait_for(autoscaler.process.wait(), 60) == 0
            assert "the job has ended" in autoscaler.log.read_text()

    play(scenario())


async def _quiet(kubernetes: Kubernetes) -> None:
    """Waits until a second passes without a request."""
    seen = -1
    while seen != len(kubernetes.asked):
        seen = len(kubernetes.asked)
        await asyncio.sleep(1)
