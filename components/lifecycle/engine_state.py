"""Asks the engine which objects its state holds, and refuses to create one of them a second time.

`pulumi up --replace` and `pulumi state taint` make the engine create an object first and delete the replaced one
afterwards. An object of Kubernetes has the same name both times, and so is the same object: the deletion would leave
nothing, and a DaskCluster would be lost with its work.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

from ..kube.client import Object
from ..kube.errors import ClusterError
from ..kube.paths import described

# Written into the state by `handover.py`: what is read there may be created again under its name, and is not replaced.
LET_GO = "-let-go"
_READ = {"Namespace", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
# The provider deletes other kinds first where a field cannot be changed, and a preview cannot tell why.
_CERTAIN = {"DaskCluster", "DaskWorkerGroup", "Namespace"}
_ASK = "pulumi:pulumi:readStackResourceOutputs"


async def resources() -> Mapping[str, Any]:
    """The outputs and the type of each resource in the state, by its URN; without those that are to be deleted."""
    stack = "/".join((pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()))
    answer = await pulumi.runtime.invoke_async(_ASK, {"stackName": stack})
    return (answer or {}).get("outputs") or {}


async def objects(kind: str) -> list[Object]:
    """The objects of a kind that the state holds, as they were last read or written."""
    outputs = [it.get("outputs") or {} for it in (await resources()).values()]
    return [body for body in outputs if body.get("kind") == kind and "metadata" in body]


async def refuse_second_creation(body: Object, *, deleted_first: bool = False) -> None:
    """Raises `ClusterError` if the state already holds the object `body`, which exists and is about to be created.

    `deleted_first`: the resource is declared so; then only a preview still finds the replaced object. A state that
    cannot be read refuses nothing.
    """
    if pulumi.runtime.is_dry_run() and (deleted_first or body["kind"] not in _CERTAIN):
        return
    try:
        held = await resources()
    except Exception as error:
        pulumi.log.warn(
            f"the state cannot be read, so a `--replace` of {described(body)} would not be noticed: {error}"
        )
        return
    if body["kind"] in _READ and any(urn.endswith(LET_GO) for urn in held):
        return
    if any(_is(it.get("outputs") or {}, body) for it in held.values()):
        raise ClusterError(_refusal(body))


def _refusal(body: Object) -> str:
    where, meta = described(body), body["metadata"]
    place = f" -n {meta['namespace']}" if meta.get("namespace") else ""
    fix = {
        "DaskCluster": "to start it anew, change one of its `annotations`: the new cluster starts next to this one",
        "DaskWorkerGroup": "to start its workers anew, change one of its `annotations`",
        "Namespace": "to start anew, choose another `dask:namespace.name`: its clusters move",
    }.get(
        body["kind"], f"to create it anew, run `kubectl delete{place} {body['kind'].lower()} {meta['name']}` and `up`"
    )
    return (
        f"{where} cannot be replaced (`--replace`, `state taint`): the new object would have the same name, and "
        f"deleting the replaced one would delete it; {fix}. `pulumi state untaint` takes a taint back"
    )


def _is(held: Object, body: Object) -> bool:
    theirs, ours = held.get("metadata") or {}, body["metadata"]
    same_kind = held.get("kind") == body["kind"]
    return same_kind and all(theirs.get(key) == ours.get(key) for key in ("name", "namespace"))
