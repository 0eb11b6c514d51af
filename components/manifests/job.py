"""Renders the objects of one job from its settings. `declared_job.DeclaredJob` calls these functions, each once."""

from ..manifests import pod as podspec
from ..manifests.context import PodContext, Spec
from ..manifests.metadata import role_metadata
from ..manifests.services import operator_service
from ..settings.formats.quantities import seconds
from ..settings.job import Job
from ..settings.pod import merge


def dask_job(settings: Job, context: PodContext) -> Spec:
    """The DaskJob."""
    return context.object("DaskJob", context.cluster_name) | {"spec": _spec(settings, context)}


def record(context: PodContext) -> Spec:
    """The ConfigMap that records which run of the job has succeeded."""
    data = {"job": context.cluster_name, "result": "Successful"}
    return context.object("ConfigMap", f"{context.name}-result") | {"data": data}


def _spec(settings: Job, context: PodContext) -> Spec:
    roles = (settings.runner, settings.scheduler, settings.workers)
    runner, scheduler, workers = (merge(settings, role) for role in roles)
    cluster: Spec = {
        "scheduler": role_metadata(scheduler)
        | {
            "spec": podspec.scheduler(settings.scheduler, scheduler, context),
            "service": operator_service(context.cluster_name, speaks=False),
        },
        "worker": role_metadata(workers)
        | {"replicas": settings.workers.wanted, "spec": podspec.worker(settings.workers, workers, context)},
    }
    command = list(settings.runner.command) or ["python3", "-c", settings.runner.script or ""]
    # Without a schedule, `up` waits for the end, and a job that takes longer keeps running.
    most = seconds(settings.timeout) if settings.schedule else None
    run = role_metadata(runner) | {"spec": podspec.runner(command, runner, context, most)}
    return {"cluster": {"spec": cluster}, "job": run}
