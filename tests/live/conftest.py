"""Fixtures of the live tier: a Kubernetes cluster with our images, and stacks on it that go when their module ends."""

import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client
from distributed.versions import VersionMismatchWarning

from tests.stacks import Stack

# Not Client: its methods are typed as synchronous or asynchronous at once.
Connect = Callable[..., Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/live" in str(item.path):
            item.add_marker("live")


@pytest.fixture(scope="session")
def operator(kubernetes: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that owns the operator and nothing else, as the platform team's would."""
    stack = Stack(tmp_path_factory.mktemp("operator"), "operator", kubernetes)
    stack.up(namespace={"name": "platform"}, operator={"install": True})
    yield stack
    result = stack.down()
    assert result.code == 0, result.text


@pytest.fixture(scope="module")
def stack(operator: Stack, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """An empty stack for the module's tests, in a namespace of its own, that uses the operator that is there."""
    name = request.module.__name__.rsplit("_", 1)[-1]
    made = Stack(tmp_path_factory.mktemp(name), name, operator.kubeconfig)
    made.configure(namespace={"name": name, "podSecurity": "privileged"}, operator={"install": False})
    yield made
    made.configure(clusters={}, jobs={})
    result = made.down()
    assert result.code == 0, result.text


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Opens clients that are closed when the test ends."""
    opened: list[Client] = []

    def open_client(address: str, **options: Any) -> Client:
        with warnings.catch_warnings():
            # The host's Python and the image's differ in the patch version, which is harmless.
            warnings.simplefilter("ignore", VersionMismatchWarning)
            opened.append(Client(address, timeout=30, set_as_default=False, **options))
        return opened[-1]

    yield open_client
    for client in opened:
        client.close()


@pytest.fixture
def beside() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts a Python script in a process of its own, which is ended when the test ends."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", script, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
