"""Pods of a cluster as the API server shows them, second by second, and the clock of whoever waits for them."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from components.configuration import parse
from components.kube import client as kube
from components.kube.client import Connection
from components.lifecycle import pod_watch as podwatch
from components.lifecycle import readiness
from components.manifests.cluster import Target, expected_workers
from tests.unit.api import FakeApi

PODS, DEPLOYMENTS = "api/v1/namespaces/lab/pods", "apis/apps/v1/namespaces/lab/deployments"
OPERATORS = "api/v1/pods"


def target(cluster: dict[str, Any] | None = None) -> Target:
    given = {"workers": {"replicas": 1}, "workerGroups": {"big": {"replicas": 1}}, "readyTimeout": "5m"}
    return Target("a", parse({"clusters": {"a": given | (cluster or {})}}).clusters["a"], "lab", "dask-dev")


def pod(group: str, reason: str = "", *, ready: bool = True) -> dict[str, Any]:
    """A pod of a worker group, or of the scheduler, that runs unless there is a reason."""
    labels = {"dask.org/component": "scheduler"} if group == "scheduler" else {"dask.org/workergroup-name": group}
    state = {"waiting": {"reason": reason, "message": "why"}} if reason else {"running": {}}
    status = {
        "containerStatuses": [{"image": "dask:1", "state": state, "restartCount": 0}],
        "conditions": [{"type": "Ready", "status": str(ready)}],
    }
    return {"metadata": {"name": f"{group}-1", "labels": labels}, "status": status}


def running(made: Target) -> list[dict[str, Any]]:
    return [pod(group) for group in ["scheduler", *expected_workers(made)]]


class Place:
    """An API server and a clock: `at` says what happens when so many seconds have passed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.pods: Callable[[float], Any] = lambda _: []
        self.asked: list[float] = []
        self.told: list[str] = []
        self.api = FakeApi({PODS: self._pods, DEPLOYMENTS: {"items": []}, OPERATORS: {"items": []}})
        for level in ("info", "warn", "error"):
            monkeypatch.setattr(pulumi.log, level, self.told.append)
        for module in (readiness, podwatch):
            monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(readiness, "asyncio", SimpleNamespace(sleep=self._sleep, **self._loop()))

        async def connect(_: Connection) -> FakeApi:
            return self.api

        monkeypatch.setattr(kube, "api", connect)

    def _loop(self) -> dict[str, Any]:
        return {"get_running_loop": asyncio.get_running_loop}

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    def _pods(self) -> Any:
        self.asked.append(self.now - 100)
        found = self.pods(self.now - 100)
        if isinstance(found, Exception):
            raise found
        return {"items": found}
