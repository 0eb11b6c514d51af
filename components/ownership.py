"""Objects that are there before the engine makes them. In: what it is about to create. Out: nothing, or a refusal.

An `up` that was killed may have made objects of which the engine's state knows nothing. So the provider takes over what
it finds (`upsert_existing_objects`), and this stands in front of it: only what carries the stack's own label is taken.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions, ResourceOptions

from components import kube
from components.errors import ClusterError
from components.kube import Connection, Object
from components.labels import part_of
from components.names import PART_OF
from components.settings import Settings

HOOK = "ownership"
POLL_SECONDS = 0.5
GONE_SECONDS = 120


def guard(connection: Connection, settings: Settings) -> None:
    """Looks at every Kubernetes object of this stack before it is created. For all resources made after this call.

    Not at what comes by adoption, where somebody else's Service makes room for the endpoint (adoption.py).
    """
    owner = part_of()
    adopted = {f"{name}-endpoint" for name, cluster in settings.clusters.items() if cluster.adopt}

    async def look(args: ResourceHookArgs) -> None:
        await refuse_foreign(connection, dict(args.new_inputs or {}), owner)

    hook = ResourceHook(HOOK, look, opts=ResourceHookOptions(on_dry_run=True))
    before = ResourceOptions(hooks=ResourceHookBinding(before_create=[hook]))

    def guarded(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        is_object = args.type_.startswith("kubernetes:") and not args.type_.startswith("kubernetes:helm.sh/")
        if not is_object or args.opts.import_ or args.name in adopted:
            return None
        return pulumi.ResourceTransformationResult(args.props, ResourceOptions.merge(args.opts, before))

    pulumi.runtime.register_stack_transformation(guarded)


async def refuse_foreign(connection: Connection, body: Object, owner: str) -> None:
    """Raises `ClusterError` where an object of that name belongs to somebody else. Waits for one that is going."""
    try:
        client = await kube.api(connection)
    except ClusterError:
        if pulumi.runtime.is_dry_run():
            return  # without a Kubernetes API, a preview shows what it can
        raise
    url = kube.url(body)
    where = f"{body['kind']} '{body['metadata']['name']}'"
    deadline = time.monotonic() + GONE_SECONDS
    while live := await kube.find(client, url):
        if pulumi.runtime.is_dry_run() or "deletionTimestamp" not in live["metadata"]:
            _refuse(where, live, owner)
            return
        if time.monotonic() > deadline:
            raise ClusterError(f"{where} has been going for {GONE_SECONDS} s: see its finalizers, and run `up` again")
        await asyncio.sleep(POLL_SECONDS)


def _refuse(where: str, live: Object, owner: str) -> None:
    if why := foreign(live, owner):
        raise ClusterError(f"{where} {why}")
    if live["kind"] == "Secret" and "ca.crt" in live.get("data", {}):
        # The new ones that this run has made would cut clients off from whatever uses these.
        raise ClusterError(
            f"{where} holds certificates that the state does not know; delete it if no cluster uses it, or bring it "
            "back with `pulumi import kubernetes:core/v1:Secret`"
        )


def foreign(live: Mapping[str, Any], owner: str) -> str | None:
    """Why an object that is there is not `owner`'s, and what to do; None where it is."""
    theirs = live["metadata"].get("labels", {}).get(PART_OF)
    if theirs == owner:
        return None
    whose = f"belongs to '{theirs}'" if theirs else "was not made by this program"
    fix = "choose another name, or delete it"
    if live["kind"] == "Namespace":
        fix = (
            "choose another, or use what is there: `dask:operator.install: false` for the operator's namespace, "
            "`dask:namespace.create: false` for the clusters'"
        )
    return f"is there already and {whose}, so it is left alone; {fix}"
