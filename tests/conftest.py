"""What all tests with a Kubernetes cluster share: the cluster."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import clusters


@pytest.fixture(scope="session")
def kubernetes() -> Iterator[Path]:
    """The kubeconfig of the tests' own cluster."""
    with clusters.running() as kubeconfig:
        yield kubeconfig
