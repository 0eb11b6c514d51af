"""Watches the pods of one version of a cluster: which of them have started, and why the others have not.

Only the scheduler, the default workers and the declared worker groups count. A group that a failed `up` has left
behind, or one that is about to be deleted, does not count for this version.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ..kube import chart, wait
from ..kube import client as kube
from ..kube import pods as health
from ..kube.errors import ClusterError
from ..kube.events import Event, watched
from ..kube.mirror import Mirror, mirrored
from ..kube.paths import path
from ..kube.pods import Trouble
from ..lifecycle import event_troubles, missing
from ..lifecycle.crashes import causes, troubles
from ..lifecycle.lasting import Lasting
from ..manifests.declared import DeclaredCluster
from ..vocabulary import CLUSTER_NAME, COMPONENT, NAME, WORKER_GROUP

# An older pod was not created by this `up`.
WORKED_SECONDS = 600
SCHEDULER, AUTOSCALER = "scheduler", "autoscaler"
# A message names no more troubles than a reader takes in.
_MOST = 5


class Hopeless(ClusterError):
    """The cluster cannot become ready, for a reason that does not resolve by itself."""


@dataclass
class Watch:
    """What was observed of one cluster so far. `wanted` is how many pods of each group have to start."""

    client: kube.Api
    cluster: DeclaredCluster
    wanted: dict[str, int]
    live_pods: Mirror
    live_deployments: Mirror
    events: Iterable[Event] = ()
    """The namespace's reports of trouble, as they come."""
    pods: list[kube.Object] = field(default_factory=list)
    begin: float = field(default_factory=wait.now)

    def __post_init__(self) -> None:
        self.lasting = Lasting(self.cluster.name)

    async def look(self, more: Sequence[Trouble] = ()) -> bool:
        """Whether all wanted pods have started. Warns of what is new, of `more` too, and raises `Hopeless`."""
        pods = await self.live_pods.items()
        self.pods = [pod for pod in pods if self._counts(pod) and "deletionTimestamp" not in pod["metadata"]]
        if not self.missing():
            self.judge(await self._named(more))
            return True
        deployments = await self.live_deployments.items()
        refused = health.deployment_troubles([it for it in deployments if self._counts(it)])
        old = {pod["metadata"]["name"] for pod in self.pods if health.age(pod) > WORKED_SECONDS}
        young = [pod for pod in self.pods if pod["metadata"]["name"] not in old]
        try:
            found = [*more, *refused, *troubles(self.pods, worked=old), *self._reported()]
            self.judge(await self._named(found))
        except Hopeless as error:
            raise Hopeless(f"{error}{await causes(self.client, self.cluster, young, str(error))}") from None
        return False

    async def _named(self, found: Sequence[Trouble]) -> list[Trouble]:
        """The troubles, with what is missing as their subject."""
        return await missing.named(self.client, self.cluster, found)

    def _reported(self) -> list[Trouble]:
        """What the events say of objects of this cluster that keep its pods from starting."""
        missing = self.missing()
        owners = {self.cluster.physical_name, *missing}
        deployments = [self.cluster.scheduler_name if it == SCHEDULER else f"{it}-worker-" for it in missing]
        about = event_troubles.keeping(self.pods, owners, deployments)
        return event_troubles.troubles(self.events, about, wait.now() - self.begin)

    def missing(self) -> dict[str, int]:
        """Group -> how many pods that have not started."""
        have = [_group(pod) for pod in self.pods if health.started(pod)]
        return {group: lack for group, count in self.wanted.items() if (lack := count - have.count(group)) > 0}

    def judge(self, found: Sequence[Trouble]) -> None:
        """Reports the troubles that last, and raises for a fatal one."""
        if fatal := self.lasting.judge(found):
            raise Hopeless(f"the cluster '{self.cluster.name}' cannot become ready: {fatal}")

    def waiting_for(self) -> str:
        """What is known of the pods that have not started: their troubles, or else what they are doing."""
        words = list(dict.fromkeys(map(str, self.lasting.troubles)))
        if words:
            return "; ".join(words[:_MOST]) + (f"; and {len(words) - _MOST} more" if len(words) > _MOST else "")
        return "; ".join(self._unexplained(group, lack) for group, lack in self.missing().items()) or "not ready yet"

    def _unexplained(self, group: str, lack: int) -> str:
        pods = [pod for pod in self.pods if _group(pod) == group and not health.started(pod)]
        doing = ", ".join(f"{pod['metadata']['name']} is {health.phase(pod)}" for pod in pods[:_MOST])
        return f"{lack} of {group}: {doing or 'no pod was created, and nobody has reported why'}"

    def _counts(self, it: kube.Object) -> bool:
        return _group(it) in self.wanted


def all_pods(cluster: DeclaredCluster) -> dict[str, int]:
    """Group -> its pods, for a cluster that is to compute."""
    return {SCHEDULER: 1} | cluster.expected_pods | ({AUTOSCALER: 1} if cluster.autoscaler else {})


def _group(it: kube.Object) -> str:
    labels = it["metadata"].get("labels", {})
    component = labels.get(COMPONENT, "")
    return component if component in (SCHEDULER, AUTOSCALER) else labels.get(WORKER_GROUP, "")


@asynccontextmanager
async def watching(client: kube.Api, cluster: DeclaredCluster, wanted: dict[str, int]) -> AsyncIterator[Watch]:
    """A watch of the cluster's pods and Deployments, and of its namespace's events, for as long as the block lasts."""
    labels = f"{CLUSTER_NAME}={cluster.physical_name}"
    async with (
        mirrored(client, cluster.path("Pod"), labels) as pods,
        mirrored(client, cluster.path("Deployment"), labels) as deployments,
        watched(client, cluster.namespace) as events,
    ):
        yield Watch(client, cluster, wanted, pods, deployments, events)


async def explain_idle_operator(client: kube.Api, cluster: DeclaredCluster) -> None:
    """Raises `Hopeless` for the operator's own trouble: without it, a declared worker is only a number."""
    pods = await kube.unless_forbidden(_operator_pods(client))
    if pods is None:
        return  # no permission to look for the operator: keep waiting
    if not pods:
        raise Hopeless(
            f"pods of the cluster '{cluster.name}' are missing, and "
            "no dask-kubernetes-operator runs that could create them; "
            "set `dask:operator.install: true` in the one stack that owns it, or check whether its Deployment is "
            f"scaled to 0: `kubectl get deployments --all-namespaces -l {NAME}={chart.NAME}`"
        )
    troubles = health.pod_troubles(pods)
    if troubles and troubles[0].fatal:
        raise Hopeless(f"the operator does not run: {troubles[0]}")


async def _operator_pods(client: kube.Api) -> list[kube.Object]:
    """By the chart's label, else by what they run: an installation may have given the chart another name."""
    pods = await kube.items(client, path("Pod"), chart.SELECTOR)
    return pods or [pod for pod in await kube.items(client, path("Pod")) if health.is_operator(pod)]
