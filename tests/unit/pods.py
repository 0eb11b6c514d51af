"""Pods of a cluster as the API server shows them, second by second, and the clock of whoever waits for them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.kube import wait
from components.kube.wait import Clock
from components.manifests.declared import DeclaredCluster
from tests.support.declared import declared
from tests.unit.api import FakeApi, connected

PODS, DEPLOYMENTS = "api/v1/namespaces/lab/pods", "apis/apps/v1/namespaces/lab/deployments"
OPERATORS = "api/v1/pods"
EVENTS = "api/v1/namespaces/lab/events"


def target(cluster: dict[str, Any] | None = None) -> DeclaredCluster:
    given = {"workers": {"replicas": 1}, "workerGroups": {"big": {"replicas": 1}}, "readyTimeout": "5m"}
    return declared("a", given | (cluster or {}))


def pod(group: str, reason: str = "", *, ready: bool = True) -> dict[str, Any]:
    """A pod of a worker group, or of the scheduler, that runs unless there is a reason."""
    labels = {"dask.org/component": "scheduler"} if group == "scheduler" else {"dask.org/workergroup-name": group}
    state = {"waiting": {"reason": reason, "message": "why"}} if reason else {"running": {}}
    status = {
        "containerStatuses": [{"name": "dask", "image": "dask:1", "state": state, "restartCount": 0}],
        "conditions": [{"type": "Ready", "status": str(ready)}],
    }
    return {"metadata": {"name": f"{group}-1", "labels": labels}, "status": status}


def running(made: DeclaredCluster) -> list[dict[str, Any]]:
    return [pod(group) for group in ["scheduler", *made.expected_workers]]


class Place:
    """An API server and a clock: `at` says what happens when so many seconds have passed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.pods: Callable[[float], Any] = lambda _: []
        self.asked: list[float] = []
        self.told: list[str] = []
        self.api = FakeApi(
            {PODS: self._pods, DEPLOYMENTS: {"items": []}, OPERATORS: {"items": []}, EVENTS: {"items": []}},
            living={PODS, DEPLOYMENTS},
        )
        for level in ("info", "warn", "error"):
            monkeypatch.setattr(pulumi.log, level, self.told.append)
        monkeypatch.setattr(wait, "CLOCK", Clock(lambda: self.now, self._sleep))

        connected(monkeypatch, self.api)

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        self.api.moment += 1
        for _ in range(3):  # watches see the moment before the sleeper does
            await asyncio.sleep(0)

    def _pods(self) -> Any:
        self.asked.append(self.now - 100)
        found = self.pods(self.now - 100)
        if isinstance(found, Exception):
            raise found
        return {"metadata": {"resourceVersion": "1"}, "items": found}
