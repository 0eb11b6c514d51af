"""Other operators in the same Kubernetes cluster. Two that look after one namespace race each other: four clusters of
three workers got 3, 3, 6 and 5 of them (docs/adr/0005)."""

import argparse
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import pulumi

from components import chart, kube
from components.errors import ClusterError
from components.settings import Operator

if TYPE_CHECKING:
    from kr8s.asyncio import Api


async def refuse_second_operator(client: "Api", ours: Operator) -> None:
    """Raises `ClusterError` when an operator that is not ours looks after a namespace that ours would."""
    for deployment in await _operators(client, ours):
        namespace = deployment["metadata"]["namespace"]
        shared = overlap(ours.watch, watched(deployment))
        if namespace != ours.namespace and shared:
            raise ClusterError(
                f"the operator '{deployment['metadata']['name']}' in namespace '{namespace}' already looks after "
                f"{shared}, and two operators make workers twice; set `dask:operator.install: false` to use it, or "
                "`dask:operator.watch` to a list of namespaces that only this one looks after"
            )


async def _operators(client: "Api", ours: Operator) -> list[kube.Object]:
    """The Deployments of operators, from wherever they may be listed."""
    everywhere = kube.items(client, "apis/apps/v1/deployments", chart.SELECTOR)
    if ours.watch is None:
        return await everywhere
    found = await kube.unless_forbidden(everywhere)
    if found is not None:
        return found
    pulumi.log.warn("may not list the Deployments of all namespaces: an operator elsewhere would not be seen")
    homes = (f"apis/apps/v1/namespaces/{namespace}/deployments" for namespace in ours.watch)
    return [deployment for home in homes for deployment in await kube.items(client, home, chart.SELECTOR)]


def watched(deployment: dict[str, Any]) -> tuple[str, ...] | None:
    """The namespaces, or patterns of them, in a kopf command line; None for all: kopf's default is no other."""
    boxes = deployment["spec"]["template"]["spec"]["containers"]
    words = [word for box in boxes for word in [*(box.get("command") or []), *(box.get("args") or [])]]
    reader = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    reader.add_argument("-n", "--namespace", action="append", dest="namespaces")
    reader.add_argument("-A", "--all-namespaces", action="store_true", dest="all")
    found, _ = reader.parse_known_args(words)
    return None if found.all or not found.namespaces else tuple(found.namespaces)


def overlap(ours: tuple[str, ...] | None, theirs: tuple[str, ...] | None) -> str:
    """What both look after, in words; empty for nothing."""
    if ours is None and theirs is None:
        return "all namespaces"
    if ours is None or theirs is None:
        shared = theirs if ours is None else ours
    else:
        shared = tuple(name for name in ours if any(fnmatch(name, pattern) for pattern in theirs))
    return ", ".join(f"namespace '{name}'" for name in shared or ())
