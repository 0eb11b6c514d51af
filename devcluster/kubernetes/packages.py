"""Installs the Debian packages of a node that are missing on this machine, by apt."""

import contextlib
import os
import shutil
from pathlib import Path

from devcluster.shell import DevclusterError, alive, plain_environment, run, say

# What the node calls -> the package that brings it. Looked up as files, not as packages: a machine may have them from
# elsewhere (Docker's containerd.io conflicts with Debian's containerd, and serves as well).
NEEDED = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "iptables": "iptables",  # the CNI plugin `portmap` (hostPort) calls it
    "nft": "nftables",  # kube-proxy's nftables mode calls it
    "conntrack": "conntrack",
    "busybox": "busybox-static",  # for the image with a shell: it needs no other library
    "ip": "iproute2",
    "nsenter": "util-linux",
    "mount": "mount",
}
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def find(name: str) -> str | None:
    """Where the program is, or None. Absolute names are looked at where they are."""
    return shutil.which(name, path=SEARCH_PATH)


def missing() -> list[str]:
    """The packages to install, sorted, each once."""
    return sorted({package for name, package in NEEDED.items() if find(name) is None})


def ensure() -> None:
    """Install what is missing, or raise with the command that does it where apt cannot."""
    wanted = missing()
    if not wanted:
        return
    if find("apt-get") is None:
        raise DevclusterError(
            f"missing on this machine: {' '.join(wanted)} (Debian's names), and there is no apt-get; "
            "install them with this system's package manager, or use Debian 12"
        )
    say(f"==> installing Debian packages: {' '.join(wanted)} (usually 20 s)")
    environment = {**os.environ, **plain_environment(), "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120", *wanted]
    with alive("apt-get"):
        try:
            run(install, env=environment)
        except DevclusterError:  # mostly lists that are missing or too old; or a dpkg that was interrupted
            with contextlib.suppress(DevclusterError):  # what it cannot repair, apt-get says better
                run(["dpkg", "--configure", "-a"], env=environment)
            run(["apt-get", "update"], env=environment)
            run(install, env=environment)
    if still := missing():
        raise DevclusterError(
            f"apt-get succeeded, but {' '.join(still)} is missing; run `{' '.join(install)}` and read its output"
        )


def cni_plugins() -> Path:
    """The directory of the CNI plugins (Debian's place)."""
    return Path("/usr/lib/cni")
