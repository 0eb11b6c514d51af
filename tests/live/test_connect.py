"""`make connect` finds a way to every kind of endpoint, and a client in another process computes with its output."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.connecting import computes, connect
from tests.support.stacks import IMAGE, Stack

NAMESPACE = "connect"
NOWHERE = "192.0.2.1"
"""RFC 5737: an address that nobody has."""
NODE_PORT: dict[str, Any] = {"type": "NodePort", "insecure": True}
PENDING: dict[str, Any] = {
    "type": "LoadBalancer",
    "insecure": True,
    "annotations": {"pulumi.com/skipAwait": "true"},
}
SECONDS = 60


def cluster(endpoint: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"main": {"workers": {"replicas": 1, "threads": 1}, "endpoint": endpoint} | more}


def test_a_reachable_endpoint_is_printed_and_the_command_ends(stack: Stack, tmp_path: Path) -> None:
    stack.settle(clusters=cluster(NODE_PORT))

    with connect(stack, "--environment", str(tmp_path)) as connected:
        assert connected.process.wait(SECONDS) == 0

    assert (connected.told["address"], connected.told["forwarded"]) == (stack.address(), False)
    assert computes(connected.told["code"]) == 42
    assert connected.told["differences"] == [] or {it["what"] for it in connected.told["differences"]} <= {"numpy"}
    assert f"dask=={connected.told['packages']['dask']}" in (tmp_path / "requirements.txt").read_text().splitlines()
    assert connected.told["packages"]["dask"] in IMAGE


@pytest.mark.parametrize(
    ("endpoint", "because"),
    [
        (NODE_PORT | {"host": NOWHERE}, "cannot be reached from here"),
        (PENDING, "the endpoint has no address yet"),
        ({"type": "ClusterIP"}, "cannot be reached from here"),
    ],
    ids=["node port", "load balancer", "cluster ip"],
)
def test_an_endpoint_that_cannot_be_reached_is_forwarded(stack: Stack, endpoint: dict[str, Any], because: str) -> None:
    stack.settle(clusters=cluster(endpoint))

    with connect(stack) as connected:
        assert because in connected.told["because"]
        assert connected.told["address"].startswith("tcp://127.0.0.1:")
        assert computes(connected.told["code"]) == 42
        assert "the forward is open until Ctrl-C" in connected.ends()


def test_a_forward_follows_the_endpoint_to_a_new_cluster(stack: Stack) -> None:
    stack.settle(clusters=cluster({"type": "ClusterIP"}))
    old = stack.cluster()["name"]

    with connect(stack) as connected:
        assert computes(connected.told["code"]) == 42
        stack.up(clusters=cluster({"type": "ClusterIP"}, env={"ROUND": "2"}))
        assert stack.cluster()["name"] != old
        assert computes(connected.told["code"]) == 42
        assert f"new connections lead to the pod {stack.cluster()['name']}-scheduler" in connected.ends()


def test_certificates_are_the_users_own_and_end_with_the_command(stack: Stack, tmp_path: Path) -> None:
    stack.settle(clusters=cluster({"type": "ClusterIP"}, tls={"enabled": True}))

    with connect(stack) as connected:
        paths = [Path(path) for path in connected.told["tls"].values()]
        assert connected.told["address"].startswith("tls://127.0.0.1:")
        assert {oct(path.stat().st_mode & 0o777) for path in paths} == {"0o600"}
        assert computes(connected.told["code"]) == 42
        connected.ends()

    assert [path for path in paths if path.exists() or path.parent.exists()] == []


def test_a_killed_command_leaves_no_key(stack: Stack, tmp_path: Path) -> None:
    stack.settle(clusters=cluster({"type": "ClusterIP"}, tls={"enabled": True}))

    with connect(stack, TMPDIR=str(tmp_path)) as connected:
        paths = [Path(path) for path in connected.told["tls"].values()]
        assert computes(connected.told["code"]) == 42
        connected.process.kill()
        connected.process.wait(SECONDS)

    assert len(paths) == 3
    assert [path for path in paths if path.exists()] == []
    assert list(tmp_path.iterdir()) == []


def test_a_written_configuration_connects_a_client_without_arguments(stack: Stack, tmp_path: Path) -> None:
    stack.settle(clusters=cluster({"type": "ClusterIP"}, tls={"enabled": True}))

    with connect(stack, "--write-config", DASK_CONFIG=str(tmp_path)) as connected:
        code = "from distributed import Client\nclient = Client()"
        assert computes(code, DASK_CONFIG=str(tmp_path)) == 42
        connected.ends()

    assert all(Path(path).exists() for path in connected.told["tls"].values())


def test_a_client_of_another_python_is_told_before_it_fails(stack: Stack, tmp_path: Path) -> None:
    stack.settle(clusters=cluster({"type": "ClusterIP"}, tls={"enabled": True}))
    other = tmp_path / "python"
    other.write_text('#!/bin/sh\necho \'{"python": "3.13.1", "packages": {"dask": "2024.1.0"}}\'\n')
    other.chmod(0o755)

    with connect(stack, "--python", str(other)) as connected:
        differing = {it["what"]: it["fix"] for it in connected.told["differences"]}

    assert "uv venv --python 3.11" in differing["Python"]
    assert differing["dask"] == f'`pip install "dask=={connected.told["packages"]["dask"]}"`'
    assert "distributed" in differing
