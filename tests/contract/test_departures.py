"""Workers that leave a busy cluster through their preStop: no task fails, none is blamed, and no key is lost."""

import asyncio
import time
from itertools import pairwise
from typing import Any

import pytest
from distributed import Worker
from distributed.core import Status

from tests.contract.dasks import cluster, counted, executions, play, pre_stop, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.filterwarnings("default")]
TASKS = 1500


def begun_by(worker: Worker) -> list[Any]:
    """The events of tasks that a worker has begun (distributed, WorkerState.log)."""
    return [event for event in worker.state.log if "executing" in event]


def test_eight_departures_fail_no_task_and_blame_none() -> None:
    async def scenario() -> None:
        names = [f"w{number}" for number in range(4)]
        async with cluster(*names) as (scheduler, workers, client):
            # Tasks that depend on data are assigned to workers at once; root tasks would wait on the scheduler.
            data = await client.scatter(list(range(TASKS)))
            futures = client.map(counted, data, range(TASKS), seconds=0.08, pure=False)
            await until(lambda: len(executions) > 8, "the first tasks have begun")

            for name in names * 2:
                assert workers[name].state.ready, "tasks are assigned that have not begun"
                ended = await pre_stop(scheduler.address, name)
                assert ended.code == 0, ended.errors
                await workers[name].close()
                workers[name] = await Worker(scheduler.address, nthreads=1, name=name)

            assert any(not future.done() for future in futures), "the departures end under queued tasks"
            assert sorted(await client.gather(futures)) == list(range(TASKS))
            assert max(task.suspicious for task in scheduler.tasks.values()) == 0
            assert set(executions.values()) == {1}

    play(scenario())


def test_a_worker_with_actors_hands_over_its_data_and_says_that_the_actors_are_lost(caplog: Any) -> None:
    async def scenario() -> None:
        async with cluster("stays", "goes") as (scheduler, workers, client):
            held = await client.scatter(dict.fromkeys("abcdef", 1), workers=[workers["goes"].address])
            made = client.map(counted, range(20), range(20), seconds=0, pure=False, workers=["goes"])
            await client.gather(made)
            actor = client.submit(list, actor=True, workers=["goes"], key="an-actor")
            await actor

            ended = await pre_stop(scheduler.address, "goes")
            await workers["goes"].close()

            assert (ended.code, actor.key) == (0, "an-actor"), ended.errors
            assert await client.gather(list(held.values())) == [1] * 6
            assert sorted(await client.gather(made)) == list(range(20))
            assert set(executions.values()) == {1}

    with caplog.at_level("WARNING", logger="distributed.worker"):
        play(scenario())
    assert "the actors that it holds are lost, for they cannot be moved: ['an-actor']" in caplog.text


def test_a_worker_waits_for_receivers_that_are_paused() -> None:
    async def scenario() -> None:
        async with cluster("stays", "goes") as (scheduler, workers, client):
            held = await client.scatter(dict.fromkeys("abcdef", 1), workers=[workers["goes"].address])
            workers["stays"].status = Status.paused
            await until(lambda: len(scheduler.running) == 1, "the scheduler knows of it")
            leaving = asyncio.create_task(pre_stop(scheduler.address, "goes"))

            def refusals() -> int:
                return sum(bool(event.get("could-not-retire")) for _, event in scheduler.get_events("all"))

            await until(lambda: refusals() >= 3, "the preStop has tried three times")
            # Between two tries it takes tasks for a moment.
            goes = scheduler.workers[workers["goes"].address]
            await until(lambda: goes.status == Status.closing_gracefully, "it takes no new tasks")
            assert not leaving.done()

            workers["stays"].status = Status.running
            ended = await leaving
            await workers["goes"].close()

            assert ended.code == 0, ended.errors
            assert await client.gather(list(held.values())) == [1] * 6

    play(scenario())


def test_running_tasks_end_and_their_results_move() -> None:
    async def scenario() -> None:
        async with cluster("stays", "goes") as (scheduler, workers, client):
            long = client.submit(counted, 0, 1, seconds=6, workers=["goes"], allow_other_workers=True)
            await until(lambda: executions[1] == 1, "the long task runs")

            ended = await pre_stop(scheduler.address, "goes")
            await workers["goes"].close()

            assert ended.code == 0, ended.errors
            assert await long == 1
            assert executions[1] == 1

    play(scenario())


