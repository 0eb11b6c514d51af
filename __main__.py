"""Dask clusters on Kubernetes: the operator, the namespace, the clusters and their endpoints, from one file."""

import pulumi

from components import settings, stack
from components.cluster import DaskCluster
from components.operator import DaskOperator
from components.workspace import Workspace

config = settings.load()
for warning in config.warnings():
    pulumi.log.warn(warning)

connection = stack.connection()
kubernetes = pulumi.ResourceOptions(provider=stack.provider(connection))
workspace = Workspace("workspace", config.namespace, config.secrets, opts=kubernetes)
owner = (
    [DaskOperator("operator", config.operator, connection, wait=not config.clusters, opts=kubernetes)]
    if config.operator.install
    else []
)
# Clusters go before the operator, whose finalizers they carry, and both before the namespaces (dask-kubernetes #773).
after = pulumi.ResourceOptions.merge(kubernetes, pulumi.ResourceOptions(depends_on=[workspace, *owner]))
hosts = stack.hosts(config, connection)
clusters = {
    name: DaskCluster(
        name,
        cluster,
        connection,
        namespace=config.namespace.name,
        restricted=config.namespace.pod_security == "restricted",
        secrets=workspace.secret_names,
        node_hosts=hosts,
        opts=after,
    )
    for name, cluster in config.clusters.items()
}
stack.export(config.namespace.name, clusters)
