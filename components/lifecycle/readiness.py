"""Waits until a cluster's pods have started, or explains why they cannot."""

from collections.abc import Awaitable, Callable

from pulumi import ResourceHook, ResourceHookArgs

from ..kube import client as kube
from ..kube import pods as health
from ..kube import wait
from ..kube.client import Connection
from ..lifecycle import pod_watch as podwatch
from ..lifecycle.pod_watch import SCHEDULER, Hopeless, Watch
from ..manifests.declared import DeclaredCluster
from ..settings.formats.quantities import seconds

FIRST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.25, 2.0
OPERATOR_SECONDS = 30


def before_endpoint(connection: Connection, cluster: DeclaredCluster) -> ResourceHook:
    """What the endpoint waits for without a verify Job: a scheduler that is ready."""

    async def scheduler_is_ready(_: ResourceHookArgs) -> None:
        await await_scheduler(connection, cluster)

    return ResourceHook(f"{cluster.name}-scheduler-ready", scheduler_is_ready)


async def await_service(connection: Connection, cluster: DeclaredCluster) -> None:
    """Returns when the operator has created the scheduler's Service; raises `ClusterError` with the reason if not.

    A look-up of its name before that would be answered from DNS caches for half a minute: the workers' look-ups too.
    """
    client = await kube.api(connection)
    async with podwatch.watching(client, cluster, podwatch.all_pods(cluster)) as watch:

        async def exists() -> bool:
            if await kube.find(client, cluster.path("Service", cluster.scheduler_name)):
                return True
            await watch.look()
            return False

        await _await(watch, exists)


async def await_pods(watch: Watch, more: Callable[[], Awaitable[list[health.Trouble]]]) -> None:
    """Returns when scheduler and expected workers have started; raises `ClusterError` with the reason if not.

    `more` are troubles of others that the cluster needs.
    """

    async def started() -> bool:
        return await watch.look(await more())

    await _await(watch, started)


async def await_scheduler(connection: Connection, cluster: DeclaredCluster) -> None:
    """Returns when the scheduler answers its readiness probe; raises `ClusterError` with the reason if not."""
    client = await kube.api(connection)
    async with podwatch.watching(client, cluster, {SCHEDULER: 1}) as watch:

        async def answers() -> bool:
            return await watch.look() and any(map(health.ready, watch.pods))

        await _await(watch, answers)


async def _await(watch: Watch, ready: Callable[[], Awaitable[bool]]) -> None:
    """Returns when `ready()` holds. Raises `Hopeless` after `readyTimeout`, and for an operator that does not run."""
    cluster, wanted = watch.cluster, sum(watch.wanted.values())
    pods, pods_since = -1, 0.0

    async def looked() -> bool:
        nonlocal pods, pods_since
        if await ready():
            return True
        now = wait.now()
        if len(watch.pods) != pods:
            pods, pods_since = len(watch.pods), now
        if pods < wanted and now - pods_since > OPERATOR_SECONDS:
            await podwatch.explain_idle_operator(watch.client, cluster)
        return False

    try:
        await wait.wait_until(looked, seconds(cluster.settings.ready_timeout), pause=pace())
    except wait.DeadlineError:
        raise Hopeless(
            f"the cluster '{cluster.name}' has {wanted - sum(watch.missing().values())} of {wanted} pods after "
            f"{cluster.settings.ready_timeout} (readyTimeout): {watch.waiting_for()}"
        ) from None


def pace() -> Callable[[], float]:
    """Pauses between two looks: a thirtieth of the time that has passed, so that nobody waits much longer for them."""
    begin = wait.now()
    return lambda: min(LONGEST_POLL_SECONDS, max(FIRST_POLL_SECONDS, (wait.now() - begin) / 30))