def test_a_departure_asks_the_scheduler_at_most_once_a_second() -> None:
    async def scenario() -> None:
        async with cluster("stays", "goes") as (scheduler, workers, client):
            asked: list[float] = []
            answer: Any = scheduler.handlers["broadcast"]

            def answered(*args: Any, **about: Any) -> Any:
                asked.append(time.monotonic())
                return answer(*args, **about)

            scheduler.handlers["broadcast"] = answered
            long = client.submit(counted, 0, 1, seconds=8, workers=["goes"])
            await until(lambda: executions[1] == 1, "the long task runs")

            ended = await pre_stop(scheduler.address, "goes")
            await workers["goes"].close()

            assert (ended.code, await long) == (0, 1), ended.errors
            assert len(asked) >= 3, "it asks whether the task still runs"
            assert min(after - before for before, after in pairwise(asked)) > 0.9, asked

    play(scenario())


def test_a_task_that_outlasts_the_deadline_is_begun_again_without_blame() -> None:
    async def scenario() -> None:
        async with cluster("stays", "goes") as (scheduler, workers, client):
            long = client.submit(counted, 0, 1, seconds=8, workers=["goes"], allow_other_workers=True)
            await until(lambda: executions[1] == 1, "the long task runs")

            ended = await pre_stop(scheduler.address, "goes", seconds=3)
            await workers["goes"].close()

            assert ended.code == 1
            assert "stops with running tasks" in ended.errors
            assert await long == 1
            assert (executions[1], max(task.suspicious for task in scheduler.tasks.values())) == (2, 0)

    play(scenario())


def test_all_workers_of_a_pod_leave() -> None:
    async def scenario() -> None:
        async with cluster("stays", "pod-0", "pod-1", "pod-x") as (scheduler, workers, client):
            leaving = [workers["pod-0"].address, workers["pod-1"].address]
            held = await client.scatter({f"k{n}": n for n in range(20)}, workers=leaving)

            ended = await pre_stop(scheduler.address, "pod")

            assert ended.code == 0, ended.errors
            assert {worker.name for worker in scheduler.workers.values()} == {"stays", "pod-x"}
            assert await client.gather(list(held.values())) == list(range(20))

    play(scenario())


@pytest.mark.parametrize("process", ["", "-0"])
def test_a_worker_that_registers_after_its_pre_stop_begins_no_task_and_ends(process: str) -> None:
    async def scenario() -> None:
        async with cluster("stays") as (scheduler, workers, client):
            futures = client.map(counted, range(40), range(40), seconds=0.1, pure=False)
            await until(lambda: len(executions) > 1, "the first tasks have begun")
            ended = await pre_stop(scheduler.address, "late")

            workers["late"] = late = await Worker(scheduler.address, nthreads=1, name=f"late{process}")
            await until(lambda: late.status == Status.closed, "it ends", 15)

            assert ended.code == 0, ended.errors
            assert not begun_by(late), "it has begun no task"
            assert sorted(await client.gather(futures)) == list(range(40))
            assert set(executions.values()) == {1}
            assert max(task.suspicious for task in scheduler.tasks.values()) == 0
            assert {worker.name for worker in scheduler.workers.values()} == {"stays"}

    play(scenario())


def test_a_scheduler_that_takes_no_functions_lets_workers_leave_all_the_same() -> None:
    """As older versions of distributed do with `distributed.scheduler.pickle: false`."""

    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("Cannot run function as the scheduler has been explicitly disallowed from deserializing")

    async def scenario() -> None:
        async with cluster("stays", "goes") as (scheduler, workers, client):
            scheduler.handlers["run_function"] = refuse
            held = await client.scatter(dict.fromkeys("abc", 1), workers=[workers["goes"].address])

            ended = await pre_stop(scheduler.address, "goes")
            await workers["goes"].close()

            assert ended.code == 0, ended.errors
            assert "is not turned away: Cannot run function" in ended.errors
            assert await client.gather(list(held.values())) == [1] * 3

    play(scenario())


def test_a_worker_of_the_same_name_takes_the_place_of_one_that_has_left() -> None:
    async def scenario() -> None:
        async with cluster("stays") as (scheduler, workers, client):
            await pre_stop(scheduler.address, "it")
            # An evicted pod's Deployment starts another pod of the name, as a rule with another address.
            workers["it"] = await Worker(scheduler.address, nthreads=1, name="it", host="127.0.0.2")
            await asyncio.sleep(2)

            assert await client.submit(counted, 0, 1, seconds=0, workers=["it"]) == 1
            assert workers["it"].status == Status.running

    play(scenario())


def test_a_replacement_with_the_address_of_the_former_pod_is_turned_away_once() -> None:
    async def scenario() -> None:
        async with cluster("stays") as (scheduler, workers, client):
            await pre_stop(scheduler.address, "it")
            workers["first"] = first = await Worker(scheduler.address, nthreads=1, name="it")
            await until(lambda: first.status == Status.closed, "it ends", 15)

            workers["it"] = await Worker(scheduler.address, nthreads=1, name="it")
            assert await client.submit(counted, 0, 1, seconds=0, workers=["it"]) == 1

    play(scenario())
