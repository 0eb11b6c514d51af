"""Waits for the end of a DaskJob, and keeps one that has succeeded from running a second time."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pulumi

from ..kube import client as kube
from ..kube import events, logs, wait
from ..kube import pods as health
from ..kube.client import Connection
from ..kube.errors import ClusterError
from ..kube.events import Event
from ..kube.paths import path_of
from ..lifecycle import crashes, event_troubles, missing, runner
from ..lifecycle.lasting import Lasting
from ..lifecycle.runner import NO_POD
from ..manifests import autoscaler
from ..manifests.declared_job import DeclaredJob
from ..settings.formats.quantities import seconds
from ..vocabulary import CLUSTER_NAME, COMPONENT, DEFAULT_GROUP, LAST_HANDLED, RECORD

POLL_SECONDS = 1.0
TELL_SECONDS = 30.0
TAIL_LINES = 20


async def keep_ended(connection: Connection, job: DeclaredJob) -> None:
    """Runs right before the DaskJob is created. A job that has succeeded must not run again if its DaskJob was deleted.

    The engine creates what is missing. So that nothing runs, the DaskJob is created here first, as one that the
    operator has handled already; the provider then takes it over. In a preview nothing is created.
    """
    dry = pulumi.runtime.is_dry_run()
    try:
        client = await kube.api(connection)
    except ClusterError:
        if dry:
            return  # without a Kubernetes API, a preview shows what it can
        raise
    if not await _has_succeeded(client, job):
        return
    both = f"daskjob/{job.physical_name} configmap/{job.name}-result"
    pulumi.log.info(
        f"the job '{job.name}' has succeeded before, and its DaskJob was deleted: it is created again as a record, "
        f"and does not run again. To run it again: `kubectl delete -n {job.namespace} {both}`"
    )
    if not dry:
        body = job.dask_job
        handled = body | {"metadata": body["metadata"] | {"annotations": {LAST_HANDLED: "{}", RECORD: "true"}}}
        await kube.apply(client, path_of(body), handled)


async def await_end(connection: Connection, job: DeclaredJob) -> None:
    """Waits on the runner's pod, which ends by itself, and reads `jobStatus` only for what the pod does not show.

    Raises `ClusterError` with the end of the job's log. `timeout` counts from the creation of the DaskJob.
    """
    client = await kube.api(connection)
    if await _has_succeeded(client, job):
        return
    live = await _daskjob(client, job)
    # The operator writes it down when the runner's pod has run (controller.py, handle_runner_status_change_*).
    begun = live.get("status", {}).get("jobStatus") in ("Running", "Successful", "Failed")
    age = health.age(live)
    async with events.watched(client, job.namespace) as reported:
        watch = _Watch(client, job, reported, begun, wait.now() - age)
        try:
            await wait.wait_until(watch.has_succeeded, seconds(job.settings.timeout) - age, pause=POLL_SECONDS)
        except wait.DeadlineError:
            raise ClusterError(
                f"the job '{job.name}' has not ended {job.settings.timeout} after its creation (timeout). It is still "
                f"running: {_again(job)}, a longer `timeout` waits for it. Its pod is {watch.phase}:\n"
                f"{'; '.join(map(str, watch.lasting.troubles)) or await _tail(client, job)}"
            ) from None
    pulumi.log.info(f"{job.name}: succeeded; its last lines:\n{await _tail(client, job)}")


@dataclass
class _Watch:
    """What was observed of one job so far."""

    client: kube.Api
    job: DeclaredJob
    events: Iterable[Event]
    """The namespace's reports of trouble, as they come."""
    begun: bool
    """Whether the runner's pod has run."""
    begin: float
    """When the DaskJob was created, on the clock of the wait."""
    phase: str = NO_POD
    told: float = field(default_factory=wait.now)

    def __post_init__(self) -> None:
        self.lasting = Lasting(self.job.name)

    async def has_succeeded(self) -> bool:
        """Whether the runner has succeeded. Raises `ClusterError` once the job can no longer succeed."""
        pods, runners = await _look(self.client, self.job)
        self.phase = runner.phase(self.job, runners[0] if runners else None)
        lost, self.begun = self.begun and self.phase == NO_POD, self.begun or self.phase != NO_POD
        if self.phase == "Failed":
            tail = await _tail(self.client, self.job)
            await runner.end_others(self.client, self.job, runners[0])
            raise ClusterError(f"the job '{self.job.name}' failed ({_again(self.job)}):\n{tail}")
        if lost:
            raise ClusterError(
                f"the job '{self.job.name}' lost its runner's pod: the pod or its node was deleted; {_again(self.job)}"
            )
        if self.phase == "Succeeded":
            await runner.end_others(self.client, self.job, runners[0])
            return True
        found = await missing.named(self.client, self.job, [*crashes.troubles(pods), *self._reported(pods)])
        if fatal := self.lasting.judge(found):
            raise ClusterError(f"the job '{self.job.name}' cannot run: {fatal}")
        now = wait.now()
        if now - self.told > TELL_SECONDS:
            self.told = now
            pulumi.log.info(f"{self.job.name}: {self.phase.lower()} for {now - self.begin:.0f} s")
        return False

    def _reported(self, pods: list[kube.Object]) -> list[health.Trouble]:
        """What the events say of the objects that the operator creates for the job."""
        name = self.job.physical_name
        group = f"{name}-{DEFAULT_GROUP}"
        about = event_troubles.keeping(pods, {name, group}, (f"{name}-scheduler", f"{group}-worker-"))
        own = {(it["kind"], it["metadata"]["name"]) for it in self.job.autoscaler}
        return event_troubles.troubles(
            self.events, lambda kind, name: about(kind, name) or (kind, name) in own, wait.now() - self.begin
        )


def _again(job: DeclaredJob) -> str:
    return f"`kubectl delete daskjob -n {job.namespace} {job.physical_name}` and `up` run it again"


async def _has_succeeded(client: kube.Api, job: DeclaredJob) -> bool:
    """Whether the record shows that this very job has succeeded."""
    found = await kube.unless_forbidden(kube.find(client, path_of(job.record)))
    return bool(found and found.get("data") == job.record["data"])


async def _look(client: kube.Api, job: DeclaredJob) -> tuple[list[kube.Object], list[kube.Object]]:
    """The job's pods, and the runner's among them, if it exists."""
    found = await kube.items(client, job.path("Pod"), {CLUSTER_NAME: job.physical_name})
    pods = [pod for pod in found if not _is_replaced(pod)]
    return pods, [pod for pod in pods if pod["metadata"]["name"] == job.runner_name]


def _is_replaced(pod: kube.Object) -> bool:
    """Whether it is an autoscaler's pod that was evicted, or whose node is missing: its Job creates another one."""
    of_autoscaler = pod["metadata"].get("labels", {}).get(COMPONENT) == autoscaler.ROLE
    return of_autoscaler and pod.get("status", {}).get("phase") == "Failed"


async def _daskjob(client: kube.Api, job: DeclaredJob) -> kube.Object:
    """The live DaskJob; an empty object if it is missing."""
    return await kube.find(client, path_of(job.dask_job)) or {}


async def _tail(client: kube.Api, job: DeclaredJob) -> str:
    try:
        return (await logs.tail(client, job.path("Pod", job.runner_name), runner.CONTAINER, TAIL_LINES)).strip()
    except Exception as error:
        return f"(its log cannot be read: {error})"
