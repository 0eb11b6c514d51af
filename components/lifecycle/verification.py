"""Waits for the result of the verify Job, for which the endpoint and the connection record wait.

The provider would wait until the Job has ended, which is two seconds after its pod: the Job controller looks at its
pods once a second, and twice. So the Job is created without that wait. The pod's log has the result at once; without
permission to read it, the end of the container shows it. Meanwhile the cluster's pods are watched: what keeps them from
running ends the wait within seconds (docs/adr/0018).

A container that a webhook has added to the pod never ends, and the Job would not either: it would fail at its deadline.
So what counts is the program's own container, and a Job whose pod has others is suspended when that one has computed.
"""

import asyncio
from contextlib import suppress

import pulumi
from pulumi import ResourceHook, ResourceHookArgs

from ..kube import client as kube
from ..kube import logs, wait
from ..kube import pods as health
from ..kube.client import Connection, Object
from ..kube.errors import ClusterError
from ..kube.paths import path_of
from ..lifecycle import event_troubles, readiness
from ..lifecycle import pod_watch as podwatch
from ..lifecycle.pod_watch import Hopeless, Watch
from ..manifests.declared import DeclaredCluster
from ..settings.formats.quantities import seconds
from ..vocabulary import OWNER, VERIFIED

# How the line with the result begins, which ends scripts/verify.py.
RESULT = "verified: "
CONTAINER = "verify"
TAIL_LINES = 5
WATCH_SECONDS = 2.0
DELETE_SECONDS = 60
# The Job ends itself at its own deadline; this much later nobody has heard of it.
MARGIN_SECONDS = 120
_JOB_NAME = "batch.kubernetes.io/job-name"


def before(connection: Connection, cluster: DeclaredCluster) -> ResourceHook:
    """The hook that waits for the result."""

    async def has_computed(args: ResourceHookArgs) -> None:
        metadata = (args.new_inputs or {}).get("metadata") or {}
        await await_result(connection, cluster, (metadata.get("annotations") or {}).get(OWNER))

    return ResourceHook(f"{cluster.name}-verified", has_computed)


async def await_result(connection: Connection, cluster: DeclaredCluster, owner: str | None = None) -> None:
    """Returns when the cluster has computed. Raises `ClusterError` with the reason, after which the Job has ended.

    A Job that has failed before, or is missing, runs again; `owner` is the id of the stack's state.
    """
    client = await kube.api(connection)
    job = await kube.find(client, path_of(cluster.verify_job))
    if job and VERIFIED in (job["metadata"].get("annotations") or {}):
        return
    if job is None or _has(job, "Failed"):
        await _run_again(client, cluster, job, owner)
    async with podwatch.watching(client, cluster, podwatch.all_pods(cluster)) as watch:
        waits = [asyncio.create_task(_result(client, cluster)), asyncio.create_task(_troubles(watch))]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        except ClusterError:
            await _end(client, cluster)
            raise
        finally:
            for each in waits:
                each.cancel()


async def _result(client: kube.Api, cluster: DeclaredCluster) -> None:
    async def computed() -> bool:
        pods = await _job_pods(client, cluster)
        for pod in pods:
            if await _has_computed(client, cluster, pod):
                await _end_others(client, cluster, pod)
                return True
        if any("containerStatuses" in pod.get("status", {}) for pod in pods):
            return False
        job = await kube.find(client, path_of(cluster.verify_job)) or {}
        if _has(job, "Failed"):
            raise _failure(cluster, _has(job, "Failed"))
        return bool(_has(job, "Complete"))

    limit = 2 * seconds(cluster.settings.ready_timeout) + MARGIN_SECONDS
    try:
        await wait.wait_until(computed, limit, pause=readiness.pace())
    except wait.DeadlineError:
        raise _failure(cluster, f"its pod has not ended after {limit} s") from None


async def _has_computed(client: kube.Api, cluster: DeclaredCluster, pod: Object) -> bool:
    """Whether this pod has the result. Raises `ClusterError` where it has ended without one."""
    for ended in health.ends(pod, {CONTAINER}):
        if ended.get("exitCode") == 0:
            return True
        raise _failure(cluster, _last_line(ended.get("message") or f"exit code {ended.get('exitCode')}"))
    if not health.runs(pod, CONTAINER):
        return False
    log = await logs.tail_if_readable(client, cluster.path("Pod", pod["metadata"]["name"]), CONTAINER, TAIL_LINES)
    return any(line.startswith(RESULT) for line in log.splitlines())


