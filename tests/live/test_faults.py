"""What goes wrong is named, soon, and changes nothing else."""

from typing import Any

import pytest

from tests.kubectl import uid
from tests.stacks import Stack

NODE_PORT: dict[str, Any] = {"type": "NodePort", "insecure": True}


def cluster(**over: Any) -> dict[str, Any]:
    return {"main": {"endpoint": NODE_PORT, "workers": {"replicas": 1}} | over}


@pytest.fixture(scope="module", autouse=True)
def healthy(stack: Stack) -> str:
    """The cluster that has to survive all of it: the identity of its scheduler's pod."""
    stack.up(clusters=cluster())
    return uid(stack.kube.pods("faults", component="scheduler"))


def test_a_missing_image_is_named_and_the_old_cluster_goes_on_serving(stack: Stack, healthy: str) -> None:
    serving = stack.kubectl("get", "service", "main", "-n", "faults", "-o", "json")["spec"]["selector"]

    result = stack.failing_up(clusters=cluster(image="ghcr.io/dask/dask:1999.1.1"))

    assert "ImagePullBackOff" in result.text or "ErrImagePull" in result.text
    assert "dask:1999.1.1" in result.text
    assert stack.kubectl("get", "service", "main", "-n", "faults", "-o", "json")["spec"]["selector"] == serving
    stack.up(clusters=cluster())
    assert uid(stack.kube.pods("faults", component="scheduler")) == healthy


def test_a_crash_loop_is_named_with_its_last_words(stack: Stack, healthy: str) -> None:
    result = stack.failing_up(clusters=cluster(workers={"replicas": 1, "extraArgs": ["--no-such-option"]}))

    assert "CrashLoopBackOff" in result.text
    assert "ValueError: missing port number in address '--no-such-option'" in result.text
    # Nobody waits for the end of a verification that has nothing more to verify.
    assert result.seconds < 45
    stack.up(clusters=cluster())
    assert uid(stack.kube.pods("faults", component="scheduler")) == healthy


def test_an_unschedulable_pod_is_named_while_waiting(stack: Stack, healthy: str) -> None:
    huge = {"replicas": 1, "resources": {"cpu": "640"}}

    result = stack.failing_up(clusters=cluster(workers=huge, readyTimeout="20s"))

    assert "Unschedulable" in result.text
    assert "Insufficient cpu" in result.text
    stack.up(clusters=cluster())
    assert uid(stack.kube.pods("faults", component="scheduler")) == healthy


def test_a_second_cluster_that_does_not_fit_the_quota_leaves_the_first(stack: Stack, healthy: str) -> None:
    pods = len(stack.kube.pods("faults"))
    namespace = stack.config["namespace"]

    stack.up(namespace=namespace | {"quota": {"pods": pods}})
    result = stack.failing_up(clusters=cluster(env={"A": "1"}))

    assert "exceeded quota" in result.text
    stack.up(clusters=cluster(), namespace=namespace)
    assert uid(stack.kube.pods("faults", component="scheduler")) == healthy


def test_a_node_port_in_use_is_told_in_the_api_servers_own_words(stack: Stack) -> None:
    taken = stack.outputs()["schedulerNodePort"]
    other = {"endpoint": NODE_PORT | {"nodePorts": {"scheduler": taken}}, "workers": {"replicas": 1}}

    result = stack.failing_up(clusters=cluster() | {"other": other})

    assert "provided port is already allocated" in result.text
    assert "other-connection" not in stack.kubectl("get", "configmaps", "-n", "faults", "-o", "name")
    stack.up(clusters=cluster())


def test_an_interrupted_up_can_be_run_again(stack: Stack, healthy: str) -> None:
    process = stack.configure(clusters=cluster() | {"late": {"workers": {"replicas": 1}}}).start("up")
    try:
        assert process.stdout is not None
        while "DaskCluster" not in (line := process.stdout.readline()):
            assert line, "up ended before it made the DaskCluster"
    finally:
        process.kill()
        process.communicate()

    stack.up()

    assert set(stack.outputs()["clusters"]) == {"main", "late"}
    stack.up(clusters=cluster())
    assert uid(stack.kube.pods("faults", component="scheduler")) == healthy


def test_a_mistake_changes_nothing_and_is_told_without_a_traceback(stack: Stack) -> None:
    result = stack.failing_up(clusters=cluster(workers={"replicas": -1}, image="Bad"))

    assert "2 mistakes in the stack's configuration; nothing was changed" in result.text
    assert "Traceback" not in result.text
    stack.configure(clusters=cluster())


def test_an_unreachable_api_server_is_named_within_30_seconds(stack: Stack) -> None:
    away = Stack(stack.folder / "away", stack.name, stack.folder / "kubeconfig")
    away.kubeconfig.write_text(stack.kubeconfig.read_text().replace(":6443", ":6444"))

    result = away.configure(clusters=cluster()).run("up")

    assert result.code != 0
    assert ":6444" in result.text
    assert result.seconds < 30
    assert "Traceback" not in result.text
