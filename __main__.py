"""Dask clusters on Kubernetes: the operator, the namespace, the clusters and their endpoints, from one file."""

import pulumi

from components import (
    DaskCluster,
    DaskJob,
    DaskOperator,
    Workspace,
    connect,
    export,
    let_operator_go,
    load_settings,
)

# Before 3.219 the CLI does not read `requiredPulumiVersion` in Pulumi.yaml.
pulumi.require_pulumi_version(">=3.226.0")
config = load_settings()
kubernetes = connect(config)
opts = kubernetes.options
workspace = Workspace("workspace", config.namespace, config.secrets, kubernetes, operator=config.operator, opts=opts)
# Clusters are deleted before the operator, whose finalizers they carry, and both before the namespaces
# (dask-kubernetes #773).
first: list[pulumi.Resource] = [workspace]
if config.operator.install:
    wait = not config.clusters  # a verified cluster proves that the operator works
    first += [DaskOperator("operator", config.operator, kubernetes, wait=wait, after=[workspace], opts=opts)]
else:
    let_operator_go("operator", (config.operator.namespace, config.namespace.name), kubernetes)
hosts = kubernetes.hosts(config)
clusters = {
    name: DaskCluster(
        name,
        workspace.cluster(name, it),
        kubernetes.connection,
        node_hosts=hosts,
        prices=config.prices,
        after=first,
        opts=opts,
    )
    for name, it in config.clusters.items()
}
jobs = {
    name: DaskJob(name, workspace.job(name, it), kubernetes.connection, after=first, opts=opts)
    for name, it in config.jobs.items()
}
export(config.namespace.name, clusters, jobs)
