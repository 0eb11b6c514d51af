"""Waits until a cluster's pods have started, or explains why they cannot.

A hook before the verify Job holds it back until all pods have started; the Job then computes. A watch runs
concurrently with the Job: a crash loop ends the Job at once, with its reason in the log, instead of after its deadline.
"""

import asyncio
import time
from collections.abc import Callable

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding

from ..kube import client as kube
from ..kube import pods as health
from ..kube.client import Connection
from ..lifecycle import pod_watch as podwatch
from ..lifecycle.pod_watch import SCHEDULER, Hopeless, Watch
from ..manifests.cluster import Target, verify_job
from ..settings.formats.quantities import seconds

FIRST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.25, 2.0
OPERATOR_SECONDS = 30
# The event loop keeps only weak references to tasks: without this one a watch could end at any time.
_watches: set["asyncio.Task[None]"] = set()


def before_endpoint(connection: Connection, target: Target) -> ResourceHookBinding | None:
    """What the endpoint waits for without a verify Job: a scheduler that is ready."""
    if target.cluster.verify:
        return None

    async def scheduler_is_ready(_: ResourceHookArgs) -> None:
        await await_scheduler(connection, target)

    hook = ResourceHook(f"{target.name}-scheduler-ready", scheduler_is_ready)
    return ResourceHookBinding(before_create=[hook], before_update=[hook])


async def await_pods(connection: Connection, target: Target) -> None:
    """Returns when scheduler and expected workers have started; raises `ClusterError` with the reason if not."""
    watch = Watch(await kube.api(connection), target, podwatch.all_pods(target))
    await _await(watch, ready=lambda: True)


async def await_scheduler(connection: Connection, target: Target) -> None:
    """Returns when the scheduler answers its readiness probe; raises `ClusterError` with the reason if not."""
    watch = Watch(await kube.api(connection), target, {SCHEDULER: 1})
    await _await(watch, ready=lambda: any(map(health.ready, watch.pods)))


async def _await(watch: Watch, ready: Callable[[], bool]) -> None:
    """Looks until all wanted pods have started and `ready()` holds, for `readyTimeout` at most."""
    target, wanted = watch.target, sum(watch.wanted.values())
    deadline = time.monotonic() + seconds(target.cluster.ready_timeout)
    pause, pods, pods_since = FIRST_POLL_SECONDS, -1, 0.0
    while True:
        if await watch.look() and ready():
            return
        now = time.monotonic()
        if len(watch.pods) != pods:
            pods, pods_since = len(watch.pods), now
        if pods < wanted and now - pods_since > OPERATOR_SECONDS:
            await podwatch.explain_idle_operator(watch.client, target)
        if now > deadline:
            raise Hopeless(
                f"the cluster '{target.name}' has {wanted - sum(watch.missing().values())} of {wanted} pods after "
                f"{target.cluster.ready_timeout} (readyTimeout): {watch.waiting_for()}"
            )
        await asyncio.sleep(pause)
        pause = min(LONGEST_POLL_SECONDS, pause * 1.5)


def guard(connection: Connection, target: Target) -> "asyncio.Task[None]":
    """Watches the pods while the verify Job runs, and ends the Job when they cannot become ready."""
    task = asyncio.get_running_loop().create_task(_guard(connection, target))
    _watches.add(task)
    task.add_done_callback(_watches.discard)
    return task


async def _guard(connection: Connection, target: Target) -> None:
    """Keeps watching when a request fails: only `Hopeless` is about the cluster."""
    deadline = time.monotonic() + seconds(target.cluster.ready_timeout)
    watch: Watch | None = None
    told: set[str] = set()
    while time.monotonic() < deadline:
        await asyncio.sleep(LONGEST_POLL_SECONDS)
        try:
            watch = watch or Watch(await kube.api(connection), target, podwatch.all_pods(target))
            job = await kube.find(watch.client, _job_url(target)) or {}
            if any(item["status"] == "True" for item in job.get("status", {}).get("conditions", [])):
                return
            await watch.look(await _refused(watch, job))
        except Hopeless as error:
            pulumi.log.error(str(error))
            if watch:
                await _end(watch)
            return
        except Exception as error:
            if str(error) not in told:
                told.add(str(error))
                pulumi.log.warn(f"{target.name}: its pods cannot be watched at the moment: {error}")


async def _refused(watch: Watch, job: kube.Object) -> list[health.Trouble]:
    """Why the Job has no pod: a quota, a LimitRange or a webhook refuses it. The Job itself says nothing of it."""
    if not job or any(job.get("status", {}).get(count) for count in ("active", "succeeded", "failed")):
        return []
    name = job["metadata"]["name"]
    about = f"involvedObject.kind=Job,involvedObject.name={name},reason=FailedCreate"
    url = f"api/v1/namespaces/{watch.target.namespace}/events"
    events = await kube.unless_forbidden(kube.get(watch.client, url, fieldSelector=about))
    last = [event.get("message", "") for event in (events or {}).get("items", [])][-1:]
    return [health.Trouble(f"job {name}", "FailedCreate", message, fatal=True) for message in last]


async def _end(watch: Watch) -> None:
    """Ends the Job, and with it the engine's wait: it may fail no more than once, and without its pod it has failed."""
    target, client = watch.target, watch.client
    job = {"batch.kubernetes.io/job-name": verify_job(target)["metadata"]["name"]}
    pods = await kube.items(client, f"api/v1/namespaces/{target.namespace}/pods", job)
    for pod in pods:
        await kube.delete(client, f"api/v1/namespaces/{target.namespace}/pods/{pod['metadata']['name']}")
    if not pods:
        await kube.patch(client, _job_url(target), {"spec": {"activeDeadlineSeconds": 1}})


def _job_url(target: Target) -> str:
    return f"apis/batch/v1/namespaces/{target.namespace}/jobs/{verify_job(target)['metadata']['name']}"
