"""What unit tests share: an empty Kubernetes in memory, the program on it, and what the program logs."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from tests.unit.api import FakeApi, connected
from tests.unit.registrations import Recording, registered

NODE = "10.9.8.7"
Program = Callable[..., Recording]


@pytest.fixture
def kubernetes(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """A Kubernetes of one node with nothing on it, which is what the program reaches."""
    api = FakeApi()

    async def one_node(_: Any) -> list[str]:
        return [NODE]

    monkeypatch.setattr("components.kubernetes.node_hosts", one_node)
    connected(monkeypatch, api)
    return api


@pytest.fixture
def program(kubernetes: FakeApi) -> Program:
    """Runs `__main__.py` with the given `dask:` configuration."""
    return lambda **config: registered(config)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that the program logs as information or as a warning, in their order."""
    lines: list[str] = []
    for level in ("info", "warn"):
        monkeypatch.setattr(pulumi.log, level, lambda text, *_: lines.append(text))
    return lines
