"""The settings of one DaskJob under `dask:jobs`."""

from typing import Annotated

from pydantic import Field

from ..settings.cluster import Role, Scheduler, Tls, Workers
from ..settings.fields import Duration, Image
from ..settings.pod import PodSettings
from ..vocabulary import DASK_IMAGE


class Runner(PodSettings):
    """The pod that runs the job's program. `DASK_SCHEDULER_ADDRESS` is set, so `Client()` finds the cluster."""

    command: tuple[str, ...] = ()
    """The program and its arguments."""
    script: str | None = None
    """Python source to run instead of a command."""


class Job(PodSettings):
    """A program that runs to its end on a Dask cluster of its own. It runs again when its settings change."""

    image: Image = DASK_IMAGE  # pyright: ignore[reportIncompatibleVariableOverride]
    """The image of the program, the scheduler and the workers, with a tag."""
    runner: Annotated[Runner, Field(examples=[{"command": ["python", "program.py"]}])]
    """The program, and its pod. The pod's settings default to those of the job."""
    scheduler: Scheduler = Scheduler()
    """The scheduler. Its pod settings default to those of the job."""
    workers: Workers = Workers()
    """The workers: a fixed number. Their pod settings default to those of the job."""
    tls: Tls = Tls()
    """Encryption and authentication between the program, the scheduler and the workers."""
    timeout: Duration = "1h"
    """How long the job may take, from its creation to its end."""

    def roles(self) -> dict[Role, PodSettings]:
        """The settings of each role itself, by its path below the job."""
        return {("runner",): self.runner, ("scheduler",): self.scheduler, ("workers",): self.workers}
