"""What all tests with a Kubernetes cluster share: the cluster."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import clusters


@pytest.fixture(scope="session")
def kubernetes() -> Iterator[Path]:
    """The kubeconfig of the tests' own cluster."""
    with clusters.running() as kubeconfig:
        yield kubeconfig


# A shell starts background jobs, and some CI systems start everything, with SIGINT ignored, and children inherit that.
# Tests that interrupt a program as a terminal does need it to take the signal.
signal.signal(signal.SIGINT, signal.default_int_handler)
