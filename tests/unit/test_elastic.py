"""What the autoscaler decides. The operator removes no worker of ours: it is never asked for fewer than there are."""

import math
from collections.abc import Mapping
from dataclasses import replace

from elastic_decisions import Decision, decide
from elastic_state import Group, Live, Load, Past, Tasks, Worker
from hypothesis import given
from hypothesis import strategies as some

DEFAULT = Group("default", maximum=10, threads=2, idle_seconds=60)
GPU = Group("gpu", maximum=4, threads=4, resources={"GPU": 1.0}, idle_seconds=60)
FIXED = Group("fixed", elastic=False, threads=2)
BIG = 10**9


def pods(group: str, count: int) -> tuple[str, ...]:
    return tuple(f"{group}-worker-{number:04d}" for number in range(count))


def settled(group: Group, count: int) -> Live:
    return Live(pods(group.name, count), count, count)


def workers(group: Group, count: int, **about: object) -> tuple[Worker, ...]:
    plain = Worker("", group.threads or 1, memory=BIG, resources=group.resources)
    return tuple(replace(plain, name=name, **about) for name in pods(group.name, count))  # type: ignore[arg-type]


def waiting(count: int, seconds: float = 5.0, **resources: float) -> Tasks:
    return Tasks(resources, count, count * seconds)


def idle(live: Mapping[str, Live], seconds: float = 1000) -> Past:
    return Past({pod: seconds for it in live.values() for pod in it.pods})


def decided(
    groups: list[Group], load: Load, past: Past | None = None, live: Mapping[str, Live] | None = None
) -> Decision:
    known = {group.name: settled(group, 0) for group in groups} | dict(live or {})
    return decide(groups, known, load, past or idle(known))


def test_waiting_tasks_grow_a_group_from_zero() -> None:
    # Ten tasks of five seconds are ten threads' work, and a worker has two threads.
    assert decided([DEFAULT], Load(waiting=(waiting(10),))).replicas == {"default": 5}


def test_one_short_task_needs_one_worker() -> None:
    assert decided([DEFAULT], Load(waiting=(waiting(1, 0.01),))).replicas == {"default": 1}


def test_a_group_stays_within_its_bounds() -> None:
    assert decided([replace(DEFAULT, minimum=3)], Load()).replicas == {"default": 3}
    assert decided([DEFAULT], Load(waiting=(waiting(10_000),))).replicas == {"default": 10}


def test_tasks_that_need_a_gpu_grow_the_gpu_group_and_no_other() -> None:
    decision = decided([DEFAULT, GPU], Load(waiting=(waiting(3, 60, GPU=1),)))

    # One GPU for each worker, whatever its threads.
    assert decision.replicas == {"gpu": 3}


def test_other_tasks_grow_the_groups_without_resources_only() -> None:
    assert decided([GPU, DEFAULT], Load(waiting=(waiting(100, 60),))).replicas == {"default": 10}


def test_where_every_group_has_resources_other_tasks_grow_them_too() -> None:
    assert decided([GPU], Load(waiting=(waiting(8),))).replicas == {"gpu": 2}


def test_tasks_that_no_group_can_run_are_reported_and_grow_nothing() -> None:
    decision = decided([DEFAULT, GPU], Load(waiting=(waiting(2, FPGA=1), waiting(2, GPU=2))))

    assert (decision.replicas, [dict(it.resources) for it in decision.unmet]) == ({}, [{"FPGA": 1}, {"GPU": 2}])


def test_the_workers_that_exist_come_first() -> None:
    load = Load(workers(FIXED, 4), (waiting(10),))

    # Four fixed workers have eight threads; two more need one worker.
    assert decided([FIXED, DEFAULT], load, live={"fixed": settled(FIXED, 4)}).replicas == {"default": 1}


def test_work_that_others_have_been_assigned_grows_a_group_too() -> None:
    busy = workers(FIXED, 1, tasks=100, seconds=500.0)

    assert decided([FIXED, DEFAULT], Load(busy), live={"fixed": settled(FIXED, 1)}).replicas == {"default": 10}


def test_a_full_group_passes_tasks_on_to_the_next() -> None:
    second = Group("second", maximum=3, threads=1)

    decision = decided([replace(DEFAULT, maximum=2), second], Load(waiting=(waiting(5),)))

    assert decision.replicas == {"default": 2, "second": 1}


