"""Asks the API server, by a dry run, what a repair would change, before clients are waited for or pods restarted.

Admission webhooks change objects (a registry mirror, a policy engine). A change that such a webhook would repeat at
once is not drift, and a repair that it would refuse is impossible: the API server's answer shows both.
"""

import asyncio
from dataclasses import replace
from typing import Any

from ..kube import client as kube
from ..kube.client import Object
from ..lifecycle import defaults, drift
from ..lifecycle.difference import differences
from ..lifecycle.drift import Drift, Live
from ..manifests.context import Spec
from ..manifests.declared import DeclaredCluster
from ..vocabulary import API_VERSIONS

AT_ONCE = 8
_TRIES_NOTHING = "does not support dry run"

Patch = Object | list[Object]


async def settled(client: kube.Api, cluster: DeclaredCluster, live: Live, found: list[Drift]) -> list[Drift]:
    """The drifts that a repair would change, with what it would change, or with why the API server refuses it."""
    turn = asyncio.Semaphore(AT_ONCE)
    wanted = drift.declared_pods(cluster, live)

    async def judge(one: Drift) -> Drift | None:
        if one.kind in ("missing", "workers"):
            return one
        async with turn:
            return await _judge(client, cluster, live, wanted, one)

    return [one for one in await asyncio.gather(*map(judge, found)) if one]


async def _judge(
    client: kube.Api, cluster: DeclaredCluster, live: Live, wanted: dict[str, Spec], one: Drift
) -> Drift | None:
    before = _live(live, one)
    if one.what == "Deployment":
        one = replace(one, pods=await _as_created(client, cluster, before, wanted[one.name]))
    try:
        after = await kube.patch(client, cluster.path(one.what, one.name), patch(cluster, one), dry_run=True)
    except kube.ServerError as error:
        # A dry run needs permission to write, and some webhooks take no part in it.
        if _is_about_rights(error) or _TRIES_NOTHING in str(error):
            return one
        return replace(one, refused=str(error))
    changes = tuple(map(str, differences(_facts(one, after), _facts(one, before)))) if after else ()
    return replace(one, differences=changes) if changes else None


def _is_about_rights(error: Exception) -> bool:
    return kube.forbidden(error) and "admission webhook" not in str(error)


async def _as_created(client: kube.Api, cluster: DeclaredCluster, live: Object, pods: Spec) -> Spec:
    """The pod spec that a Deployment would get if it was created now: some webhooks look at creations only."""
    meta = {"generateName": f"{cluster.name}-", "labels": live["metadata"].get("labels", {})}
    spec = live["spec"] | {"template": live["spec"]["template"] | {"spec": pods}}
    body = {"apiVersion": API_VERSIONS["Deployment"], "kind": "Deployment", "metadata": meta, "spec": spec}
    try:
        made = await kube.create(client, cluster.path("Deployment"), body, dry_run=True)
    except kube.ServerError:
        return pods  # without permission to create, or if it is refused, the answer to the patch counts
    return made["spec"]["template"]["spec"]


def patch(cluster: DeclaredCluster, one: Drift) -> Patch:
    """What is sent to repair a Service, a worker group's number, or a Deployment.

    Old and new pods must not run side by side: two workers of one name are refused by the scheduler, and two schedulers
    would share a Service.
    """
    if one.kind == "replicas":
        return resize(cluster.groups[one.name].wanted)
    # As operations on whole fields: a merge patch would leave a label that was added to a selector.
    wanted = {"replicas": 1, "paused": False, "strategy": {"type": "Recreate"}, "template/spec": one.pods}
    if one.kind == "service":
        wanted = defaults.of_service(cluster) | drift.declared_service(cluster)
    return [{"op": "add", "path": f"/spec/{path}", "value": value} for path, value in wanted.items()]


def resize(replicas: int) -> Object:
    """The patch of a worker group's number."""
    return {"spec": {"worker": {"replicas": replicas}}}


def _live(live: Live, one: Drift) -> Object:
    if one.kind == "service":
        return live.service or {}
    return live.groups[one.name] if one.kind == "replicas" else live.deployments[one.name]


def _facts(one: Drift, body: Object) -> Any:
    """What a repair of this kind is about."""
    if one.kind == "service":
        return body["spec"]
    return {"replicas": body["spec"]["worker"]["replicas"]} if one.kind == "replicas" else drift.facts(body)
