"""Waits for the end of a DaskJob. In: the job. Out: nothing, or a `ClusterError` with the job's last words."""

import asyncio
import time
from typing import TYPE_CHECKING

import pulumi

from components import health, kube
from components.errors import ClusterError
from components.jobmanifest import JobTarget
from components.kube import Connection
from components.manifest import API_VERSION
from components.quantities import seconds

if TYPE_CHECKING:
    from kr8s.asyncio import Api

POLL_SECONDS = 1.0
TELL_SECONDS = 30.0
TAIL_LINES = 20
CERTAIN_SECONDS = 15
NO_POD = "Not there"


async def await_end(connection: Connection, target: JobTarget) -> None:
    """Waits on the runner's pod, which ends by itself, and reads `jobStatus` only for what the pod cannot tell."""
    client = await kube.api(connection)
    begin = time.monotonic()
    deadline, told, wrong_since = begin + seconds(target.job.timeout), begin, None
    begun = await _was_begun(client, target)
    again = f"`kubectl delete daskjob -n {target.namespace} {target.physical_name}` and `up` run it again"
    while True:
        phase, troubles = await _look(client, target)
        begun = begun or phase != NO_POD
        if begun and phase == NO_POD:
            raise ClusterError(
                f"the job '{target.name}' has lost its runner's pod: it was deleted, or its node; {again}"
            )
        if phase == "Succeeded":
            await _report(client, target, "succeeded")
            return
        if phase == "Failed":
            raise ClusterError(f"the job '{target.name}' failed ({again}):\n{await _tail(client, target)}")
        now = time.monotonic()
        wrong_since = (wrong_since or now) if troubles else None
        if wrong_since and now - wrong_since > CERTAIN_SECONDS:
            raise ClusterError(f"the job '{target.name}' cannot run: {troubles[0]}")
        if now > deadline:
            raise ClusterError(
                f"the job '{target.name}' has not ended after {target.job.timeout} (timeout); its pod is {phase}:\n"
                f"{await _tail(client, target)}"
            )
        if now - told > TELL_SECONDS:
            told = now
            pulumi.log.info(f"{target.name}: {phase.lower()} for {now - begin:.0f} s")
        await asyncio.sleep(POLL_SECONDS)


async def _look(client: "Api", target: JobTarget) -> tuple[str, list[health.Trouble]]:
    """The runner's phase, `NO_POD` where there is none, and what keeps any of the job's pods from running."""
    url = f"api/v1/namespaces/{target.namespace}/pods"
    pods = await kube.items(client, url, {"dask.org/cluster-name": target.physical_name})
    runner = [pod for pod in pods if pod["metadata"]["name"] == f"{target.physical_name}-runner"]
    phase = runner[0].get("status", {}).get("phase", "Pending") if runner else NO_POD
    return phase, [trouble for trouble in health.pod_troubles(pods) if trouble.fatal]


async def _was_begun(client: "Api", target: JobTarget) -> bool:
    """Whether the runner's pod has run: the operator writes it down (controller.py, handle_runner_status_change_*)."""
    job = await kube.find(client, f"apis/{API_VERSION}/namespaces/{target.namespace}/daskjobs/{target.physical_name}")
    return bool(job and job.get("status", {}).get("jobStatus") in ("Running", "Successful", "Failed"))


async def _report(client: "Api", target: JobTarget, how: str) -> None:
    pulumi.log.info(f"{target.name}: {how}; its last lines:\n{await _tail(client, target)}")


async def _tail(client: "Api", target: JobTarget) -> str:
    url = f"api/v1/namespaces/{target.namespace}/pods/{target.physical_name}-runner/log"
    try:
        async with kube.call(client, "GET", url, params={"tailLines": str(TAIL_LINES)}) as response:
            return response.text.strip()
    except Exception as error:
        return f"(its log cannot be read: {error})"
