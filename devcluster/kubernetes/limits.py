"""Raises the kernel's limits if they are too low: the only host-wide setting that a cluster may need to change."""

from pathlib import Path

from devcluster.shell import say

# Seen: a node holds 20 inotify instances, pods with file watchers more, and all of root's share one limit. At Debian's
# 128 the sixth cluster fails with "too many open files". Memory is taken only by what is used.
WANTED = {"max_user_instances": 8192, "max_user_watches": 131072}


def ensure(directory: Path = Path("/proc/sys/fs/inotify")) -> None:
    """Raise limits that are too low, and report it. Never lower one. It lasts until the machine restarts."""
    for name, wanted in WANTED.items():
        setting = directory / name
        present = int(setting.read_text())
        if present < wanted:
            say(f"==> raising fs.inotify.{name} of this host from {present} to {wanted} (until its next start)")
            setting.write_text(f"{wanted}\n")
