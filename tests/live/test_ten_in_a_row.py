"""Clusters one after another, each in the place of the one before: each is ready, or it would not have been `up`."""

import time

import pytest

from tests.support.kubectl import Kubectl
from tests.support.stacks import Stack
from tests.support.work import computes

SECONDS = 120
LEAST, MOST = 3, 10


@pytest.mark.slow
def test_clusters_made_in_a_row_all_compute(stack: Stack, kube: Kubectl) -> None:
    """As many as fit into the time, at most ten: a slow machine makes fewer."""
    begin, made = time.monotonic(), 0
    while made < MOST and (made < LEAST or time.monotonic() - begin < SECONDS):
        endpoint = {"type": "NodePort", "insecure": True}
        name = f"c{made}"

        stack.up(clusters={name: {"workers": {"replicas": 1, "threads": 1}, "endpoint": endpoint}})

        assert computes(stack.address(name))
        assert kube.clusters("ten-in-a-row") == [stack.cluster(name)["name"]]
        made += 1
