"""What the autoscaler knows: the declared groups, the live ones, the scheduler's load, and what was seen before."""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Resources = Mapping[str, float]
# With --nworkers, the workers of a pod are called `<name of its Deployment>-0`, `-1`, and so on. Without, as itself.
PROCESS = r"(-worker-[^-]+)-\d+$"


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
    leaving: bool = False
    """Whether the autoscaler has closed it to tasks."""

    @property
    def pod(self) -> str:
        """The name of its pod's Deployment."""
        return re.sub(PROCESS, r"\1", self.name)


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


class Memory:
    """What was seen before: since when pods are idle, since when they are missing, what groups have needed."""

    def __init__(self, groups: list[Group], stuck_seconds: float) -> None:
        self.groups, self.stuck_seconds = [group for group in groups if group.elastic], stuck_seconds
        self.idle: dict[str, float] = {}
        self.missing: dict[str, float] = {}
        self.needed: dict[str, deque[tuple[float, int]]] = {group.name: deque() for group in self.groups}

    def look(self, live: dict[str, Live], load: Load, now: float) -> Past:
        """Takes in what is seen now."""
        registered, pods = by_pod(load.workers), [pod for it in live.values() for pod in it.pods]
        self.idle = {pod: self.idle.get(pod, now) for pod in pods if not is_busy(registered.get(pod, ()))}
        self.missing = {pod: self.missing.get(pod, now) for pod in pods if pod not in registered}
        stuck = frozenset(pod for pod, since in self.missing.items() if now - since >= self.stuck_seconds)
        for group in self.groups:
            seen = self.needed[group.name]
            while seen and now - seen[0][0] > group.idle_seconds:
                seen.popleft()
        peaks = {name: max((pods for _, pods in seen), default=0) for name, seen in self.needed.items()}
        return Past({pod: now - since for pod, since in self.idle.items()}, stuck, peaks)

    def add(self, needed: dict[str, int], now: float) -> None:
        """Remembers what the groups need now."""
        for name, pods in needed.items():
            self.needed[name].append((now, pods))
