"""Hands a cluster over from the operator's autoscaler, which earlier versions of this program have used, to its own."""

from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding

from ..kube import client as kube
from ..kube.client import Connection
from ..manifests.declared import DeclaredCluster


def takes_over(connection: Connection, cluster: DeclaredCluster) -> ResourceHookBinding:
    """Deletes the operator's autoscaler right before ours starts: two of them would write different numbers.

    The engine deletes the resource itself at the end of `up`, and finds it missing.
    """

    async def delete(_: ResourceHookArgs) -> None:
        await kube.delete(await kube.api(connection), cluster.operators_autoscaler)

    return ResourceHookBinding(before_create=[ResourceHook(f"{cluster.physical_name}-takes-over", delete)])