def test_a_group_whose_workers_do_not_come_holds_no_other_up_and_is_not_pushed() -> None:
    second, live = Group("second", maximum=3, threads=1), settled(DEFAULT, 2)
    past = replace(idle({"default": live}), stuck=frozenset(live.pods))

    decision = decided([DEFAULT, second], Load(waiting=(waiting(3),)), past, live={"default": live})

    assert (decision.replicas, decision.close) == ({"second": 3}, {})


def test_a_group_whose_pods_are_refused_is_not_pushed() -> None:
    live = replace(settled(DEFAULT, 1), refused="exceeded quota")

    assert decided([DEFAULT], Load(waiting=(waiting(50),)), live={"default": live}).replicas == {}


def test_only_so_many_workers_start_at_a_time() -> None:
    group, load = replace(DEFAULT, starting=2), Load(waiting=(waiting(50),))

    assert decided([group], load).replicas == {"default": 2}
    assert decided([group], load, live={"default": settled(DEFAULT, 2)}).replicas == {}
    arrived = replace(load, workers=workers(DEFAULT, 1))
    assert decided([group], arrived, live={"default": settled(DEFAULT, 2)}).replicas == {"default": 3}


def test_idle_workers_leave_when_they_have_been_idle_for_long_enough() -> None:
    live, load = {"default": settled(DEFAULT, 3)}, Load(workers(DEFAULT, 3))

    assert decided([DEFAULT], load, idle(live, 59), live=live).close == {}
    assert decided([DEFAULT], load, idle(live, 60), live=live).close == {"default": list(pods("default", 3))}


def test_what_was_needed_a_moment_ago_stays() -> None:
    live = {"default": settled(DEFAULT, 3)}

    decision = decided([DEFAULT], Load(workers(DEFAULT, 3)), replace(idle(live), peaks={"default": 2}), live=live)

    assert decision.close == {"default": ["default-worker-0000"]}


def test_a_worker_with_tasks_or_actors_stays() -> None:
    live = {"default": settled(DEFAULT, 3)}
    one, two, three = workers(DEFAULT, 3)
    load = Load((replace(one, tasks=1), replace(two, kept=True), three))

    assert decided([DEFAULT], load, live=live).close == {"default": [three.name]}


