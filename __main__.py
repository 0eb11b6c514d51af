"""Dask clusters on Kubernetes: the operator, the namespace, the clusters and their endpoints, from one file."""

from pulumi import Resource, ResourceOptions

from components import DaskCluster, DaskJob, DaskOperator, Kubernetes, Workspace, export, load_settings

settings = load_settings()
kubernetes = Kubernetes()
workspace = Workspace("workspace", settings, kubernetes)
first: list[Resource] = [workspace]
if settings.operator.install:
    wait = not settings.clusters  # a verified cluster proves that the operator works
    options = ResourceOptions(depends_on=[workspace])
    labels, annotations = settings.labels, settings.annotations
    operator = DaskOperator(
        "operator",
        settings.operator,
        kubernetes,
        wait=wait,
        labels=labels,
        annotations=annotations,
        pull_secrets=settings.operator_pull_secrets,
        opts=options,
    )
    first.append(operator)
# Clusters are deleted before the operator, whose finalizers they carry, and both before the namespaces
# (dask-kubernetes #773).
after = ResourceOptions(depends_on=first)
clusters = {name: DaskCluster(name, it, workspace, after) for name, it in settings.clusters.items()}
jobs = {name: DaskJob(name, it, workspace, after) for name, it in settings.jobs.items()}
export(workspace, clusters, jobs)
