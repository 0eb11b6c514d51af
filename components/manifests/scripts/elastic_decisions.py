"""What the autoscaler decides: by the scheduler's load, which groups grow and which workers leave.

Without I/O and without a clock. The numbers follow Dask's own (distributed, Scheduler.adaptive_target and
workers_to_close), for each group by itself: a task that asks for abstract resources counts for the groups whose
workers declare them, and any other task counts for the groups that declare none.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from elastic_state import Group, Live, Load, Past, Resources, Tasks, Worker, by_pod, is_busy

# Dask's own numbers: it grows above 60 % of memory, and keeps twice the memory that its data needs.
FULL, ROOM = 0.6, 2.0


@dataclass(frozen=True)
class Decision:
    """What to do now."""

    needed: dict[str, int]
    """Elastic group -> how many workers it needs, within its bounds."""
    replicas: dict[str, int]
    """Group -> `replicas` to write. Never fewer than its workers, so the operator removes none."""
    close: dict[str, list[str]]
    """Group -> Deployments to delete."""
    tasks: dict[str, int]
    """Group -> the tasks that it is for."""
    unmet: tuple[Tasks, ...]
    """Tasks that no group's workers can run."""
    busy: list[str] = field(default_factory=list)
    """Deployments to delete although their workers have tasks."""


class Needs:
    """Adds up what each group needs. Tasks fill the groups that can run them, in order, up to their bounds."""

    def __init__(self, groups: Iterable[Group], live: Mapping[str, Live], load: Load, past: Past) -> None:
        self.groups, self.load, self.past = list(groups), load, past
        self.live = {group.name: live.get(group.name, Live()) for group in self.groups}
        registered = by_pod(load.workers)
        self.workers = {
            name: [worker for pod in it.pods for worker in registered.get(pod, ())] for name, it in self.live.items()
        }
        self.staying = [worker for workers in self.workers.values() for worker in workers]
        self.pods = {group.name: 0.0 for group in self.groups}
        self.free = {group.name: float(self._usable(group)) for group in self.groups}
        self.tasks = dict.fromkeys(self.live, 0)
        self.unmet: list[Tasks] = []

    def count(self) -> None:
        """Counts all tasks and all data."""
        pinned = [tasks for worker in self.staying for tasks in worker.pinned]
        asking = [tasks for tasks in self.load.waiting if tasks.resources]
        for tasks in _summed([*pinned, *asking]):
            able = [group for group in self.groups if self._slots(group, tasks.resources)]
            if not able:
                self.unmet.append(tasks)
            self._fill(sorted(able, key=lambda it: (it.elastic, len(self._resources(it)))), tasks)
        for tasks in self._plain(pinned):
            self._fill(self._plain_groups(), tasks)
        self._data()

    def _plain(self, pinned: list[Tasks]) -> Iterator[Tasks]:
        waiting = [tasks for tasks in self.load.waiting if not tasks.resources]
        count = sum(it.tasks for it in self.staying) - sum(it.count for it in pinned)
        seconds = sum(it.seconds for it in self.staying) - sum(it.seconds for it in pinned)
        yield from _summed([*waiting, Tasks({}, max(0, count), max(0.0, seconds))])

    def _plain_groups(self) -> list[Group]:
        """Groups that declare nothing; all groups if none of these can have a worker."""
        plain = [it for it in self.groups if not self._resources(it) and (it.maximum or self.live[it.name].pods)]
        return sorted(plain or self.groups, key=lambda it: it.elastic)

    def _fill(self, able: list[Group], tasks: Tasks) -> None:
        """Adds the pods for these tasks. A group with stuck pods keeps them, and its tasks fill the next one."""
        left = float(min(tasks.count, max(1, math.ceil(tasks.seconds / self.load.target_seconds))))
        for group in able:
            slots = self._slots(group, tasks.resources)
            if left <= 0:
                return
            taken = min(left / slots, self.free[group.name])
            # What a group with stuck pods has is wanted, although it does not help.
            shown = min(left / slots, len(self.live[group.name].pods)) if self._is_stuck(group) else taken
            self.pods[group.name] += max(taken, shown)
            self.tasks[group.name] += tasks.count if taken else 0
            self.free[group.name] -= taken
            left -= taken * slots

    def _data(self) -> None:
        """Data needs memory: a group that is full doubles, and data without any worker that stays needs one."""
        for group in self.groups:
            limit = sum(it.memory for it in self.workers[group.name])
            if not self._resources(group) and limit and sum(it.held for it in self.workers[group.name]) > FULL * limit:
                grown = 2.0 * len(by_pod(self.workers[group.name]))
                self.pods[group.name] = max(self.pods[group.name], grown)
        everyone = any(self.live[it.name].pods for it in self.groups if not self._is_stuck(it))
        able = [it for it in self._plain_groups() if it.maximum and not self._is_stuck(it)]
        if any(it.held for it in self.load.workers) and not everyone and able:
            self.pods[able[0].name] = max(1.0, self.pods[able[0].name])

    def _usable(self, group: Group) -> int:
        """How many pods of a group can work: as many as it may have, unless some are stuck."""
        pods = self.live[group.name].pods
        if group.elastic and not self._is_stuck(group):
            return group.maximum
        return len([pod for pod in pods if pod not in self.past.stuck])

    def _is_stuck(self, group: Group) -> bool:
        return bool(self.past.stuck.intersection(self.live[group.name].pods))

    def _resources(self, group: Group) -> dict[str, float]:
        """What is declared, and what the registered workers have beyond."""
        known = dict(group.resources)
        for worker in self.workers[group.name]:
            known |= {key: max(value, known.get(key, 0.0)) for key, value in worker.resources.items()}
        return known

    def _slots(self, group: Group, asked: Resources) -> int:
        """How many tasks a pod can run at a time; 0 if it can run none."""
        workers, has = self.workers[group.name], self._resources(group)
        threads = max((it.threads for it in workers), default=group.threads or 1)
        fits = [int(has.get(key, 0.0) / value + 1e-9) for key, value in asked.items() if value > 0]
        return group.processes * min([threads, *fits])