def test_the_cheapest_leave_and_data_keeps_a_worker() -> None:
    live = {"default": settled(DEFAULT, 3)}
    one, two, three = workers(DEFAULT, 3)
    load = Load((replace(one, held=BIG // 10), two, replace(three, held=10)))

    assert decided([DEFAULT], load, live=live).close == {"default": [two.name, three.name]}


def test_workers_stay_while_the_others_cannot_hold_the_data() -> None:
    live = {"default": settled(DEFAULT, 4)}

    # 1.6 GB of data keep twice as much memory: four workers of one GB each.
    assert decided([DEFAULT], Load(workers(DEFAULT, 4, held=4 * BIG // 10)), live=live).close == {}
    assert len(decided([DEFAULT], Load(workers(DEFAULT, 4, held=BIG // 4)), live=live).close["default"]) == 2


def test_a_group_whose_memory_is_full_doubles() -> None:
    full = workers(DEFAULT, 2, held=7 * BIG // 10)

    assert decided([DEFAULT], Load(full), live={"default": settled(DEFAULT, 2)}).replicas == {"default": 4}


def test_data_that_would_have_no_worker_any_more_brings_one() -> None:
    leaving = workers(Group("replaced"), 1, held=10)

    assert decided([GPU, DEFAULT], Load(leaving)).replicas == {"default": 1}


def test_a_worker_that_was_closed_to_tasks_leaves_first_and_in_any_case() -> None:
    live = {"default": settled(DEFAULT, 3)}
    one, two, three = workers(DEFAULT, 3)
    load = Load((one, two, replace(three, leaving=True, kept=True, held=10)))

    decision = decided([replace(DEFAULT, minimum=2)], load, idle(live, 0), live=live)

    assert (decision.close, decision.busy) == ({"default": [three.name]}, [three.name])


def test_a_lower_maximum_removes_busy_workers_too_the_least_busy_first() -> None:
    live = {"default": settled(DEFAULT, 3)}
    one, two, three = workers(DEFAULT, 3)
    load = Load(tuple(replace(it, tasks=n, seconds=50.0 * n) for it, n in ((one, 3), (two, 1), (three, 2))))

    decision = decided([replace(DEFAULT, maximum=1)], load, live=live)

    assert decision.close == {"default": [two.name, three.name]}
    assert decision.busy == [two.name, three.name]


def test_a_group_that_the_operator_still_works_on_is_left_alone() -> None:
    working = replace(settled(DEFAULT, 2), replicas=5)

    decision = decided([DEFAULT], Load(waiting=(waiting(50),)), live={"default": working})

    assert (decision.replicas, decision.close) == ({}, {})


def test_after_a_kill_in_the_middle_of_a_step_the_number_is_that_of_the_workers_first() -> None:
    # The Deployments of two workers had been deleted, and the number had not been written.
    killed = Live(pods("default", 3), 5, 5)

    assert decided([DEFAULT], Load(waiting=(waiting(10),)), live={"default": killed}).replicas == {"default": 3}


def test_the_workers_of_a_pod_with_several_processes_count_as_one() -> None:
    group = replace(DEFAULT, processes=2, threads=1)
    names = [f"{pod}-{number}" for pod in pods("default", 2) for number in range(2)]
    load = Load(tuple(Worker(name, 1, memory=BIG, tasks=name == names[0]) for name in names))

    assert decided([group], load, live={"default": settled(group, 2)}).close == {"default": ["default-worker-0001"]}
    assert decided([group], Load(waiting=(waiting(4),))).replicas == {"default": 2}


numbers = some.integers(0, 12)
groups_of_any_kind = some.builds(
    lambda name, low, high, threads, gpu, starting: Group(
        *(name, True, min(low, high), max(low, high), 60.0, starting, 1, threads), {"GPU": float(gpu)} if gpu else {}
    ),
    some.sampled_from("abc"),
    *(numbers, numbers, some.integers(1, 4), some.integers(0, 2), some.none() | some.integers(1, 3)),
)


@some.composite
def situations(draw: some.DrawFn) -> tuple[list[Group], dict[str, Live], Load, Past]:
    groups = list({it.name: it for it in draw(some.lists(groups_of_any_kind, min_size=1, max_size=3))}.values())
    live: dict[str, Live] = {}
    registered: list[Worker] = []
    for group in groups:
        names = pods(group.name, draw(numbers))
        replicas = draw(some.sampled_from([len(names), len(names) + 1]))
        refused = draw(some.sampled_from(["", "", "", "exceeded quota"]))
        live[group.name] = Live(names, replicas, draw(some.sampled_from([replicas, replicas + 1])), refused)
        for name in names[: draw(some.integers(0, len(names)))]:
            tasks = draw(some.integers(0, 3))
            held = draw(some.sampled_from([0, 0, 1, BIG // 3]))
            registered.append(Worker(name, group.threads or 1, tasks, tasks * 2.0, (), False, held, BIG))
    asked = [waiting(draw(numbers), 3, **({"GPU": 1.0} if gpu else {})) for gpu in (False, True)]
    past = Past({pod: draw(some.sampled_from([0.0, 100.0])) for it in live.values() for pod in it.pods})
    return groups, live, Load(tuple(registered), tuple(asked)), past


@given(situations())
def test_no_decision_leaves_the_bounds_or_gives_the_operator_anything_to_remove(
    situation: tuple[list[Group], dict[str, Live], Load, Past],
) -> None:
    groups, live, load, past = situation

    decision = decide(groups, live, load, past)

    for group in groups:
        it, closed = live[group.name], decision.close.get(group.name, [])
        written = decision.replicas.get(group.name)
        assert group.minimum <= decision.needed[group.name] <= group.maximum
        assert written is None or len(it.pods) <= written <= max(group.maximum, len(it.pods))
        # What is closed and what is added never meet, and what the operator works on is not touched.
        assert not (closed and written is not None)
        assert it.settled or (not closed and written is None)
        assert len(it.pods) - len(closed) >= min(group.minimum, len(it.pods))
    busy = {worker.name for worker in load.workers if worker.tasks}
    above = {group.name for group in groups if len(live[group.name].pods) > group.maximum}
    assert all(name in above or not busy.intersection(names) for name, names in decision.close.items())
    assert above or _memory_left(decision, load) or not any(worker.held for worker in load.workers)


def _memory_left(decision: Decision, load: Load) -> bool:
    """Whether the workers that stay can hold the data, or nothing that is registered was closed."""
    closed = {pod for names in decision.close.values() for pod in names}
    left = [worker.memory or math.inf for worker in load.workers if worker.pod not in closed]
    return len(left) == len(load.workers) or sum(left) >= 2 * sum(worker.held for worker in load.workers)
