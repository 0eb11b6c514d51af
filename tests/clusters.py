"""The Kubernetes cluster that the live and the engine tier run on: one of the tests' own, never a person's.

DASK_TEST_CLUSTER names it, KEEP=1 leaves it running for the next run. Of several pytest processes side by side (`-n`)
the first has it, and each other one of its own, which goes with the process.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LANE = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
FIRST = LANE == "gw0"
NAME = os.environ.get("DASK_TEST_CLUSTER", "test") + ("" if FIRST else f"-{LANE}")


def _run(*command: str) -> str:
    """Runs a module of ours from the project's root; its progress stays visible, its standard output is returned."""
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


@cache
def tools() -> Path:
    """The folder of kubectl and helm, built where they are not there yet."""
    return Path(_run("local.kubernetes", "tools").strip())


@contextmanager
def running() -> Iterator[Path]:
    """A cluster with our images in it, as the path of its kubeconfig."""
    _run("local.kubernetes", "up", "--name", NAME)
    try:
        _run("local.images", "build")
        archives = _run("local.images", "archives").splitlines()
        _run("local.kubernetes", "import", *archives, "--name", NAME)
        yield Path(_run("local.kubernetes", "kubeconfig", "--name", NAME).strip())
    finally:
        if not (FIRST and os.environ.get("KEEP")):
            _run("local.kubernetes", "down", "--name", NAME)
