"""Refuses to write objects that belong to another stack or to another state. Checks every create and update.

An `up` that was killed may have created objects that the state does not know. The provider therefore takes over
what exists, and this guard decides what it may take: `upsertExistingObjects` of provider 4.29 and newer does that when
it is asked to, older ones always do.

The stacks of two users with the same name have the same label, `app.kubernetes.io/part-of`. So every object also has an
annotation: an id that is kept in the state (docs/adr/0014).
"""

import secrets
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import Output, ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions, ResourceOptions

from ..kube import client as kube
from ..kube.client import Connection, Object
from ..kube.errors import ClusterError
from ..kube.paths import described, path, path_of
from ..lifecycle import engine_state
from ..lifecycle.annotations import annotated
from ..lifecycle.terminating import is_terminating, settled
from ..vocabulary import INSTANCE, OWNER, PART_OF

HOOK = "ownership"


@dataclass(frozen=True)
class Claim:
    """What this stack may write: the value of its label, and whether it takes over what a lost state has created."""

    part_of: str
    take_over: bool = False


def identity(name: str = "owner", parent: pulumi.Resource | None = None) -> Output[str]:
    """The id of this stack's state: 12 hexadecimal digits, created once and kept in the state. Previews know it too."""
    opts = ResourceOptions(parent=parent, ignore_changes=["input"])
    return pulumi.Stash(name, input=secrets.token_hex(6), opts=opts).output


