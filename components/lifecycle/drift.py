"""Finds drift: changes that were made by hand to objects of the operator.

Pulumi compares the objects that it creates itself (the DaskCluster, extra worker groups, the endpoint). This module
compares what the operator creates from them: the scheduler's Deployment and Service, the default worker group, and one
Deployment per worker. The operator never checks them again, so a change by hand stays until it is undone.
"""

import asyncio
import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from ..kube import client as kube
from ..kube.client import Object
from ..kube.paths import path
from ..lifecycle import adoption, defaults
from ..lifecycle.difference import Difference, differences
from ..manifests.context import Spec, service_host
from ..manifests.declared import DeclaredCluster
from ..vocabulary import AUTOSCALER, CLUSTER_NAME, COMM_PORT, LAST_HANDLED, WORKER_GROUP

# In the order in which they are repaired: what is missing first, and last what makes a scheduler restart.
Kind = Literal["missing", "service", "replicas", "workers", "worker", "scheduler"]


@dataclass(frozen=True)
class Drift:
    """One object that is not as declared."""

    kind: Kind
    name: str
    what: Literal["Deployment", "Service", "DaskWorkerGroup"]
    """The object's kind."""
    differences: tuple[str, ...]
    pods: Spec = field(default_factory=dict)
    """The pod spec that a Deployment gets, with what admission makes of it; empty for other objects."""
    refused: str = ""
    """Why the API server refuses the repair, in its words."""

    def __str__(self) -> str:
        lines = "\n".join(f"{self.what.lower()}/{self.name}: {line}" for line in self.differences)
        return f"{lines}\nwhich cannot be repaired: {self.refused}" if self.refused else lines


@dataclass(frozen=True)
class Live:
    """A DaskCluster and the objects that the operator created for it, by name."""

    cluster: Object
    groups: dict[str, Object]
    deployments: dict[str, Object]
    service: Object | None

    def workers(self, group: str) -> dict[str, Object]:
        """The worker Deployments of one group."""
        deployments = self.deployments.items()
        return {name: it for name, it in deployments if it["metadata"]["labels"].get(WORKER_GROUP) == group}


@dataclass(frozen=True)
class Survey:
    """All that a namespace has of the operator's kinds: one list of each, however many clusters there are."""

    clusters: list[Object]
    groups: list[Object]
    deployments: list[Object]
    services: list[Object]

    def of(self, cluster: DeclaredCluster) -> Live | None:
        """What is live of one cluster, as `look` returns it."""
        name = cluster.physical_name
        live, service = _named(self.clusters, name), _named(self.services, cluster.scheduler_name)
        deployments = [it for it in self.deployments if it["metadata"]["labels"].get(CLUSTER_NAME) == name]
        return _live(name, live, self.groups, deployments, service)

    def versions(self, cluster: DeclaredCluster) -> list[Object]:
        """All DaskClusters that are versions of this cluster."""
        wanted = cluster.labels.items()
        return [it for it in self.clusters if wanted <= it["metadata"].get("labels", {}).items()]


async def survey(client: kube.Api, namespace: str) -> Survey:
    """Snapshot of a namespace."""
    found = await asyncio.gather(
        kube.items(client, path("DaskCluster", namespace)),
        kube.items(client, path("DaskWorkerGroup", namespace)),
        kube.items(client, path("Deployment", namespace), {CLUSTER_NAME: None}),
        # All of them: one that has lost its labels is not missing.
        kube.items(client, path("Service", namespace)),
    )
    return Survey(*found)


async def look(client: kube.Api, cluster: DeclaredCluster) -> Live | None:
    """Snapshot of the live objects; None if this version's DaskCluster is missing or terminating."""
    name = cluster.physical_name
    live, groups, deployments, service = await asyncio.gather(
        kube.find(client, cluster.path("DaskCluster", name)),
        kube.items(client, cluster.path("DaskWorkerGroup")),
        kube.items(client, cluster.path("Deployment"), {CLUSTER_NAME: name}),
        kube.find(client, cluster.path("Service", cluster.scheduler_name)),
    )
    return _live(name, live, groups, deployments, service)


def _live(
    name: str, live: Object | None, groups: list[Object], deployments: list[Object], service: Object | None
) -> Live | None:
    if live is None or live["metadata"].get("deletionTimestamp"):
        return None
    # The operator's default group of an adopted cluster has no label that leads to its cluster.
    own = [group for group in groups if group["spec"]["cluster"] == name]
    return Live(live, _by_name(own), _by_name(deployments), service)


def _named(objects: list[Object], name: str) -> Object | None:
    return next((it for it in objects if it["metadata"]["name"] == name), None)


def _by_name(objects: list[Object]) -> dict[str, Object]:
    return {it["metadata"]["name"]: it for it in objects if not it["metadata"].get("deletionTimestamp")}


def find(cluster: DeclaredCluster, live: Live) -> list[Drift]:
    """Every child that is not as declared. Empty while the operator has yet to create or recreate the children."""
    if live.cluster.get("status", {}).get("phase") in (None, "", "Created"):
        return []
    found = [*_missing(cluster, live), *_service(cluster, live)]
    for group, body in live.groups.items():
        found += _size(cluster, live, group, body)
    for name, pod in declared_pods(cluster, live).items():
        found += _deployment("scheduler" if name == cluster.scheduler_name else "worker", live.deployments[name], pod)
    return found


