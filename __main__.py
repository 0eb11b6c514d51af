"""Dask clusters on Kubernetes: the operator, the namespace, the clusters and their endpoints, from one file."""

import pulumi

from components import handover, settings, stack
from components.cluster import DaskCluster
from components.job import DaskJob
from components.kubernetes import kubernetes
from components.operator import DaskOperator
from components.workspace import Workspace

stack.end_quickly()
# Before 3.219 the CLI does not read `requiredPulumiVersion` in Pulumi.yaml.
pulumi.require_pulumi_version(">=3.226.0")
config = settings.load()
for warning in config.warnings():
    pulumi.log.warn(warning)

where = kubernetes(config)
workspace = Workspace(
    "workspace", config.namespace, config.secrets, where, operator=config.operator, opts=where.options
)
# Clusters go before the operator, whose finalizers they carry, and both before the namespaces (dask-kubernetes #773).
first: list[pulumi.Resource] = [workspace]
if config.operator.install:
    first += [
        DaskOperator(
            "operator", config.operator, where, wait=not config.clusters, after=[workspace], opts=where.options
        )
    ]
else:
    handover.let_operator_go("operator", (config.operator.namespace, config.namespace.name), where)
hosts = stack.hosts(config, where.connection)
clusters = {
    name: DaskCluster(
        name, workspace.cluster(name, it), where.connection, node_hosts=hosts, after=first, opts=where.options
    )
    for name, it in config.clusters.items()
}
jobs = {
    name: DaskJob(name, workspace.job(name, it), where.connection, after=first, opts=where.options)
    for name, it in config.jobs.items()
}
stack.export(config.namespace.name, clusters, jobs)
