"""Whether the namespace's quota holds the pods that the stack declares: always, during updates, and at their most.

A quota counts the limits of all pods together (their requests are never higher), and the pods. Pods that it has no room
for wait until others end, so what can never have room is a mistake, and what lacks room at times is a warning
(docs/adr/0031).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from ..manifests.context import Spec, WorkspaceContext
from ..manifests.declared import DeclaredCluster, workspace_of
from ..manifests.declared_job import DeclaredJob
from ..manifests.rendered import can_be_rendered
from ..settings.formats.quantities import amount
from ..settings.mistakes import Invalid, Mistake
from ..settings.stack import Settings

Need = Mapping[str, Decimal]
"""What a quota counts, by its key: `cpu`, `memory`, `pods`."""
Pod = Mapping[str, Any]
_NOTHING = Decimal(0)
_MEBI, _GIBI = 2**20, 2**30


@dataclass(frozen=True)
class _Part:
    """A cluster or job, and what its pods need."""

    name: str
    fewest: Need
    most: Need
    second: Need
    """Of a cluster: what a changed version needs next to the one that it replaces, with its verification."""
    verification: Need
    """Of a cluster: the pod that verifies it."""


@dataclass(frozen=True)
class _Stack:
    """One key of the quota, and what the stack needs of it."""

    key: str
    quota: str | int
    clusters: list[_Part]
    jobs: list[_Part]

    @property
    def room(self) -> Decimal:
        return amount(str(self.quota))

    @property
    def always(self) -> Decimal:
        """What runs while nothing changes."""
        return sum((it.fewest[self.key] for it in self.clusters), _NOTHING)

    @property
    def verification(self) -> Decimal:
        """Verifications wait for each other, so the largest counts."""
        return max((it.verification[self.key] for it in self.clusters), default=_NOTHING)

    def mistake(self, rule: str, needed: Decimal, more: str = "") -> Mistake:
        """About this key, with what is needed instead."""
        fix = f"try {_shown(self.key, needed)}"
        return Mistake(rule, f"{fix}{more}", ("namespace", "quota", self.key), self.quota)


def too_small(settings: Settings) -> Iterator[Mistake]:
    """Quotas under which `up` could never end well."""
    for stack in _stacks(settings):
        needed = stack.always + stack.verification
        if needed > stack.room:
            parts, more = f"{_shown(stack.key, stack.always)} for the clusters", ""
            if stack.verification:
                parts += f" and {_shown(stack.key, stack.verification)} for the pod that verifies them"
                more = "" if stack.key == "pods" else ", or less in `verifyResources`"
            yield stack.mistake(f"is less than the declared pods need at least: {parts}", needed, more)
            continue
        for job in stack.jobs:
            if job.fewest[stack.key] > stack.room:
                yield stack.mistake(f"is less than the pods of the job '{job.name}' need", job.fewest[stack.key])


def at_times(settings: Settings) -> Iterator[Mistake]:
    """Warnings about a quota that holds the stack, and not all that it declares at the same time."""
    for stack in _stacks(settings):
        yield from _during_updates(stack)
        yield from _with_jobs(stack)
        most = sum((it.most[stack.key] for it in stack.clusters), _NOTHING)
        if most > stack.room:
            rule = "does not hold all workers up to `maximum`, so the autoscaler works with those within it"
            yield stack.mistake(rule, most)


def _during_updates(stack: _Stack) -> Iterator[Mistake]:
    """Only for the cluster that needs most, because what holds that one holds each."""
    more, name = max(((it.second[stack.key], it.name) for it in stack.clusters), default=(_NOTHING, ""))
    if stack.always + more > stack.room:
        two = f"a second version of the cluster '{name}' next to the first"
        rule = f"does not hold {two}, so an update of its pods waits in vain"
        yield stack.mistake(rule, stack.always + more, ", or `update: recreate`, with which running work is lost")


def _with_jobs(stack: _Stack) -> Iterator[Mistake]:
    needed, name = max(((it.fewest[stack.key], it.name) for it in stack.jobs), default=(_NOTHING, ""))
    if stack.always + needed > stack.room:
        rule = f"does not hold the job '{name}' next to the clusters, so it waits for room until its `timeout`"
        yield stack.mistake(rule, stack.always + needed)


def _stacks(settings: Settings) -> Iterator[_Stack]:
    quota = settings.namespace.quota
    if quota is None:
        return
    # What a Secret is called in Kubernetes makes no difference here.
    workspace, defaults = workspace_of(settings, "", {}), settings.namespace.limits
    without = defaults.all_limits() if defaults else {}
    clusters = list(_clusters(settings, workspace, without))
    jobs = list(_jobs(settings, workspace, without))
    for key, most in (("cpu", quota.cpu), ("memory", quota.memory), ("pods", quota.pods)):
        if most is not None:
            yield _Stack(key, most, clusters, jobs)


def _clusters(settings: Settings, workspace: WorkspaceContext, without: Mapping[str, str]) -> Iterator[_Part]:
    for name, cluster in settings.clusters.items():
        if not can_be_rendered(cluster):
            continue
        declared = DeclaredCluster(name, cluster, workspace)
        own: list[tuple[Pod, int, int]] = [(it.spec, it.minimum, it.maximum) for it in declared.kinds_of_pods]
        own += [(_pod(it), 1, 1) for it in declared.autoscaler if it["kind"] == "Deployment"]
        verify = [(_pod(declared.verify_job), 1)] if cluster.verify and not cluster.suspended else []
        second: list[tuple[Pod, int]] = []
        if cluster.update == "blueGreen" and not cluster.suspended:
            # There is one notebook for both.
            notebooks = [_pod(it) for it in declared.notebook.values() if it["kind"] == "Deployment"]
            second = [(pod, count) for pod, count, _ in own if pod not in notebooks] + verify
        yield _Part(name, *_bounds(own, without), _need(second, without), _need(verify, without))


def _jobs(settings: Settings, workspace: WorkspaceContext, without: Mapping[str, str]) -> Iterator[_Part]:
    for name, job in settings.jobs.items():
        if job.suspended or not can_be_rendered(job):
            continue
        declared, workers = DeclaredJob(name, job, workspace), job.workers
        spec = declared.dask_job["spec"]
        cluster = spec["cluster"]["spec"]
        own: list[tuple[Pod, int, int]] = [(spec["job"]["spec"], 1, 1), (cluster["scheduler"]["spec"], 1, 1)]
        own.append((cluster["worker"]["spec"], workers.wanted, workers.maximum or workers.wanted))
        own += [(_pod(it), 1, 1) for it in declared.autoscaler if it["kind"] == "Job"]
        own += [(_pod(it["spec"]["jobTemplate"]), 1, 1) for it in declared.scheduled if it["kind"] == "CronJob"]
        yield _Part(name, *_bounds(own, without), _need([], without), _need([], without))


def _pod(body: Spec) -> Spec:
    return body["spec"]["template"]["spec"]


def _bounds(own: list[tuple[Pod, int, int]], without: Mapping[str, str]) -> tuple[Need, Need]:
    fewest = _need([(pod, count) for pod, count, _ in own], without)
    return fewest, _need([(pod, count) for pod, _, count in own], without)


def _need(pods: Iterable[tuple[Pod, int]], without: Mapping[str, str]) -> Need:
    total = {"cpu": _NOTHING, "memory": _NOTHING, "pods": _NOTHING}
    for pod, count in pods:
        total["pods"] += count
        for name in ("cpu", "memory"):
            total[name] += count * _limit(pod, name, without)
    return total


def _limit(pod: Pod, name: str, without: Mapping[str, str]) -> Decimal:
    """What a quota counts: the containers together, or the largest init container if that is more.

    A container without a limit gets the namespace's. One that has none then, or none that is a quantity, is reported
    elsewhere.
    """

    def of(box: Spec) -> Decimal:
        limits = (box.get("resources") or {}).get("limits") or {}
        try:
            return amount(str(limits.get(name, without.get(name, "0"))))
        except Invalid:
            return _NOTHING

    together = sum(map(of, pod["containers"]), _NOTHING)
    return max([together, *map(of, pod.get("initContainers") or ())])


def _shown(key: str, needed: Decimal) -> str:
    """As a stack file has it, rounded up."""
    if key == "pods":
        return str(int(needed))
    if key == "cpu":
        whole = needed == needed.to_integral_value()
        return f"'{int(needed)}'" if whole else f"'{int((needed * 1000).to_integral_value(ROUND_CEILING))}m'"
    unit, size = ("Gi", _GIBI) if needed % _GIBI == 0 else ("Mi", _MEBI)
    return f"'{int((needed / size).to_integral_value(ROUND_CEILING))}{unit}'"
