"""Fetches the wheels of a lock file, for the images' Python.

The host's pip fetches them, with whatever index, proxy and CA the host has, so that nothing of that reaches an image.
"""

import os
import platform
import shutil
import sys
from pathlib import Path

from devcluster.images.catalog import HERE, cache_folder, content_hash
from devcluster.images.host import run

PYTHON_VERSION = "3.11"
# This Python's pip, or Debian's: a venv may have none.
_FIRST_WITH_PIP = """
for python in "$0" /usr/bin/python3; do
    if "$python" -m pip --version >/dev/null 2>&1; then exec "$python" -m pip "$@"; fi
done
echo "neither $0 nor /usr/bin/python3 has pip" >&2
exit 127
"""
PIP = ("sh", "-c", _FIRST_WITH_PIP, sys.executable)
# bookworm has glibc 2.36; a wheel for any older one runs there. The newest first: pip takes the first that fits.
GLIBC_MINORS = range(36, 16, -1)


def folder(lock: str) -> Path:
    """Where the wheels of a lock file are, or will be."""
    return cache_folder() / f"wheels-{lock}-{content_hash(HERE / 'locks' / f'{lock}.txt')}"


def fetch(lock: str, lock_descriptor: int) -> Path:
    """Download what the lock file lists, checked by its hashes, unless it exists."""
    target = folder(lock)
    if target.is_dir():
        return target
    unfinished = target.with_name(f"{target.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    log = cache_folder() / "logs" / f"wheels-{lock}.log"
    run(f"downloading the wheels of {lock}.txt", _command(lock, unfinished), 20, log, lock_descriptor)
    for path in (unfinished, *unfinished.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)  # pods read the folder as a user of their own
    os.sync()
    unfinished.rename(target)
    return target


def _command(lock: str, target: Path) -> list[str | Path]:
    machine = platform.machine()
    tags = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC_MINORS] + [f"manylinux2014_{machine}"]
    return [
        *(*PIP, "download", "--quiet", "--disable-pip-version-check"),
        *("--requirement", HERE / "locks" / f"{lock}.txt", "--require-hashes", "--no-deps", "--dest", target),
        *("--only-binary", ":all:", "--implementation", "cp", "--python-version", PYTHON_VERSION),
        *(argument for tag in tags for argument in ("--platform", tag)),
    ]
