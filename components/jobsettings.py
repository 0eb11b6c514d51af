"""A DaskJob as it stands under `dask:jobs`. In: its mapping. Out: a frozen `Job`."""

from pydantic import model_validator

from components.clustersettings import Scheduler, Workers
from components.errors import Rule
from components.model import Duration, Image
from components.podsettings import PodSettings, merge


class Runner(PodSettings):
    """The pod that runs the job's program. `DASK_SCHEDULER_ADDRESS` is set, so `Client()` finds the cluster."""

    command: tuple[str, ...] = ()
    """The program and its arguments."""
    script: str | None = None
    """Python source to run instead of a command."""

    @model_validator(mode="after")
    def _something_to_run(self) -> "Runner":
        if bool(self.command) == (self.script is not None):
            raise Rule("needs exactly one of `command` and `script`", "keep one", value=None)
        return self


class Job(PodSettings):
    """A program that runs to its end on a Dask cluster of its own; a changed one is run again."""

    image: Image = "ghcr.io/dask/dask:2026.8.0"
    runner: Runner
    scheduler: Scheduler = Scheduler()
    workers: Workers = Workers()
    timeout: Duration = "1h"
    """How long the job may take, from its creation to its end."""

    def role_pods(self) -> dict[tuple[str, ...], PodSettings]:
        """The effective pod settings of every role, by its path below the job."""
        roles = {"runner": self.runner, "scheduler": self.scheduler, "workers": self.workers}
        return {(role,): merge(self, pod) for role, pod in roles.items()}

    @model_validator(mode="after")
    def _fixed_size(self) -> "Job":
        if self.workers.autoscaled:
            rule = "are not for jobs: the operator has no autoscaler for the cluster of a DaskJob"
            raise Rule(rule, "use `replicas`", ("workers", "maximum"), self.workers.maximum)
        return self
