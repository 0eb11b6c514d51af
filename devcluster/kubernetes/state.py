"""What the machine knows of a cluster of a given name: its paths, its lock and its record.

The record is written before anything is created, and removed last: so a record or a name leads to every leftover.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import ipaddress
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from devcluster.shell import DevclusterError, alive, run

LIB = Path("/var/lib/dask-local")
RUN = Path("/run/dask-local")
# Node addresses of cluster i: 10.88.i.0/24, the host's bridge at .1. Pods and Services live inside the nodes'
# network namespaces only, so every cluster may use the same ranges for them.
POOL = ipaddress.IPv4Network("10.88.0.0/16")
NODE_SUBNETS = list(POOL.subnets(new_prefix=24))


@dataclasses.dataclass(frozen=True)
class Cluster:
    """One cluster: its name, its subnet's index, how many nodes, and the binaries it was started with."""

    name: str
    index: int
    nodes: int
    product: str

    @property
    def lib(self) -> Path:
        """The folder of the files that outlive a restart."""
        return LIB / self.name

    @property
    def run(self) -> Path:
        """The folder of sockets and process ids."""
        return RUN / self.name

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the administrator."""
        return self.lib / "kubeconfig"

    @property
    def bin(self) -> Path:
        """The folder of the node's programs."""
        return Path(self.product) / "bin"

    @property
    def gateway(self) -> str:
        """The host's address on the bridge."""
        return str(NODE_SUBNETS[self.index][1])

    def numbers(self) -> range:
        """The numbers of the nodes; 1 carries the control plane."""
        return range(1, self.nodes + 1)

    def node_name(self, number: int) -> str:
        """The name of a node, counted from 1."""
        return f"{self.name}-{number}"

    def address(self, number: int) -> str:
        """The IPv4 address of a node, counted from 1."""
        return str(NODE_SUBNETS[self.index][1 + number])

    def containerd_socket(self, number: int) -> Path:
        """A node's containerd as the host sees it."""
        return self.run / f"node-{number}" / "containerd" / "containerd.sock"


def check_name(name: str) -> str:
    """Return a valid name; the limit keeps unix sockets under their 107 bytes and node names within a DNS label."""
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,18}[a-z0-9])?", name):
        raise DevclusterError(
            f"--name: {name!r} must be a DNS label of at most 20 characters (a-z, 0-9, -; a letter first), "
            "because it names nodes, namespaces and links; try `dev`"
        )
    return name


def link_prefix(name: str) -> str:
    """The start of the names of a cluster's links: from the name alone, within the kernel's 15 characters."""
    return f"dl{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def namespace(name: str, number: int) -> str:
    """The network namespace of a node."""
    return f"dask-local-{name}-{number}"


def names() -> list[str]:
    """Every name with a record on this machine."""
    return sorted(path.parent.name for path in LIB.glob("*/cluster.json"))


def load(name: str) -> Cluster | None:
    """The record of a name; None if it is missing, or unreadable after an interrupted write."""
    try:
        return Cluster(**json.loads((LIB / name / "cluster.json").read_text()))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None


def create(name: str, nodes: int, product: Path, prefer: int | None = None) -> Cluster:
    """Claim a free subnet and write the record; two names that start together never get one subnet.

    `prefer` is the subnet of an earlier cluster of that name: if it is free, the addresses that people know stay.
    """
    RUN.mkdir(parents=True, exist_ok=True)
    machine = os.open(RUN, os.O_RDONLY)
    try:
        fcntl.flock(machine, fcntl.LOCK_EX)
        cluster = Cluster(name, _free_index(prefer), nodes, str(product))
        cluster.lib.mkdir(parents=True, exist_ok=True)
        cluster.run.mkdir(parents=True, exist_ok=True)
        draft = cluster.lib / "cluster.json.draft"
        draft.write_text(json.dumps(dataclasses.asdict(cluster)))
        draft.rename(cluster.lib / "cluster.json")
        return cluster
    finally:
        os.close(machine)


def _free_index(prefer: int | None) -> int:
    taken = {record.index for record in map(load, names()) if record}
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]))
    used = [ipaddress.IPv4Network(route["dst"], strict=False) for route in routes if route["dst"] != "default"]
    # A wider route, such as a VPN's 10.0.0.0/8, is no obstacle: the longer prefix wins.
    used = [route for route in used if route.prefixlen >= POOL.prefixlen and route.overlaps(POOL)]
    for index in (*([] if prefer is None else [prefer]), *range(len(NODE_SUBNETS))):
        if index not in taken and not any(map(NODE_SUBNETS[index].overlaps, used)):
            return index
    raise DevclusterError(
        f"no free /24 in {POOL}: clusters have {len(taken)} of them, and these routes of this host lie in it: "
        f"{', '.join(map(str, used)) or 'none'}; take clusters down, or the network of such a route (10.88.0.0/16 is "
        "Podman's default)"
    )


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold the machine-wide lock of a name; wait, audibly, while another command holds it."""
    path = RUN / "locks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with alive(f"waiting for another command on `{name}` to end", every_seconds=5):
                fcntl.flock(handle, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(handle).st_ino == path.stat().st_ino:
                break
        os.close(handle)  # its holder removed the file: that lock guards nothing any more
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def remove(name: str) -> None:
    """Remove the files of a cluster. Never crosses into another file system, because a mount there is not ours."""
    for path in (RUN / name, LIB / name):
        if path.exists():
            subprocess.run(["rm", "--recursive", "--force", "--one-file-system", "--", path], check=False)
        if path.exists():
            raise DevclusterError(f"{path} could not be removed; see what holds it with `findmnt -R {path}`")
