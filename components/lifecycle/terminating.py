"""Waits for the end of an object that is terminating, for as long as its workers may take to end their tasks."""

import pulumi

from ..kube import client as kube
from ..kube import wait
from ..kube.client import Object
from ..kube.errors import ClusterError
from ..kube.paths import described, path_of

POLL_SECONDS = 0.5
# For volumes and finalizers, after the grace period of the pods.
MARGIN_SECONDS = 120


def is_terminating(live: Object) -> bool:
    """Whether the object has been deleted, and something still holds it."""
    return "deletionTimestamp" in live["metadata"]


async def settled(client: kube.Api, body: Object) -> Object | None:
    """The live object with the path of `body`, None where it is missing. `up` waits while one is terminating.

    A preview does not wait. Raises `ClusterError` where the object outlasts its workers.
    """
    where = described(body)
    live = await kube.find(client, path_of(body))
    if live is None or not is_terminating(live) or pulumi.runtime.is_dry_run():
        return live
    limit = _grace_seconds(live) + MARGIN_SECONDS
    pulumi.log.info(f"{where} is still terminating: waiting until it is deleted, for up to {limit} s")

    async def ended() -> bool:
        nonlocal live
        live = await kube.find(client, path_of(body))
        return live is None or not is_terminating(live)

    try:
        await wait.wait_until(ended, limit, pause=POLL_SECONDS)
    except wait.DeadlineError:
        raise ClusterError(
            f"{where} is still terminating after {limit} s: look at its pods and finalizers, and run `up` again"
        ) from None
    return live


def _grace_seconds(live: Object) -> int:
    """How long the workers of a DaskCluster or a worker group may take to end; 0 for an object without workers."""
    worker = (live.get("spec") or {}).get("worker") or {}
    return (worker.get("spec") or {}).get("terminationGracePeriodSeconds", 0)