def _summed(tasks: Iterable[Tasks]) -> list[Tasks]:
    """Those with the same resources together; none that are empty."""
    found: dict[frozenset[tuple[str, float]], Tasks] = {}
    for it in tasks:
        key = frozenset(it.resources.items())
        before = found.get(key, Tasks(it.resources, 0, 0.0))
        found[key] = Tasks(it.resources, before.count + it.count, before.seconds + it.seconds)
    return [it for it in found.values() if it.count]


def decide(groups: Iterable[Group], live: Mapping[str, Live], load: Load, past: Past) -> Decision:
    """What to do now. A group that the operator still works on is left alone."""
    needs = Needs(groups, live, load, past)
    needs.count()
    elastic = [group for group in needs.groups if group.elastic]
    needed = {it.name: _within(it, math.ceil(needs.pods[it.name] - 1e-9)) for it in elastic}
    decision = Decision(needed, {}, {}, needs.tasks, tuple(needs.unmet))
    registered = by_pod(load.workers)
    for group in elastic:
        it, has = needs.live[group.name], len(needs.live[group.name].pods)
        if group.name not in live or not it.settled:
            continue
        wanted = min(needed[group.name], has + _may_start(group, it, registered))
        # The operator acts on a change of the number only. So it is first that of the workers, and then the wanted one.
        if it.replicas != has:
            decision.replicas[group.name] = has
        elif wanted > has:
            decision.replicas[group.name] = wanted
    _close([it for it in elastic if it.name not in decision.replicas], needs, decision, past)
    return decision


def _within(group: Group, pods: int) -> int:
    return min(max(pods, group.minimum), group.maximum)


def _may_start(group: Group, live: Live, registered: Mapping[str, object]) -> int:
    """How many more pods may start now. None while Kubernetes refuses some: they come as soon as it does not."""
    if live.refused:
        return 0
    pending = sum(pod not in registered for pod in live.pods)
    return group.maximum if group.starting is None else max(0, group.starting - pending)


def _close(groups: list[Group], needs: Needs, decision: Decision, past: Past) -> None:
    """Picks the workers to close: idle for long enough, the cheapest first, while the others can hold the data.

    What is above a maximum leaves even if it is busy: it ends its running tasks first. What was closed to tasks before
    the autoscaler ended leaves in any case.
    """
    registered = by_pod(needs.load.workers)
    left = {pod: registered.get(pod, []) for it in needs.live.values() for pod in it.pods}
    data = sum(worker.held for worker in needs.load.workers)
    for group in groups:
        it = needs.live[group.name]
        peak = min(past.peaks.get(group.name, 0), group.maximum)
        spare, above = (len(it.pods) - most for most in (max(decision.needed[group.name], peak), group.maximum))
        if not it.settled:
            continue
        for pod in sorted(it.pods, key=lambda pod: _cost(pod, registered)):
            leaving = any(worker.leaving for worker in left[pod])
            rest = [worker for other in left if other != pod for worker in left[other]]
            idle = past.idle.get(pod, 0.0) >= group.idle_seconds and not is_busy(left[pod])
            if leaving or above > 0 or (spare > 0 and idle and (not left[pod] or _can_hold(rest, data))):
                if not idle:
                    decision.busy.append(pod)
                decision.close.setdefault(group.name, []).append(pod)
                del left[pod]
                spare, above = spare - 1, above - 1


def _cost(pod: str, registered: Mapping[str, list[Worker]]) -> tuple[bool, bool, bool, int, int, str]:
    """What is lost with a pod, as something to sort by: one that leaves, or has not registered yet, is the cheapest."""
    workers = registered.get(pod, [])
    stays = not any(it.leaving for it in workers)
    kept, tasks, held = any(it.kept for it in workers), sum(it.tasks for it in workers), sum(it.held for it in workers)
    return stays, bool(workers), kept, tasks, held, pod


def _can_hold(workers: list[Worker], data: int) -> bool:
    """Whether these workers can hold all data."""
    limits = [worker.memory or math.inf for worker in workers]
    return not data or (bool(limits) and sum(limits) >= ROOM * data)
