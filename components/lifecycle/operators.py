"""Finds other operators in the same Kubernetes cluster. Two operators that watch the same namespace race each other:
four clusters of three workers got 3, 3, 6 and 5 workers (docs/adr/0005)."""

import argparse
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from typing import Any

import pulumi

from ..kube import chart
from ..kube import client as kube
from ..kube import pods as health
from ..kube.client import Connection
from ..kube.errors import ClusterError
from ..kube.paths import path
from ..lifecycle import ownership, releases
from ..lifecycle.ownership import Claim
from ..lifecycle.releases import RELEASE
from ..settings.stack import Operator
from ..vocabulary import INSTANCE, NAME

# A namespace, and the labels of an operator's pods in it.
Home = tuple[str, Mapping[str, str]]


async def refuse_second_operator(client: kube.Api, ours: Operator, owner: str, claim: Claim) -> None:
    """Raises `ClusterError` when an operator that is not ours watches a namespace that ours would watch.

    Ours is the release in its namespace, and one that this state has installed elsewhere: `dask:operator.namespace` was
    changed, and the engine deletes that one before it creates the other.
    """
    for deployment in await _operators(client, ours):
        meta = deployment["metadata"]
        shared = overlap(ours.watch, watched(deployment))
        if shared and "deletionTimestamp" not in meta and not await _is_ours(client, meta, ours, owner, claim):
            raise ClusterError(
                f"the operator '{meta['name']}' in namespace '{meta['namespace']}' already watches "
                f"{shared}, and two operators create workers twice; set `dask:operator.install: false` to use it, or "
                "`dask:operator.watch` to a list of namespaces that only this one watches"
            )


async def _is_ours(client: kube.Api, meta: kube.Object, ours: Operator, owner: str, claim: Claim) -> bool:
    if (meta.get("labels") or {}).get(INSTANCE) != RELEASE:
        return False
    if meta["namespace"] == ours.namespace:
        return True  # releases.make_room has checked who owns that release
    found = await releases.everywhere(client, meta["namespace"])
    there = [release for release in found if release.namespace == meta["namespace"]]
    return bool(there) and await releases.is_ours(client, there[0], owner, claim)


async def deployments(client: kube.Api, where: str) -> list[kube.Object]:
    """The Deployments of operators in a collection: by the chart's label, else by what they run.

    An installation may have given the chart another name.
    """
    return await kube.items(client, where, chart.SELECTOR) or await _running(client, where)


async def _running(client: kube.Api, where: str) -> list[kube.Object]:
    """All of them: one with the chart's label may have a neighbour without."""
    return [it for it in await kube.items(client, where) if health.is_operator(it["spec"]["template"])]


async def _operators(client: kube.Api, ours: Operator) -> list[kube.Object]:
    """The Deployments of operators, from all namespaces that can be listed."""
    everywhere = _running(client, path("Deployment"))
    if ours.watch is None:
        return await everywhere
    found = await kube.unless_forbidden(everywhere)
    if found is not None:
        return found
    pulumi.log.warn(
        "no permission to list Deployments cluster-wide: an operator in another namespace would go unnoticed"
    )
    homes = (path("Deployment", namespace) for namespace in ours.watch)
    return [deployment for home in homes for deployment in await _running(client, home)]


def operator_homes(connection: Connection, operator: Operator, namespace: str) -> pulumi.Input[Sequence[Home]]:
    """Where the operators are that watch `namespace`, and so have to reach its schedulers.

    That is the stack's own operator, or the one that the configuration names; otherwise the ones that are found.
    """
    if operator.install or "namespace" in operator.model_fields_set:
        return [(operator.namespace, _labels(operator))]
    return pulumi.Output.from_input(_found_homes(connection, operator.namespace, namespace))


def _labels(operator: Operator) -> Mapping[str, str]:
    """The labels of the pods of an operator that the chart installs with these settings."""
    return chart.SELECTOR | {NAME: str(operator.values.get("nameOverride") or chart.NAME)}


async def _found_homes(connection: Connection, guess: str, namespace: str) -> list[Home]:
    """Raises `ClusterError` without permission to list all Deployments: a wrong guess would shut the operator out."""
    fix = "set `dask:operator.namespace` to the operator's"
    client = await ownership.reached(connection)
    if client is None:
        return [(guess, chart.SELECTOR)]
    found = await kube.unless_forbidden(deployments(client, path("Deployment")))
    if found is None:
        raise ClusterError(
            "dask:namespace.networkPolicies: the operator must be able to reach the schedulers, and finding it needs "
            f"permission to list Deployments cluster-wide; {fix}"
        )
    watching = [it for it in found if overlap((namespace,), watched(it))]
    homes = {it["metadata"]["namespace"]: _labels_of_pods(it) for it in watching}
    if not homes:
        pulumi.log.warn(
            f"no operator watches namespace '{namespace}' yet: the network policy allows one in '{guess}'; {fix}"
        )
    return sorted(homes.items()) or [(guess, chart.SELECTOR)]


def _labels_of_pods(deployment: kube.Object) -> Mapping[str, str]:
    """What a network policy selects the pods of an operator by: the chart's label, else what its Deployment does."""
    labels = deployment["spec"]["template"].get("metadata", {}).get("labels") or chart.SELECTOR
    if labels.items() >= chart.SELECTOR.items():
        return chart.SELECTOR
    return deployment["spec"].get("selector", {}).get("matchLabels") or labels


async def trouble(client: kube.Api, namespace: str) -> str | None:
    """Why the operator in `namespace` does not work, in one sentence; None if it works, or without permission."""
    found = await kube.unless_forbidden(deployments(client, path("Deployment", namespace)))
    if found is None:
        return None
    if not found:
        return (
            f"the operator's Deployment in namespace '{namespace}' is missing, so no cluster gets its pods; restore "
            "it with `pulumi up --replace '**::release'`, during which running clusters keep working"
        )
    for deployment in found:
        name, wanted = deployment["metadata"]["name"], deployment["spec"].get("replicas", 1)
        if wanted == 0:
            return (
                f"the operator '{name}' in namespace '{namespace}' is scaled to 0, so changes of clusters reach no "
                f"pods; run `kubectl scale deployment -n {namespace} {name} --replicas=1`"
            )
    return None


def watched(deployment: dict[str, Any]) -> tuple[str, ...] | None:
    """The namespaces, or patterns of them, in a kopf command line; None for all, which is kopf's default."""
    boxes = deployment["spec"]["template"]["spec"]["containers"]
    words = [word for box in boxes for word in [*(box.get("command") or []), *(box.get("args") or [])]]
    reader = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    reader.add_argument("-n", "--namespace", action="append", dest="namespaces")
    reader.add_argument("-A", "--all-namespaces", action="store_true", dest="all")
    found, _ = reader.parse_known_args(words)
    return None if found.all or not found.namespaces else tuple(found.namespaces)


def overlap(ours: tuple[str, ...] | None, theirs: tuple[str, ...] | None) -> str:
    """What both watch, in words; empty for nothing."""
    if ours is None and theirs is None:
        return "all namespaces"
    if ours is None or theirs is None:
        shared = theirs if ours is None else ours
    else:
        shared = tuple(name for name in ours if any(fnmatch(name, pattern) for pattern in theirs))
    return ", ".join(f"namespace '{name}'" for name in shared or ())
