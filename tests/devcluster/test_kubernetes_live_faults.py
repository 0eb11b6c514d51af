"""Clusters of this test's own, `k8s-a` and `k8s-b`, keep apart, survive faults and leave nothing.

Needs root; run with `pytest -m live`.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devcluster.kubernetes import state
from tests.devcluster.clusters import (
    ROOT,
    assert_no_traces,
    fetch,
    first_process,
    kubectl,
    local,
    serve,
    traces,
    wait_until,
)

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def machine():
    """Leaves the machine without this test's clusters."""
    yield
    local("down", "--name", "k8s-a")
    local("down", "--name", "k8s-b")


@pytest.fixture
def cluster(machine):
    local("up", "--name", "k8s-a")
    return "k8s-a"


def test_two_clusters_run_side_by_side_and_one_goes_without_the_other(cluster):
    local("up", "--name", "k8s-b", "--nodes", "2")
    first, second = serve(cluster), serve("k8s-b")

    assert (fetch(first), fetch(second)) == ("from-k8s-a", "from-k8s-b")
    assert len(kubectl("k8s-b", "get", "nodes", "-o", "name").split()) == 2
    local("down", "--name", "k8s-b")
    assert fetch(first) == "from-k8s-a"
    assert_no_traces("k8s-b")


def test_after_the_death_of_its_first_process_up_starts_a_new_one(cluster):
    url = serve(cluster)
    os.kill(first_process(cluster), signal.SIGKILL)
    wait_until("its end", lambda: fetch(url) is None)

    assert "not running; left over" in local("status", "--name", cluster, code=3)
    local("up", "--name", cluster)

    assert serve(cluster) == url
    assert kubectl(cluster, "get", "nodes", "-o", "name").split() == ["node/k8s-a-1"]


def test_an_up_that_was_killed_at_any_step_can_be_run_again():
    for step in ("making network namespaces", "starting 1 node", "importing images.tar"):
        local("down", "--name", "k8s-b")
        command = [sys.executable, "-m", "devcluster.kubernetes", "up", "--name", "k8s-b"]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            assert any(step in line for line in process.stderr), f"{step!r} was not said"
            process.kill()

        local("up", "--name", "k8s-b")

    assert fetch(serve("k8s-b")) == "from-k8s-b"
    local("down", "--name", "k8s-b")
    assert_no_traces("k8s-b")


def test_two_ups_of_one_name_at_once_make_one_cluster():
    command = [sys.executable, "-m", "devcluster.kubernetes", "up", "--name", "k8s-b"]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]

    said = [process.communicate(timeout=120)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1]
    local("down", "--name", "k8s-b")
    assert_no_traces("k8s-b")


def test_a_stale_record_of_a_dead_machine_is_cleaned_up_without_touching_strangers():
    cluster = state.create("k8s-b", 1, Path("/no/such/product"))
    (cluster.lib / "completed").touch()
    subprocess.run(["ip", "netns", "add", "dask-local-k8s-b-1"], check=True)
    stranger = subprocess.Popen(["sleep", "600"])

    assert "not running; left over" in local("status", "--name", "k8s-b", code=3)
    local("down", "--name", "k8s-b")

    assert_no_traces("k8s-b")
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_down_leaves_nothing_and_can_be_repeated(cluster):
    serve(cluster)
    before = {mark.split("/")[1] for mark in traces(cluster) if mark.startswith("/")}
    assert {"proc", "sys", "var", "run"} <= before, "the search for traces finds a running cluster"

    local("down", "--name", cluster)
    local("down", "--name", cluster)

    assert_no_traces(cluster)
    assert "not running" in local("status", "--name", cluster, code=3)
    local("kubeconfig", "--name", cluster, code=3)