def _missing(cluster: DeclaredCluster, live: Live) -> Iterator[Drift]:
    if cluster.scheduler_name not in live.deployments:
        yield Drift("missing", cluster.scheduler_name, "Deployment", ("is missing",))
    if live.service is None:
        yield Drift("missing", cluster.scheduler_name, "Service", ("is missing",))
    if cluster.default_group not in live.groups:
        yield Drift("missing", cluster.default_group, "DaskWorkerGroup", ("is missing",))


def _service(cluster: DeclaredCluster, live: Live) -> Iterator[Drift]:
    if live.service is None:
        return
    spec = live.service["spec"]
    if found := _lines(
        differences(defaults.filled_in(defaults.of_service(cluster), spec) | declared_service(cluster), spec)
    ):
        yield Drift("service", live.service["metadata"]["name"], "Service", found)


def _size(cluster: DeclaredCluster, live: Live, group: str, body: Object) -> Iterator[Drift]:
    """A wrong number of workers. Groups that the operator is still reconciling are skipped."""
    replicas, declared = body["spec"]["worker"]["replicas"], cluster.groups.get(group)
    if declared and declared.autoscaled:
        return
    if declared and replicas not in _known_sizes(cluster, live, group, body, declared.wanted):
        yield Drift("replicas", group, "DaskWorkerGroup", (f"replicas: live {replicas}, declared {declared.wanted}",))
    elif handled(body) == replicas != len(live.workers(group)):
        yield Drift(
            "workers", group, "DaskWorkerGroup", (f"workers: live {len(live.workers(group))}, declared {replicas}",)
        )


def _known_sizes(cluster: DeclaredCluster, live: Live, group: str, body: Object, declared: int) -> set[int]:
    """The numbers that are no drift: the declared one, and what it is until the engine has written that.

    The engine writes a named group's number itself. It does not know of one that the autoscaler has left behind.
    """
    if group == cluster.default_group:
        return {declared, live.cluster["spec"]["worker"]["replicas"]}
    managers = body["metadata"].get("managedFields", [])
    left_behind = any(
        it["manager"] == AUTOSCALER and "f:replicas" in it.get("fieldsV1", {}).get("f:spec", {}).get("f:worker", {})
        for it in managers
    )
    return {declared} if left_behind else {declared, body["spec"]["worker"]["replicas"]}


def handled(group: Object) -> int | None:
    """The number of workers that the operator last reconciled a group to, from kopf's last-handled annotation."""
    written = group["metadata"].get("annotations", {}).get(LAST_HANDLED, "{}")
    return json.loads(written).get("spec", {}).get("worker", {}).get("replicas")


def declared_service(cluster: DeclaredCluster) -> Spec:
    """The spec of the operator's Service."""
    if cluster.settings.adopt:
        return adoption.service(cluster)
    return cluster.dask_cluster["spec"]["scheduler"]["service"]


def declared_pods(cluster: DeclaredCluster, live: Live) -> dict[str, Spec]:
    """The declared pod spec of every live Deployment, by its name.

    Excludes pods whose DaskCluster has itself drifted: it is about to be replaced (`update: recreate`), or was changed
    by hand, which changed no pod and which the engine undoes.
    """
    groups = {it["metadata"]["name"]: it["spec"]["worker"]["spec"] for it in cluster.worker_groups.values()}
    theirs, scheduler = live.cluster["spec"], cluster.scheduler_name
    ours = theirs if cluster.settings.adopt else cluster.dask_cluster["spec"]
    pods: dict[str, Spec] = {}
    if not any(any(differences(ours[role]["spec"], theirs[role]["spec"])) for role in ("scheduler", "worker")):
        groups[cluster.default_group] = ours["worker"]["spec"]
        pods |= {scheduler: ours["scheduler"]["spec"]} if scheduler in live.deployments else {}
    for group, pod in groups.items():
        pods |= {name: _as_the_operator_builds(pod, cluster, name) for name in live.workers(group)}
    return pods


def _as_the_operator_builds(pod: Spec, cluster: DeclaredCluster, name: str) -> Spec:
    """A worker's pod spec with the variables that the operator adds (controller.py, build_worker_deployment_spec)."""
    built = copy.deepcopy(pod)
    address = f"tcp://{service_host(cluster.scheduler_name, cluster.namespace)}.cluster.local:{COMM_PORT}"
    for container in built["containers"]:
        env = container.setdefault("env", [])
        for variable, value in (("DASK_WORKER_NAME", name), ("DASK_SCHEDULER_ADDRESS", address)):
            if variable not in {item["name"] for item in env}:
                env.append({"name": variable, "value": value})
    return built


def _deployment(kind: Kind, live: Object, pod: Spec) -> Iterator[Drift]:
    has = facts(live)
    if found := _lines(
        differences({"replicas": 1, "paused": False} | defaults.filled_in(defaults.OF_PODS, has) | pod, has)
    ):
        yield Drift(kind, live["metadata"]["name"], "Deployment", found, pod)


def facts(deployment: Object) -> Spec:
    """The part of a Deployment that decides which pods run."""
    spec = deployment["spec"]
    return {"replicas": spec.get("replicas"), "paused": spec.get("paused", False)} | spec["template"]["spec"]


def _lines(found: Iterator[Difference]) -> tuple[str, ...]:
    return tuple(map(str, found))
