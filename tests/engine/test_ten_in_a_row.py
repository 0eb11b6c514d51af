"""Ten clusters, each in the place of the one before: each is ready, or it would not have been `up`."""

import time

import pytest

from tests.engine.stacks import Stack
from tests.engine.work import computes
from tests.kubectl import Kubectl

SECONDS = 180
LEAST = 3


@pytest.mark.slow
def test_clusters_made_in_a_row_all_compute(stack: Stack, kube: Kubectl) -> None:
    """As many as fit into the time, at most ten: a slow machine makes fewer."""
    begin, made = time.monotonic(), 0
    while made < 10 and (made < LEAST or time.monotonic() - begin < SECONDS):
        endpoint = {"type": "NodePort", "insecure": True}
        stack.configure(clusters={f"c{made}": {"workers": {"replicas": 1, "threads": 1}, "endpoint": endpoint}})

        stack.up()

        assert computes(stack.outputs()["schedulerAddress"])
        assert kube.clusters("ten-in-a-row") == [stack.cluster(f"c{made}")["name"]]
        made += 1