def guard(
    connection: Connection,
    owner: Output[str],
    claim: Claim,
    *,
    hook: str = HOOK,
    provider: pulumi.ProviderResource | None = None,
    adopted: Set[str] = frozenset(),
) -> pulumi.ResourceTransformation:
    """A transformation that guards every Kubernetes object and annotates it with `owner`.

    With a `provider`, only objects that are registered with it. `adopted` are logical names of Services that
    replace the Services of another owner (adoption.py). `hook` is a name that no other hook of the stack has. The
    operator's release is guarded in operator.py: Helm, not the provider, creates its objects.
    """

    async def create(args: ResourceHookArgs) -> None:
        await before_create(connection, dict(args.new_inputs or {}), claim, deleted_first=args.name in deleted_first)

    async def update(args: ResourceHookArgs) -> None:
        await before_update(connection, dict(args.new_inputs or {}), claim)

    also_in_previews = ResourceHookOptions(on_dry_run=True)
    hooks = ResourceHookBinding(
        before_create=[ResourceHook(hook, create, opts=also_in_previews)],
        before_update=[ResourceHook(f"{hook}-of-updates", update, opts=also_in_previews)],
    )

    deleted_first: set[str] = set()

    def guarded(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        # Imported and read resources are registered as they are live.
        if not is_object(args.type_) or args.opts.import_ or args.opts.id:
            return None
        if provider is not None and not is_of(provider, args):
            return None
        if args.opts.delete_before_replace:
            deleted_first.add(args.name)
        opts = args.opts if args.name in adopted else ResourceOptions.merge(ResourceOptions(hooks=hooks), args.opts)
        return pulumi.ResourceTransformationResult(annotated(args.props, owner), opts)

    return guarded


def is_object(type_: str) -> bool:
    """Whether the type is a Kubernetes object's. A Helm release is none: Helm writes its objects."""
    return type_.startswith("kubernetes:") and not type_.startswith("kubernetes:helm.sh/")


def is_of(provider: pulumi.ProviderResource, args: pulumi.ResourceTransformationArgs) -> bool:
    """Whether an object is registered with this provider, and so belongs to its Kubernetes cluster."""
    given = args.opts.provider
    if given is None and args.opts.parent is not None:
        given = args.opts.parent.get_provider(args.type_)
    return given is provider


async def before_create(connection: Connection, body: Object, claim: Claim, *, deleted_first: bool = False) -> None:
    """Raises `ClusterError` if the object has another owner, or is in the state. Waits for a terminating one."""
    client = await reached(connection)
    if client is None:
        return

    live = await settled(client, body)
    if live and not is_terminating(live) and _is_own(body, live):
        await engine_state.refuse_second_creation(body, deleted_first=deleted_first)
        if await _unused_certificates(client, live):
            if pulumi.runtime.is_dry_run():
                return
            await kube.delete(client, path_of(body))
            live = await settled(client, body)
    if live:
        _take(body, live, claim)


async def before_update(connection: Connection, body: Object, claim: Claim) -> None:
    """Raises `ClusterError` where another state has taken the object over since this one wrote it."""
    client = await reached(connection)
    live = await kube.find(client, path_of(body)) if client else None
    if live and owner_of(live) not in (None, owner_of(body)):
        _other_state(body, live, claim)


async def reached(connection: Connection) -> Any:
    """A client of the API; None in a preview that reaches none; it then shows what it can. `up` fails instead."""
    try:
        return await kube.api(connection)
    except ClusterError:
        if pulumi.runtime.is_dry_run():
            return None
        raise


def _take(body: Object, live: Object, claim: Claim) -> None:
    where = described(body)
    if not _is_own(body, live):
        if why := foreign(live, claim.part_of):
            raise ClusterError(f"{where} {why}")
        if owner_of(live) is not None:
            _other_state(body, live, claim)
    if _holds_certificates(live):
        # The new certificates of this run would cut clients off from whatever uses these.
        raise ClusterError(
            f"{where} holds certificates that the state does not know; delete it if no cluster uses it, or "
            "import it with `pulumi import kubernetes:core/v1:Secret`"
        )
    # In a preview it may as well be what is about to be replaced.
    if not pulumi.runtime.is_dry_run():
        pulumi.log.info(f"{where} already exists and belongs to this stack: taking it over")


def _is_own(body: Object, live: Object) -> bool:
    """Whether this very state has written the object."""
    return owner_of(live) is not None and owner_of(live) == owner_of(body)


def _holds_certificates(live: Object) -> bool:
    return live["kind"] == "Secret" and "ca.crt" in live.get("data", {})


async def _unused_certificates(client: Any, live: Object) -> bool:
    """Whether the object is a Secret with certificates of an interrupted `up`, which no DaskCluster uses yet."""
    if not _holds_certificates(live):
        return False
    meta = live["metadata"]
    return not await kube.items(client, path("DaskCluster", meta["namespace"]), {INSTANCE: meta["labels"][INSTANCE]})


def _other_state(body: Object, live: Object, claim: Claim) -> None:
    refuse_other_state(described(body), claim, last_written(live))


def refuse_other_state(where: str, claim: Claim, written: str = "") -> None:
    """Raises `ClusterError` about what another state of a stack of this name owns; warns if it is to be taken over."""
    if claim.take_over:
        why = f"{where} belongs to another state of '{claim.part_of}'{written}"
        pulumi.log.warn(f"{why}: taking it over, because takeOver is set")
        return
    command = f"`pulumi config set {pulumi.get_project()}:takeOver true`"
    raise ClusterError(
        f"{where} belongs to another state of a stack '{claim.part_of}'{written}: a stack of that name that belongs "
        f"to another user, or a state that was lost; if it is yours, run {command} and `up` once more; otherwise "
        "choose another name for the stack and its namespaces, or use what exists (`dask:operator.install: false`, "
        "`dask:namespace.create: false`)"
    )


def last_written(live: Object) -> str:
    """`, last written by '<field manager>' at <time>`, as far as the API server records it."""
    entries = [entry for entry in live["metadata"].get("managedFields", []) if entry.get("time")]
    if not entries:
        return ""
    last = max(entries, key=lambda entry: entry["time"])
    return f", last written by '{last['manager']}' at {last['time']}"


def owner_of(body: Mapping[str, Any]) -> str | None:
    """The id of the state that owns an object; None without an owner, or for an earlier version of this program."""
    return (body["metadata"].get("annotations") or {}).get(OWNER)


def foreign(live: Mapping[str, Any], part_of: str) -> str | None:
    """Why an object that exists belongs to no stack of this name, and what to do; None where it does."""
    theirs = (live["metadata"].get("labels") or {}).get(PART_OF)
    if theirs == part_of:
        return None
    whose = f"belongs to '{theirs}'" if theirs else "was not created by this program"
    fix = "choose another name, or delete it"
    if live["kind"] == "Namespace":
        fix = (
            "choose another, or use what exists: `dask:operator.install: false` for the operator's namespace, "
            "`dask:namespace.create: false` for the clusters'"
        )
    return f"already exists and {whose}, so it is left alone; {fix}"
