"""The settings of one DaskJob under `dask:jobs`."""

from typing import Annotated, ClassVar

from pydantic import Field

from ..settings.cluster import Role, Scheduler
from ..settings.fields import CronSchedule, Duration, Image, Model, TimeZone
from ..settings.formats.schedules import UTC
from ..settings.pod import PodSettings
from ..settings.tls import Tls
from ..settings.workers import Workers
from ..vocabulary import DASK_IMAGE

# A digit of each attempt's name.
MOST_RETRIES = 9
Kept = Annotated[int, Field(ge=0, le=100)]


class Runner(PodSettings):
    """The pod that runs the job's program. `DASK_SCHEDULER_ADDRESS` is set, so `Client()` finds the cluster."""

    command: tuple[str, ...] = ()
    """The program and its arguments."""
    script: str | None = None
    """Python source to run instead of a command."""


class History(Model):
    """How many runs of a job with a schedule are kept, each with its DaskJobs and their logs."""

    succeeded: Kept = 3
    """The number of runs that have succeeded."""
    failed: Kept = 1
    """The number of runs that have failed."""


class Job(PodSettings):
    """A program that runs to its end on a Dask cluster of its own. It runs again when its settings change, or, with a
    `schedule`, when its time has come."""

    image: Image = DASK_IMAGE  # pyright: ignore[reportIncompatibleVariableOverride]
    """The image of the program, the scheduler and the workers, with a tag."""
    runner: Annotated[Runner, Field(examples=[{"command": ["python", "program.py"]}])]
    """The program, and its pod. The pod's settings default to those of the job."""
    scheduler: Scheduler = Scheduler()
    """The scheduler. Its pod settings default to those of the job."""
    workers: Workers = Workers()
    """The workers: a fixed number, or one that follows the work. Their pod settings default to those of the job."""
    tls: Tls = Tls()
    """Encryption and authentication between the program, the scheduler and the workers."""
    timeout: Duration = "1h"
    """How long the job may take, from its creation to its end. With a `schedule`, how long an attempt may wait to
    start, and how long it may run then; one that takes longer is stopped, and has failed."""
    schedule: CronSchedule | None = None
    """When the job runs, in cron's five fields: minute, hour, day of the month, month, day of the week. Two runs never
    overlap. Default: once, in `up`."""
    time_zone: TimeZone = UTC
    """The time zone of `schedule`, such as `Europe/Berlin`."""
    suspended: bool = False
    """Whether no further run starts. One that runs ends as usual."""
    retries: Annotated[int, Field(ge=0, le=MOST_RETRIES)] = 0
    """How many more attempts a run has after the first one has failed."""
    history: History = History()
    """How many runs are kept."""
    ttl: Duration | None = None
    """How long a run is kept after its end. Default: until newer ones take its place, see `history`."""

    # What tells when to run a job, and not what to run.
    TIMING: ClassVar[frozenset[str]] = frozenset(
        {"timeout", "schedule", "time_zone", "suspended", "retries", "history", "ttl"}
    )

    def roles(self) -> dict[Role, PodSettings]:
        """The settings of each role itself, by its path below the job."""
        return {("runner",): self.runner, ("scheduler",): self.scheduler, ("workers",): self.workers}
