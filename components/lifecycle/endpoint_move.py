"""Moves a cluster's endpoint: the conditions before the move, and draining the clusters that it leaves."""

from weakref import WeakKeyDictionary

import pulumi
from pulumi import Resource, ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions

from ..kube import wait
from ..kube.client import Connection
from ..kube.errors import ClusterError
from ..lifecycle import drain, replaced
from ..lifecycle import node_ports as nodeports
from ..lifecycle.replaced import Record
from ..manifests.context import Spec
from ..manifests.declared import DeclaredCluster
from ..vocabulary import OWNER

# All clusters of a program, by its stack. They are complete before the first hook runs, because no cluster is
# constructed in an `apply`. A component provider has no stack of its own, and so knows of one cluster at a time.
_declared: "WeakKeyDictionary[Resource, list[DeclaredCluster]]" = WeakKeyDictionary()


class Move:
    """Hooks for the endpoint and for the connection record. Create them where the cluster is declared."""

    def __init__(self, connection: Connection, cluster: DeclaredCluster) -> None:
        self._connection = connection
        self._cluster = cluster
        self._settled_at: float | None = None
        root = pulumi.runtime.get_root_resource()
        self._declared = _declared.setdefault(root, []) if root else []
        self._declared.append(cluster)

    async def endpoint_spec(self) -> Spec:
        """The spec for a preview of an endpoint with fixed node ports."""
        return await nodeports.preview(self._connection, self._cluster, self._declared)

    def endpoint_hooks(self) -> ResourceHookBinding:
        """Before the endpoint: its cluster is not being deleted, and its node ports are free. After it: the time."""
        cluster, connection = self._cluster, self._connection

        async def may_move(args: ResourceHookArgs) -> None:
            if not pulumi.runtime.is_dry_run():
                await replaced.refuse_terminating(connection, cluster)
            if not cluster.settings.adopt:
                await nodeports.hand_over(connection, cluster, self._declared, _owner(args))

        async def has_moved(_: ResourceHookArgs) -> None:
            self._settled_at = wait.now() + drain.settles(cluster.settings.endpoint.type)

        before = [ResourceHook(f"{cluster.name}-may-move", may_move, opts=ResourceHookOptions(on_dry_run=True))]
        after = [ResourceHook(f"{cluster.name}-has-moved", has_moved)]
        return ResourceHookBinding(before_create=before, before_update=before, after_create=after, after_update=after)

    def record_hooks(self) -> ResourceHookBinding:
        """Before the connection record: drains and deletes the clusters that this one replaces."""

        async def old_clusters_are_drained(args: ResourceHookArgs) -> None:
            named = ((args.old_inputs or {}).get("data") or {}).get("DASK_CLUSTER_NAME")
            record = Record(owner=_owner(args), named=named)
            await replaced.drain_and_delete(self._connection, self._cluster, self._declared, record, self._settled_at)

        hook = ResourceHook(f"{self._cluster.name}-drain", old_clusters_are_drained)
        return ResourceHookBinding(before_create=[hook], before_update=[hook])


async def ends_well(cluster: DeclaredCluster, record: Resource) -> None:
    """Raises `ClusterError`, which ends the program, if the connection record has failed.

    With `--continue-on-error` the engine would still delete what the program does not declare, also a cluster whose
    drain has failed. It deletes nothing if the program itself ends with an error.
    """
    from pulumi.runtime.stack import ResourceRegistrationFailed

    try:
        await record.urn.future()
    except ResourceRegistrationFailed as error:
        raise ClusterError(
            f"{cluster.name}: the clusters that it replaces are not drained, so nothing is deleted in this run; "
            "fix the error above, and run `up` again"
        ) from error


def _owner(args: ResourceHookArgs) -> str | None:
    """The id of the stack's state, which the program writes on all its objects."""
    metadata = (args.new_inputs or {}).get("metadata") or {}
    return (metadata.get("annotations") or {}).get(OWNER)
