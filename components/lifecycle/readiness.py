"""Waits until a cluster's pods have started, or explains why they cannot.

A hook before the verify Job holds it back until all pods have started; the Job then computes. A watch runs
concurrently with the Job: a crash loop ends the Job at once, with its reason in the log, instead of after its deadline.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding

from ..kube import client as kube
from ..kube import events, wait
from ..kube import pods as health
from ..kube.client import Connection
from ..kube.paths import path_of
from ..lifecycle import event_troubles
from ..lifecycle import pod_watch as podwatch
from ..lifecycle.pod_watch import SCHEDULER, Hopeless, Watch
from ..manifests.declared import DeclaredCluster
from ..settings.formats.quantities import seconds

FIRST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.25, 2.0
OPERATOR_SECONDS = 30
# The event loop keeps only weak references to tasks: without this one a watch could end at any time.
_watches: set["asyncio.Task[None]"] = set()


def before_endpoint(connection: Connection, cluster: DeclaredCluster) -> ResourceHookBinding | None:
    """What the endpoint waits for without a verify Job: a scheduler that is ready."""
    if cluster.settings.verify:
        return None

    async def scheduler_is_ready(_: ResourceHookArgs) -> None:
        await await_scheduler(connection, cluster)

    hook = ResourceHook(f"{cluster.name}-scheduler-ready", scheduler_is_ready)
    return ResourceHookBinding(before_create=[hook], before_update=[hook])


async def await_pods(connection: Connection, cluster: DeclaredCluster) -> None:
    """Returns when scheduler and expected workers have started; raises `ClusterError` with the reason if not."""
    client = await kube.api(connection)
    async with events.watched(client, cluster.namespace) as reported:
        await _await(Watch(client, cluster, podwatch.all_pods(cluster), events=reported), ready=lambda: True)


async def await_scheduler(connection: Connection, cluster: DeclaredCluster) -> None:
    """Returns when the scheduler answers its readiness probe; raises `ClusterError` with the reason if not."""
    client = await kube.api(connection)
    async with events.watched(client, cluster.namespace) as reported:
        watch = Watch(client, cluster, {SCHEDULER: 1}, events=reported)
        await _await(watch, ready=lambda: any(map(health.ready, watch.pods)))


async def _await(watch: Watch, ready: Callable[[], bool]) -> None:
    """Returns when all wanted pods have started and `ready()` holds. Raises `Hopeless` after `readyTimeout`."""
    cluster, wanted = watch.cluster, sum(watch.wanted.values())
    pods, pods_since = -1, 0.0

    async def looked() -> bool:
        nonlocal pods, pods_since
        if await watch.look() and ready():
            return True
        now = wait.now()
        if len(watch.pods) != pods:
            pods, pods_since = len(watch.pods), now
        if pods < wanted and now - pods_since > OPERATOR_SECONDS:
            await podwatch.explain_idle_operator(watch.client, cluster)
        return False

    pause = wait.growing(FIRST_POLL_SECONDS, LONGEST_POLL_SECONDS)
    try:
        await wait.wait_until(looked, seconds(cluster.settings.ready_timeout), pause=pause)
    except wait.DeadlineError:
        raise Hopeless(
            f"the cluster '{cluster.name}' has {wanted - sum(watch.missing().values())} of {wanted} pods after "
            f"{cluster.settings.ready_timeout} (readyTimeout): {watch.waiting_for()}"
        ) from None


def guard(connection: Connection, cluster: DeclaredCluster) -> "asyncio.Task[None]":
    """Watches the pods while the verify Job runs, and ends the Job when they cannot become ready."""
    task = asyncio.get_running_loop().create_task(_guard(connection, cluster))
    _watches.add(task)
    task.add_done_callback(_watches.discard)
    return task


async def _guard(connection: Connection, cluster: DeclaredCluster) -> None:
    """Keeps watching when a request fails: only `Hopeless` is about the cluster."""
    watch: Watch | None = None
    told: set[str] = set()
    watching = AsyncExitStack()

    async def ended() -> bool:
        nonlocal watch
        try:
            if watch is None:
                client = await kube.api(connection)
                reported = await watching.enter_async_context(events.watched(client, cluster.namespace))
                watch = Watch(client, cluster, podwatch.all_pods(cluster), events=reported)
            job = await kube.find(watch.client, path_of(cluster.verify_job)) or {}
            if any(item["status"] == "True" for item in job.get("status", {}).get("conditions", [])):
                return True
            await watch.look(await _refused(watch, job))
        except Hopeless as error:
            pulumi.log.error(str(error))
            if watch:
                await _end(watch)
            return True
        except Exception as error:
            if str(error) not in told:
                told.add(str(error))
                pulumi.log.warn(f"{cluster.name}: its pods cannot be watched at the moment: {error}")
        return False

    # The engine waits for the Job, and fails it by its own deadline.
    await wait.sleep(LONGEST_POLL_SECONDS)
    async with watching:
        with suppress(wait.DeadlineError):
            await wait.wait_until(ended, seconds(cluster.settings.ready_timeout), pause=LONGEST_POLL_SECONDS)


async def _refused(watch: Watch, job: kube.Object) -> list[health.Trouble]:
    """Why the Job has no pod (a quota, a LimitRange or a webhook refuses it), or why its pod does not start."""
    if not job:
        return []
    pods = [pod for pod in await _job_pods(watch) if not health.started(pod)]
    names = {("Pod", pod["metadata"]["name"]) for pod in pods}
    if not any(job.get("status", {}).get(count) for count in ("active", "succeeded", "failed")):
        names.add(("Job", watch.cluster.verify_job["metadata"]["name"]))
    reported = event_troubles.troubles(watch.events, lambda *about: about in names, wait.now() - watch.begin)
    return [*health.pod_troubles(pods), *reported]


async def _job_pods(watch: Watch) -> list[kube.Object]:
    labels = {"batch.kubernetes.io/job-name": watch.cluster.verify_job["metadata"]["name"]}
    return await kube.items(watch.client, watch.cluster.path("Pod"), labels)


async def _end(watch: Watch) -> None:
    """Ends the Job, and with it the engine's wait: it may fail no more than once, and without its pod it has failed."""
    cluster, client = watch.cluster, watch.client
    pods = await _job_pods(watch)
    for pod in pods:
        await kube.delete(client, cluster.path("Pod", pod["metadata"]["name"]))
    if not pods:
        await kube.patch(client, path_of(cluster.verify_job), {"spec": {"activeDeadlineSeconds": 1}})
