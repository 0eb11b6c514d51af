"""Reads the end of a DaskJob from the declared containers of its runner, and ends what others have added to its pod.

A container that a webhook has added (a mesh's sidecar) never ends, and neither does the pod: the operator, which reads
the pod's phase, would keep the job's cluster running for ever.
"""

import pulumi

from ..kube import client as kube
from ..kube import pods as health
from ..kube import wait
from ..kube.client import Object
from ..kube.paths import path_of
from ..manifests.declared_job import DeclaredJob

CONTAINER = "job"
NO_POD = "Missing"
HANDLED_SECONDS = 60


def phase(job: DeclaredJob, pod: Object | None) -> str:
    """What the runner is doing, as a pod's phase: that of the declared containers, once they have ended."""
    if pod is None:
        return NO_POD
    if ended := health.ends(pod, _declared(job)):
        return "Failed" if any(it.get("exitCode") for it in ended) else "Succeeded"
    return pod.get("status", {}).get("phase", "Pending")


async def end_others(client: kube.Api, job: DeclaredJob, pod: Object) -> None:
    """Ends a pod that still runs after its runner, with its log kept, so that the operator deletes the job's cluster.

    Such a pod counts as failed, so a job that has succeeded gets its status corrected.
    """
    # kubelet writes down a moment after the last container that the pod has ended.
    if not health.others_run(pod, _declared(job)):
        return
    where = job.path("Pod", job.runner_name)
    try:
        # A pod's deadline counts from its start: kubelet ends it at once.
        await kube.patch(client, where, {"spec": {"activeDeadlineSeconds": 1}})
        if phase(job, pod) == "Succeeded":
            await wait.wait_until(lambda: _handled(client, job), HANDLED_SECONDS)
            await kube.patch(client, f"{path_of(job.dask_job)}/status", {"status": {"jobStatus": "Successful"}})
    except (kube.ServerError, wait.DeadlineError) as error:
        pulumi.log.warn(
            f"{job.name}: has ended, and its pod still runs, because another container was added to it; it could not "
            f"be ended ({error}), so the job's cluster keeps running: `kubectl delete pod -n {job.namespace} "
            f"{job.runner_name}`"
        )


def _declared(job: DeclaredJob) -> set[str]:
    """The names of the runner's own containers."""
    return {container["name"] for container in job.dask_job["spec"]["job"]["spec"]["containers"]}


async def _handled(client: kube.Api, job: DeclaredJob) -> bool:
    live = await kube.find(client, path_of(job.dask_job)) or {}
    return live.get("status", {}).get("jobStatus") in ("Failed", "Successful")
