"""Renders the DaskJob of a job's settings."""

from dataclasses import dataclass
from functools import cached_property

from ..manifests import pod as podspec
from ..manifests.cluster import API_VERSION, operator_service, recommended_labels, role_metadata
from ..manifests.pod import Spec, Surroundings
from ..settings.cluster import Tls
from ..settings.formats.names import content_hash
from ..settings.job import Job
from ..settings.pod import merge


@dataclass(frozen=True)
class JobTarget:
    """One declared job and its surroundings."""

    name: str
    job: Job
    namespace: str
    part_of: str
    restricted: bool = True
    secrets: tuple[tuple[str, str], ...] = ()

    @cached_property
    def physical_name(self) -> str:
        """`<name>-<hash>`: the hash of the settings that the user wrote, so a changed job is another one.

        Neither a new version of this program nor a new default runs a job again that has ended, and neither does a
        longer `timeout`.
        """
        written = self.job.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"timeout"})
        return f"{self.name}-{content_hash(written)}"

    @property
    def labels(self) -> dict[str, str]:
        return recommended_labels(self.name, self.part_of)

    @property
    def place(self) -> Surroundings:
        return Surroundings(self.physical_name, self.namespace, self.restricted, Tls(), "", dict(self.secrets))


def dask_job(target: JobTarget) -> Spec:
    """The DaskJob."""
    metadata = {"name": target.physical_name, "namespace": target.namespace, "labels": target.labels}
    return {"apiVersion": API_VERSION, "kind": "DaskJob", "metadata": metadata, "spec": _spec(target, target.place)}


def record(target: JobTarget) -> Spec:
    """The ConfigMap that records which run of the job has succeeded."""
    metadata = {"name": f"{target.name}-result", "namespace": target.namespace, "labels": target.labels}
    return {"metadata": metadata, "data": {"job": target.physical_name, "result": "Successful"}}


def _spec(target: JobTarget, place: Surroundings) -> Spec:
    job = target.job
    runner, scheduler, workers = (merge(job, pod) for pod in (job.runner, job.scheduler, job.workers))
    cluster: Spec = {
        "scheduler": role_metadata(scheduler)
        | {
            "spec": podspec.scheduler(job.scheduler, scheduler, place),
            "service": operator_service(place.cluster_name, speaks=False),
        },
        "worker": role_metadata(workers)
        | {"replicas": job.workers.wanted, "spec": podspec.worker(job.workers, workers, place)},
    }
    command = list(job.runner.command) or ["python3", "-c", job.runner.script or ""]
    run = role_metadata(runner) | {"spec": podspec.runner(command, runner, place)}
    return {"cluster": {"spec": cluster}, "job": run}
