"""Other operators in the same Kubernetes cluster. Two that look after one namespace race each other: four clusters of
three workers got 3, 3, 6 and 5 of them (docs/adr/0005)."""

from typing import TYPE_CHECKING, Any

from components import chart, kube
from components.errors import ClusterError
from components.settings import Operator

if TYPE_CHECKING:
    from kr8s.asyncio import Api


async def refuse_second_operator(client: "Api", ours: Operator) -> None:
    """Raises `ClusterError` when an operator that is not ours looks after a namespace that ours would."""
    for deployment in await kube.items(client, "apis/apps/v1/deployments", chart.SELECTOR):
        namespace = deployment["metadata"]["namespace"]
        shared = overlap(ours.watch, watched(deployment))
        if namespace != ours.namespace and shared:
            raise ClusterError(
                f"the operator '{deployment['metadata']['name']}' in namespace '{namespace}' already looks after "
                f"{shared}, and two operators make workers twice; set `dask:operator.install: false` to use it, or "
                "`dask:operator.watch` to a list of namespaces that only this one looks after"
            )


def watched(deployment: dict[str, Any]) -> tuple[str, ...] | None:
    """The namespaces in a kopf command line; None for all of them."""
    arguments = [arg for box in deployment["spec"]["template"]["spec"]["containers"] for arg in box.get("args") or []]
    if "--all-namespaces" in arguments or "-A" in arguments:
        return None
    return tuple(arg.partition("=")[2] for arg in arguments if arg.startswith("--namespace="))


def overlap(ours: tuple[str, ...] | None, theirs: tuple[str, ...] | None) -> str:
    """What both look after, in words; empty for nothing."""
    if ours is None and theirs is None:
        return "all namespaces"
    if ours is None or theirs is None:
        shared = theirs if ours is None else ours
    else:
        shared = tuple(sorted(set(ours) & set(theirs)))
    return ", ".join(f"namespace '{name}'" for name in shared or ())
