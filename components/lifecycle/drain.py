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
# After a move, EndpointSlices and kube-proxy send new clients to the old scheduler for some seconds, and load balancers
# that know the pods themselves for up to a minute.
SETTLE_SECONDS, SETTLE_SECONDS_BEHIND_A_BALANCER = 10.0, 60.0


def settles(endpoint: str) -> float:
    """How many seconds after its move an endpoint of this type may still send new clients to the old scheduler."""
    return SETTLE_SECONDS_BEHIND_A_BALANCER if endpoint == "LoadBalancer" else SETTLE_SECONDS


async def until_idle(client: kube.Api, namespace: str, name: str, timeout: str, settled: float | None = None) -> None:
    """Waits until the DaskCluster `name` is idle or missing, or `timeout` (such as `10m`) has passed; logs which.

    `settled` is the time on the monotonic clock until when new clients may still come; None if its endpoint did not
    move.
    """
    if not seconds(timeout):
        pulumi.log.warn(f"{name}: its clients are disconnected now (drainTimeout: {timeout})")
        return
    begin = wait.now()
    deadline, told, busy_at = begin + seconds(timeout), float("-inf"), begin
    load: Load | Silent | None = None

    async def idle() -> bool:
        nonlocal load, told, busy_at
        load, now = await look(client, namespace, name), wait.now()
        late = settled is None or now >= settled
        if load is None or (load == Load(0, 0) and late):
            return True
        if isinstance(load, Silent) or load.tasks:
            busy_at = now
        if now - busy_at >= IDLE_SECONDS and late:
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
