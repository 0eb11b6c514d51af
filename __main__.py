"""Dask clusters on Kubernetes: the operator, the namespace, the clusters and their endpoints, from one file."""

import pulumi

from components import settings, stack
from components.cluster import DaskCluster
from components.job import DaskJob
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
    name: DaskCluster(name, workspace.cluster(name, cluster), connection, node_hosts=hosts, opts=after)
    for name, cluster in config.clusters.items()
}
jobs = {name: DaskJob(name, workspace.job(name, job), connection, opts=after) for name, job in config.jobs.items()}
stack.export(config.namespace.name, clusters, jobs)
