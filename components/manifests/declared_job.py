"""A job that a stack declares, with every name, hash and body of its objects, like the clusters in `declared`."""

from dataclasses import dataclass
from functools import cached_property

from ..manifests import autoscaler, schedule
from ..manifests import job as jobmanifest
from ..manifests.context import PodContext, Spec, WorkspaceContext
from ..manifests.declared import Placed, tls_secret_name
from ..settings.formats.names import content_hash
from ..settings.job import Job


@dataclass(frozen=True)
class DeclaredJob(Placed):
    """A job as the stack declares it."""

    name: str
    """The job's name in the stack's configuration."""
    settings: Job
    workspace: WorkspaceContext

    @cached_property
    def physical_name(self) -> str:
        """`<name>-<hash>`: the hash of the settings that the user wrote, so a changed job is another one.

        Neither a new version of this program nor a new default runs a job again that has ended, and neither does a
        longer `timeout`, or certificates that will be valid for longer. With a schedule, the names of the runs take the
        place of this one.
        """
        no_part = dict.fromkeys(Job.TIMING, True) | {"tls": {"valid_days"}}
        written = self.settings.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=no_part)
        return f"{self.name}-{content_hash(written)}"

    @property
    def tls_secret(self) -> str:
        """The name of the Secret with the certificates."""
        return tls_secret_name(self.name, self.settings.tls)

    @property
    def runner_name(self) -> str:
        """The name that the operator gives the runner's pod."""
        return f"{self.physical_name}-runner"

    @cached_property
    def context(self) -> PodContext:
        return PodContext(self.name, self.physical_name, self.workspace, self.settings.tls, self.tls_secret)

    @cached_property
    def dask_job(self) -> Spec:
        return jobmanifest.dask_job(self.settings, self.context)

    @cached_property
    def autoscaler(self) -> list[Spec]:
        """What makes the workers follow the work, in the order of creation; empty for a fixed number of them."""
        return autoscaler.of_job(self.settings, self.context)

    @cached_property
    def scheduled(self) -> list[Spec]:
        """What creates a DaskJob for each run, in the order of creation; empty without a schedule."""
        if not self.settings.schedule:
            return []
        return schedule.scheduled(self.settings, self.context, self.dask_job, self.autoscaler)

    @cached_property
    def record(self) -> Spec:
        """The ConfigMap that records which run of the job has succeeded."""
        return jobmanifest.record(self.context)
