"""The Kubernetes cluster and the Pulumi CLI that the live tier uses. The cluster is the tests' own, never a person's.

DEVCLUSTER names it, KEEP=1 leaves it running for the next run. Of several pytest processes side by side (`-n`)
the first has it, and each other one has a cluster of its own, which ends with the process.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import devcluster.engine
from devcluster import golang
from devcluster.kubernetes import build

ROOT = Path(__file__).resolve().parents[2]
LANE = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
FIRST = LANE == "gw0"
NAME = os.environ.get("DEVCLUSTER", "test") + ("" if FIRST else f"-{LANE}")


def _run(*command: str) -> str:
    """Runs a module of ours from the project's root; its progress stays visible, its standard output is returned."""
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


@cache
def kubectl() -> Path:
    """kubectl, which is built where it is missing."""
    return build.ensure() / "tools" / "kubectl"


@cache
def engine() -> None:
    """Makes `pulumi` the engine that devcluster builds, unless PATH already has one."""
    if not shutil.which("pulumi"):
        os.environ.update(devcluster.engine.environment(golang.cache_root() / "tests-engine"))


def load(image: str) -> None:
    """Builds an image that is made on demand, where it is missing, and gives it to the running cluster."""
    _run("devcluster", "up", "--name", NAME, "--with", image)


@contextmanager
def running() -> Iterator[Path]:
    """A cluster with our images in it, as the path of its kubeconfig."""
    kubeconfig = Path(_run("devcluster", "up", "--name", NAME).strip())
    try:
        yield kubeconfig
    finally:
        if not (FIRST and os.environ.get("KEEP")):
            _run("devcluster", "down", "--name", NAME)
