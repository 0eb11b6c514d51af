"""The cgroups of a cluster: finds and ends its processes, and removes their groups.

Every process of a cluster starts inside `/dask-local-<name>` of every hierarchy (cgroup v1, v2 or both) and cannot
leave. So membership, and no pid file, shows what runs: it survives an interrupted `up`, is empty after a reboot, and
never points at a stranger who got an old pid.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from devcluster.shell import DevclusterError


def hierarchies(mounts: str | None = None) -> list[Path]:
    """Mount points of all cgroup hierarchies, from the text of /proc/self/mounts."""
    lines = (mounts if mounts is not None else Path("/proc/self/mounts").read_text()).splitlines()
    return [Path(point) for _, point, kind, *_ in map(str.split, lines) if kind in ("cgroup", "cgroup2")]


def root(name: str) -> str:
    """The cluster's group, as a path below each hierarchy."""
    return f"/dask-local-{name}"


def create(name: str, group: str) -> list[Path]:
    """Make a group below the cluster's in every hierarchy and return the directories."""
    made: list[Path] = []
    for hierarchy in hierarchies():
        parent = hierarchy
        for part in (root(name)[1:], *Path(group).parts):
            _delegate(parent)
            child = parent / part
            child.mkdir(exist_ok=True)
            for setting in ("cpuset.cpus", "cpuset.mems"):  # v1: a new cpuset is empty and takes no process
                if (child / "tasks").exists() and (child / setting).exists():
                    (child / setting).write_text((parent / setting).read_text())
            parent = child
        made.append(parent)
    return made


def _delegate(parent: Path) -> None:
    """cgroup v2 gives children only the controllers that their parent passes on."""
    if (parent / "cgroup.controllers").exists():
        for controller in (parent / "cgroup.controllers").read_text().split():
            with contextlib.suppress(OSError):  # one that is busy elsewhere is the kubelet's to complain about
                (parent / "cgroup.subtree_control").write_text(f"+{controller}")


def joining(directories: Iterable[Path], command: Sequence[str]) -> list[str]:
    """The command as one that is in these groups before it can do anything else."""
    join = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done; shift; exec "$@"'
    return ["sh", "-c", join, "sh", *map(str, directories), "--", *command]


def groups(name: str, below: str = "") -> list[Path]:
    """Every directory of the cluster's groups, or of those below one of them; children before parents."""
    tops = [hierarchy / root(name)[1:] / below for hierarchy in hierarchies()]
    found = [Path(path) for top in tops for path, _, _ in os.walk(top)]
    return sorted(found, key=lambda path: len(path.parts), reverse=True)


def pids(name: str, below: str = "") -> set[int]:
    """The processes of the cluster, or of one of its groups. Empty: it does not run."""
    found: set[int] = set()
    for group in groups(name, below):
        with contextlib.suppress(OSError):  # it went while we looked
            found |= {int(pid) for pid in (group / "cgroup.procs").read_text().split()}
    return found - {0}


def kill(name: str, timeout_seconds: float = 30) -> None:
    """End every process of the cluster and wait until all have ended, including those that they start meanwhile."""
    deadline = time.monotonic() + timeout_seconds
    while left := pids(name):
        if time.monotonic() > deadline:
            raise DevclusterError(
                f"processes {sorted(left)} of `{name}` did not end within {timeout_seconds:.0f} s after SIGKILL; "
                "they hang in the kernel (`cat /proc/<pid>/stack`); retry, or reboot"
            )
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def remove(name: str, timeout_seconds: float = 10) -> None:
    """Remove the cluster's groups; the kernel keeps a group busy for a moment after its last process ended."""
    deadline = time.monotonic() + timeout_seconds
    while left := groups(name):
        for group in left:
            with contextlib.suppress(OSError):
                group.rmdir()
        if time.monotonic() > deadline:
            raise DevclusterError(f"cgroup {left[-1]} stays busy; run `down` again")
        if groups(name):
            time.sleep(0.02)
