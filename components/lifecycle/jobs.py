"""Waits for the end of a DaskJob, and keeps one that has succeeded from running a second time."""

import asyncio
import time
from typing import TYPE_CHECKING

import pulumi

from ..kube import client as kube
from ..kube import pods as health
from ..kube.client import Connection
from ..kube.errors import ClusterError
from ..manifests.cluster import API_VERSION
from ..manifests.job import JobTarget, dask_job, record
from ..settings.formats.quantities import seconds

if TYPE_CHECKING:
    from kr8s.asyncio import Api

POLL_SECONDS = 1.0
TELL_SECONDS = 30.0
TAIL_LINES = 20
CERTAIN_SECONDS = 15
NO_POD = "Not there"


# What kopf writes when it has handled an object. An object that carries it is not new to the operator, so nothing runs.
HANDLED = "kopf.zalando.org/last-handled-configuration"


async def keep_ended(connection: Connection, target: JobTarget) -> None:
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
    if not await _has_succeeded(client, target):
        return
    both = f"daskjob/{target.physical_name} configmap/{target.name}-result"
    pulumi.log.info(
        f"the job '{target.name}' has succeeded before, and its DaskJob was deleted: it is created again as a record, "
        f"and does not run again. To run it again: `kubectl delete -n {target.namespace} {both}`"
    )
    if not dry:
        body = dask_job(target)
        body["metadata"] = body["metadata"] | {"annotations": {HANDLED: "{}"}}
        await kube.apply(client, kube.url(body), body)


async def await_end(connection: Connection, target: JobTarget) -> None:
    """Waits on the runner's pod, which ends by itself, and reads `jobStatus` only for what the pod cannot tell.

    Raises `ClusterError` with the end of the job's log. `timeout` counts from the creation of the DaskJob.
    """
    client = await kube.api(connection)
    if await _has_succeeded(client, target):
        return
    live = await _daskjob(client, target)
    begin = time.monotonic() - health.age(live)
    deadline, told, wrong_since = begin + seconds(target.job.timeout), time.monotonic(), None
    # The operator writes it down when the runner's pod has run (controller.py, handle_runner_status_change_*).
    begun = live.get("status", {}).get("jobStatus") in ("Running", "Successful", "Failed")
    while True:
        phase, troubles = await _look(client, target)
        begun = begun or phase != NO_POD
        if phase == "Succeeded":
            await _report(client, target, "succeeded")
            return
        now = time.monotonic()
        wrong_since = (wrong_since or now) if troubles else None
        certain = wrong_since is not None and now - wrong_since > CERTAIN_SECONDS
        if words := await _failure(client, target, phase, begun=begun, late=now > deadline):
            raise ClusterError(f"the job '{target.name}' {words}")
        if certain:
            raise ClusterError(f"the job '{target.name}' cannot run: {troubles[0]}")
        if now - told > TELL_SECONDS:
            told = now
            pulumi.log.info(f"{target.name}: {phase.lower()} for {now - begin:.0f} s")
        await asyncio.sleep(POLL_SECONDS)


async def _failure(client: "Api", target: JobTarget, phase: str, *, begun: bool, late: bool) -> str | None:
    """Why the job can no longer succeed; None while it can."""
    again = f"`kubectl delete daskjob -n {target.namespace} {target.physical_name}` and `up` run it again"
    if phase == "Failed":
        return f"failed ({again}):\n{await _tail(client, target)}"
    if begun and phase == NO_POD:
        return f"lost its runner's pod: the pod or its node was deleted; {again}"
    if late:
        return (
            f"has not ended {target.job.timeout} after its creation (timeout). It is still running: {again}, a longer "
            f"`timeout` waits for it. Its pod is {phase}:\n{await _tail(client, target)}"
        )
    return None


async def _has_succeeded(client: "Api", target: JobTarget) -> bool:
    """Whether the record shows that this very job has succeeded."""
    wanted = record(target)
    url = f"api/v1/namespaces/{target.namespace}/configmaps/{wanted['metadata']['name']}"
    found = await kube.unless_forbidden(kube.find(client, url))
    return bool(found and found.get("data") == wanted["data"])


async def _look(client: "Api", target: JobTarget) -> tuple[str, list[health.Trouble]]:
    """The runner's phase, `NO_POD` where there is none, and what keeps any of the job's pods from running."""
    url = f"api/v1/namespaces/{target.namespace}/pods"
    pods = await kube.items(client, url, {"dask.org/cluster-name": target.physical_name})
    runner = [pod for pod in pods if pod["metadata"]["name"] == f"{target.physical_name}-runner"]
    phase = runner[0].get("status", {}).get("phase", "Pending") if runner else NO_POD
    return phase, [trouble for trouble in health.pod_troubles(pods) if trouble.fatal]


async def _daskjob(client: "Api", target: JobTarget) -> kube.Object:
    """The live DaskJob; an empty object if it is missing."""
    url = f"apis/{API_VERSION}/namespaces/{target.namespace}/daskjobs/{target.physical_name}"
    return await kube.find(client, url) or {}


async def _report(client: "Api", target: JobTarget, how: str) -> None:
    pulumi.log.info(f"{target.name}: {how}; its last lines:\n{await _tail(client, target)}")


async def _tail(client: "Api", target: JobTarget) -> str:
    url = f"api/v1/namespaces/{target.namespace}/pods/{target.physical_name}-runner/log"
    try:
        async with kube.call(client, "GET", url, params={"tailLines": str(TAIL_LINES)}) as response:
            return response.text.strip()
    except Exception as error:
        return f"(its log cannot be read: {error})"
