"""What the autoscaler knows: the declared groups, the live ones, the scheduler's load, and what was seen before."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Resources = Mapping[str, float]


@dataclass(frozen=True)
class Group:
    """A declared worker group. A group that is not elastic has the workers that it has."""

    name: str
    elastic: bool = True
    minimum: int = 0
    maximum: int = 0
    idle_seconds: float = 60.0
    starting: int | None = None
    """How many workers may be starting at a time; None for any number."""
    processes: int = 1
    """Dask workers in each pod."""
    threads: int | None = None
    """Threads of each Dask worker; None if only Dask knows."""
    resources: Resources = field(default_factory=dict)
    """Abstract resources of each Dask worker."""


@dataclass(frozen=True)
class Tasks:
    """Tasks that ask for the same abstract resources, and the time in seconds that they need together."""

    resources: Resources
    count: int
    seconds: float


@dataclass(frozen=True)
class Worker:
    """A registered Dask worker."""

    name: str
    threads: int = 1
    tasks: int = 0
    """Tasks that it runs or is about to run."""
    seconds: float = 0.0
    """The time that they need."""
    pinned: tuple[Tasks, ...] = ()
    """Those of them that ask for abstract resources."""
    kept: bool = False
    """Whether it must stay whatever it runs: it holds actors, a plugin keeps it, or it is paused."""
    held: int = 0
    """Bytes of results."""
    memory: int = 0
    """Its memory limit in bytes; 0 for none."""
    resources: Resources = field(default_factory=dict)

    @property
    def pod(self) -> str:
        """The name of its pod's Deployment. With --nworkers, a pod's workers are called `<name>-0`, `<name>-1`, ..."""
        return re.sub(r"(-worker-[^-]+)-\d+$", r"\1", self.name)


@dataclass(frozen=True)
class Load:
    """What the scheduler has to do."""

    workers: tuple[Worker, ...] = ()
    waiting: tuple[Tasks, ...] = ()
    """Tasks that no worker has been assigned."""
    target_seconds: float = 5.0
    """The time that all work should take (distributed.adaptive.target-duration)."""


@dataclass(frozen=True)
class Live:
    """A worker group in Kubernetes."""

    pods: tuple[str, ...] = ()
    """The names of its Deployments, which are those of its workers."""
    replicas: int = 0
    handled: int | None = None
    """The number of workers that the operator last brought the group to; None if it has not done so yet."""
    refused: str = ""
    """Why Kubernetes refuses its pods, in its words."""

    @property
    def settled(self) -> bool:
        """Whether the operator has nothing left to do."""
        return self.handled == self.replicas


@dataclass(frozen=True)
class Past:
    """What has been seen so far."""

    idle: Mapping[str, float] = field(default_factory=dict)
    """Pod -> for how many seconds it has been idle."""
    stuck: frozenset[str] = frozenset()
    """Pods that have not registered for long."""
    peaks: Mapping[str, int] = field(default_factory=dict)
    """Group -> the most workers that it has needed within its `idle_seconds`."""


def by_pod(workers: Iterable[Worker]) -> dict[str, list[Worker]]:
    """The registered workers of each pod."""
    found: dict[str, list[Worker]] = {}
    for worker in workers:
        found.setdefault(worker.pod, []).append(worker)
    return found


def is_busy(workers: Iterable[Worker]) -> bool:
    """Whether a pod with these workers must stay."""
    return any(worker.tasks or worker.kept for worker in workers)
