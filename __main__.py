"""Dask clusters on Kubernetes: the operator, the namespace, the clusters and their endpoints, from one file."""

import atexit
import gc

import pulumi

from components import ownership, settings, stack
from components.cluster import DaskCluster
from components.job import DaskJob
from components.operator import DaskOperator
from components.workspace import Workspace

stack.end_quietly_when_interrupted()
# Else Python searches all modules for garbage once more before it ends, for half a second.
atexit.register(gc.freeze)
config = settings.load()
for warning in config.warnings():
    pulumi.log.warn(warning)

connection = stack.connection()
ownership.guard(connection, config)
kubernetes = pulumi.ResourceOptions(provider=stack.provider(connection))
workspace = Workspace(
    "workspace", config.namespace, config.secrets, operator_namespace=config.operator.namespace, opts=kubernetes
)
owner = (
    [
        DaskOperator(
            "operator", config.operator, connection, wait=not config.clusters, after=[workspace], opts=kubernetes
        )
    ]
    if config.operator.install
    else []
)
# Clusters go before the operator, whose finalizers they carry, and both before the namespaces (dask-kubernetes #773).
first: list[pulumi.Resource] = [workspace, *owner]
hosts = stack.hosts(config, connection)
clusters = {
    name: DaskCluster(name, workspace.cluster(name, it), connection, node_hosts=hosts, after=first, opts=kubernetes)
    for name, it in config.clusters.items()
}
jobs = {
    name: DaskJob(name, workspace.job(name, it), connection, after=first, opts=kubernetes)
    for name, it in config.jobs.items()
}
stack.export(config.namespace.name, clusters, jobs)
