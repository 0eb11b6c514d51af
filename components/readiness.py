"""Waits for a cluster's pods on behalf of the verify Job, and says why they do not come.

A hook in front of the Job holds it until all pods have started; the Job then computes. While the Job runs, a watch
goes on beside it: a crash loop ends the Job at once, with its reason in the log, instead of after its deadline.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi

from components import chart, health, kube
from components.errors import ClusterError
from components.health import Trouble
from components.kube import Connection
from components.manifest import Target, expected_workers, verify_job
from components.quantities import seconds

if TYPE_CHECKING:
    from kr8s.asyncio import Api

POLL_SECONDS = 0.5
# How long a fatal reason has to last: one more kubelet retry, and a quota that the last cluster is just giving back.
CERTAIN_SECONDS = 12
OPERATOR_SECONDS = 30


@dataclass
class Watch:
    """The pods of one cluster over time."""

    client: "Api"
    target: Target
    since: dict[tuple[str, str], float] = field(default_factory=dict)
    told: set[tuple[str, str]] = field(default_factory=set)

    async def look(self) -> list[kube.Object]:
        """The cluster's pods now. Tells what is new, and raises `ClusterError` for what will not mend itself."""
        labels = {"dask.org/cluster-name": self.target.physical_name}
        namespace = self.target.namespace
        pods = await kube.items(self.client, f"api/v1/namespaces/{namespace}/pods", labels)
        pods = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        deployments = await kube.items(self.client, f"apis/apps/v1/namespaces/{namespace}/deployments", labels)
        self._judge([*health.deployment_troubles(deployments), *health.pod_troubles(pods)])
        return pods

    def _judge(self, troubles: list[Trouble]) -> None:
        now = time.monotonic()
        keys = {(trouble.where, trouble.reason) for trouble in troubles}
        self.since = {key: self.since.get(key, now) for key in keys}
        for trouble in troubles:
            key = (trouble.where, trouble.reason)
            lasting = now - self.since[key] >= CERTAIN_SECONDS
            if trouble.fatal and lasting:
                raise ClusterError(f"the cluster '{self.target.name}' cannot become ready: {trouble}")
            if not trouble.fatal and lasting and key not in self.told:
                self.told.add(key)
                pulumi.log.warn(f"{self.target.name}: still waiting: {trouble}")


async def await_pods(connection: Connection, target: Target) -> None:
    """Returns when scheduler and expected workers have started; raises `ClusterError` with the reason if not."""
    watch = Watch(await kube.api(connection), target)
    wanted = 1 + sum(expected_workers(target).values())
    begin, deadline = time.monotonic(), time.monotonic() + seconds(target.cluster.ready_timeout)
    while True:
        pods = await watch.look()
        if sum(map(health.started, pods)) >= wanted:
            return
        if not pods and time.monotonic() - begin > OPERATOR_SECONDS:
            await _explain_no_pods(watch)
        if time.monotonic() > deadline:
            waiting = ", ".join(f"{where} ({reason})" for where, reason in watch.since) or "nothing was reported"
            raise ClusterError(
                f"the cluster '{target.name}' has {sum(map(health.started, pods))} of {wanted} pods after "
                f"{target.cluster.ready_timeout} (readyTimeout): {waiting}"
            )
        await asyncio.sleep(POLL_SECONDS)


async def _explain_no_pods(watch: Watch) -> None:
    """Raises for the operator's own trouble: without it a DaskCluster is only an object."""
    pods = await kube.unless_forbidden(kube.items(watch.client, "api/v1/pods", chart.SELECTOR))
    if pods is None:
        return  # who may not look for it goes on waiting
    troubles = health.pod_troubles(pods)
    if not pods:
        raise ClusterError(
            f"nothing was made for the cluster '{watch.target.name}': no dask-kubernetes-operator runs here; set "
            "`dask:operator.install: true` in the one stack that owns it"
        )
    if troubles and troubles[0].fatal:
        raise ClusterError(f"the operator does not run: {troubles[0]}")


def guard(connection: Connection, target: Target) -> "asyncio.Task[None]":
    """Watches the pods while the verify Job runs, and ends the Job when they cannot become ready."""
    return asyncio.get_running_loop().create_task(_guard(connection, target))


async def _guard(connection: Connection, target: Target) -> None:
    client = await kube.api(connection)
    watch = Watch(client, target)
    url = f"apis/batch/v1/namespaces/{target.namespace}/jobs/{verify_job(target)['metadata']['name']}"
    deadline = time.monotonic() + seconds(target.cluster.ready_timeout)
    while time.monotonic() < deadline:
        await asyncio.sleep(POLL_SECONDS)
        try:
            if await _ended(client, url):
                return
            await watch.look()
        except ClusterError as error:
            pulumi.log.error(str(error))
            # The Job may fail no more than once: without its pod it has failed, and the engine's wait is over.
            job = {"batch.kubernetes.io/job-name": verify_job(target)["metadata"]["name"]}
            for pod in await kube.items(client, f"api/v1/namespaces/{target.namespace}/pods", job):
                await kube.delete(client, f"api/v1/namespaces/{target.namespace}/pods/{pod['metadata']['name']}")
            return


async def _ended(client: "Api", url: str) -> bool:
    """Whether the Job has come to an end. One that is not there yet has not."""
    import kr8s

    try:
        job: dict[str, Any] = await kube.get(client, url)
    except (kr8s.ServerError, kr8s.NotFoundError):
        return False
    return any(item["status"] == "True" for item in job.get("status", {}).get("conditions", []))
