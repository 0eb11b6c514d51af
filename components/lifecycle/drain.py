"""Keeps a replaced cluster running until its clients are done.

Its scheduler is asked from wherever `pulumi` runs (load.py).
"""

import pulumi

from ..kube import client as kube
from ..kube import wait
from ..lifecycle.load import Load, Silent, look
from ..settings.formats.quantities import seconds

POLL_SECONDS = 1.0
TELL_SECONDS = 10.0
# A client that computes in rounds holds nothing between two rounds.
IDLE_SECONDS = 15.0
# EndpointSlices, kube-proxy and load balancers send new clients to the old scheduler for some seconds after a move.
SETTLE_SECONDS = 10.0


async def until_idle(client: kube.Api, namespace: str, name: str, timeout: str, moved: float | None = None) -> None:
    """Waits until the DaskCluster `name` is idle or missing, or `timeout` (such as `10m`) has passed; logs which.

    `moved` is the time on the monotonic clock when its endpoint moved away; None if it did not move.
    """
    if not seconds(timeout):
        pulumi.log.warn(f"{name}: its clients are disconnected now (drainTimeout: {timeout})")
        return
    begin = wait.now()
    deadline, told, busy_at = begin + seconds(timeout), float("-inf"), begin
    settled = begin if moved is None else moved + SETTLE_SECONDS
    load: Load | Silent | None = None

    async def idle() -> bool:
        nonlocal load, told, busy_at
        load, now = await look(client, namespace, name), wait.now()
        if load is None or (load == Load(0, 0) and now >= settled):
            return True
        if isinstance(load, Silent) or load.tasks:
            busy_at = now
        if now - busy_at >= IDLE_SECONDS and now >= settled:
            pulumi.log.info(f"{name}: {load} left, idle for {IDLE_SECONDS:.0f} s")
            return True
        if load != Load(0, 0) and now - told >= TELL_SECONDS and now <= deadline:
            pulumi.log.info(f"{name}: waiting for {load} (up to {deadline - now:.0f} s more)")
            told = now
        return False

    try:
        await wait.wait_until(idle, seconds(timeout), pause=POLL_SECONDS)
    except wait.DeadlineError:
        pulumi.log.warn(f"{name}: drainTimeout ({timeout}) exceeded: {_cut_off(load)}")
    pulumi.log.info(f"{name}: drained after {wait.now() - begin:.0f} s")


def _cut_off(load: Load | Silent | None) -> str:
    if isinstance(load, Load):
        return f"disconnecting {load}"
    return (
        f"cannot tell whether it is still in use: {load}; if this happens in every update, the API server cannot reach "
        "the pods (a firewall, a network policy): grant `get` and `create` on `pods/portforward`, or each update waits "
        "for the whole `drainTimeout`"
    )