async def _end_others(client: kube.Api, cluster: DeclaredCluster, pod: Object) -> None:
    """Ends the Job of a pod that others have added containers to: a suspended Job has no pod, and does not fail."""
    if health.others_run(pod, {CONTAINER}):
        done = {"metadata": {"annotations": {VERIFIED: "true"}}, "spec": {"suspend": True}}
        try:
            await kube.patch(client, path_of(cluster.verify_job), done)
        except kube.ServerError as error:
            pulumi.log.warn(f"{cluster.name}: has computed, and the verification's pod could not be ended: {error}")


async def _troubles(watch: Watch) -> None:
    """Raises `Hopeless` when the cluster cannot become ready; otherwise never ends."""

    async def refused() -> list[health.Trouble]:
        return await _refused(watch)

    await readiness.await_pods(watch, refused)
    told: set[str] = set()
    while True:
        await wait.sleep(WATCH_SECONDS)
        try:
            await watch.look(await refused())
        except Hopeless:
            raise
        except Exception as error:
            if str(error) not in told:
                told.add(str(error))
                pulumi.log.warn(f"{watch.cluster.name}: its pods cannot be watched at the moment: {error}")


async def _refused(watch: Watch) -> list[health.Trouble]:
    """Why the Job has no pod (a quota, a LimitRange or a webhook refuses it), or why its pod does not start."""
    job = await kube.find(watch.client, path_of(watch.cluster.verify_job))
    if not job:
        return []
    pods = [pod for pod in await _job_pods(watch.client, watch.cluster) if not health.started(pod)]
    names = {("Pod", pod["metadata"]["name"]) for pod in pods}
    if not any(job.get("status", {}).get(count) for count in ("active", "succeeded", "failed")):
        names.add(("Job", watch.cluster.verify_job["metadata"]["name"]))
    reported = event_troubles.troubles(watch.events, lambda *about: about in names, wait.now() - watch.begin)
    return [*health.pod_troubles(pods), *reported]


async def _job_pods(client: kube.Api, cluster: DeclaredCluster) -> list[Object]:
    return await kube.items(client, cluster.path("Pod"), {_JOB_NAME: cluster.verify_job["metadata"]["name"]})


async def _run_again(client: kube.Api, cluster: DeclaredCluster, job: Object | None, owner: str | None) -> None:
    """Creates the Job anew: it may fail only once. It keeps the annotations that the program has given it."""
    url, body = path_of(cluster.verify_job), cluster.verify_job
    annotations = body["metadata"]["annotations"] | ({OWNER: owner} if owner else {})
    if job:
        pulumi.log.info(f"{cluster.name}: the verification has failed before and runs again")
        annotations = job["metadata"].get("annotations") or annotations
        await kube.delete_with_children(client, url, job["metadata"]["uid"])

        async def missing() -> bool:
            return await kube.find(client, url) is None

        with suppress(wait.DeadlineError):
            await wait.wait_until(missing, DELETE_SECONDS)
    await kube.apply(client, url, body | {"metadata": body["metadata"] | {"annotations": annotations}})


async def _end(client: kube.Api, cluster: DeclaredCluster) -> None:
    """Ends the Job, which has nothing more to verify: without its pod it has failed, as it may fail only once."""
    pods = await _job_pods(client, cluster)
    running = [pod for pod in pods if pod.get("status", {}).get("phase") in (None, "Pending", "Running")]
    for pod in running:
        await kube.delete(client, cluster.path("Pod", pod["metadata"]["name"]))
    if not pods:
        await kube.patch(client, path_of(cluster.verify_job), {"spec": {"activeDeadlineSeconds": 1}})


def _has(job: Object, kind: str) -> str:
    """What a condition of the Job says, if it holds; otherwise nothing."""
    conditions = job.get("status", {}).get("conditions", [])
    holds = [it for it in conditions if it["type"] == kind and it["status"] == "True"]
    return " ".join(holds[0].get(key, "") for key in ("reason", "message")).strip() or kind if holds else ""


def _failure(cluster: DeclaredCluster, why: str) -> ClusterError:
    job = cluster.verify_job["metadata"]["name"]
    return ClusterError(
        f"the cluster '{cluster.name}' has not computed: {why}; the next `up` verifies it again "
        f"(`kubectl logs -n {cluster.namespace} job/{job}` has all that the verification wrote)"
    )


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]
