"""The settings of workers: of the default workers, of worker groups and of a job's workers."""

from typing import Annotated

from pydantic import Field

from ..settings.fields import Duration, Port, Replicas, ResourceName
from ..settings.pod import PodSettings, Probes

Threads = Annotated[int, Field(ge=1, le=1024)]


class WorkerPods(PodSettings):
    """What a worker's pod has beyond any pod."""

    command: Annotated[tuple[str, ...], Field(min_length=1)] = ("dask", "worker")
    """The command that starts the workers; the program appends its arguments. `[dask, cuda, worker]` for dask-cuda."""
    processes: Annotated[int, Field(ge=1, le=256)] | None = None
    """Dask workers in each pod (`--nworkers`), which share its CPU and memory. Default: 1, or with dask-cuda one for
    each GPU in `resources`."""
    threads: Threads | None = None
    """Threads of each worker (`--nthreads`). Default: the CPU limit divided by `processes`, rounded up; without a
    limit, Dask decides."""
    port: Port | None = None
    """The port of the worker itself (`--worker-port`), for one worker in each pod. Default: a free one."""
    dashboard_port: Port = 8788
    """The port of the worker's own pages, of `/health` and `/metrics`."""
    probes: Probes = Probes()
    """The timing of the health probes."""
    dask_resources: dict[ResourceName, Annotated[float, Field(ge=0)]] = {}
    """Abstract resources that each worker declares (`--resources`), such as `{GPU: 1}`. A task that asks for
    them, as in `client.submit(train, resources={"GPU": 1})`, runs on these workers only."""
    termination_grace_period: Duration = "10m"
    """How long a terminating worker may take to end its running tasks and hand its data to the others. It ends as soon
    as it has. A task that takes longer begins again on another worker: set it to the time of your longest tasks."""
    extra_args: tuple[str, ...] = ()
    """Additional arguments of `dask worker`."""


class ScaledPods(WorkerPods):
    """A number of workers: a fixed one, or one that follows the work."""

    replicas: Replicas | None = None
    """How many workers. Default: 1, unless `minimum` and `maximum` are set."""
    minimum: Replicas | None = None
    """The fewest workers, when the number follows the work. Requires `maximum`."""
    maximum: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """The most workers, when the number follows the work. Requires `minimum`."""
    idle_time: Duration = "1m"
    """With `maximum`: how long a worker must be idle before it leaves."""
    maximum_starting: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """With `maximum`: how many workers may be starting at the same time. Default: any number."""

    @property
    def autoscaled(self) -> bool:
        return self.maximum is not None

    @property
    def wanted(self) -> int:
        """The number of worker pods that must start before the cluster counts as ready."""
        if self.autoscaled:
            return self.minimum or 0
        return 1 if self.replicas is None else self.replicas


class Workers(ScaledPods):
    """The default workers: a fixed number, or one that follows the work between `minimum` and `maximum`."""


class WorkerGroup(ScaledPods):
    """An additional group of workers, with its own kind of pods, which scales by itself."""
