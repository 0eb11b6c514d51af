"""`make status ARGS=--all` and `--json`: every pod and Service, and the table for programs."""

import asyncio
import json
from typing import Any

import pytest

from components.kube.paths import path
from tests.unit.api import FakeApi
from tools import statuslist
from tools.statusrows import BAD, GOOD, SO_SO, Row

MADE = "2026-11-01T00:00:00Z"
READY = {"conditions": [{"type": "Ready", "status": "True"}]}


def pod(status: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    labels = {"dask.org/component": "worker"}
    return {
        "metadata": {"name": "w", "labels": labels, "creationTimestamp": MADE} | metadata,
        "spec": {"nodeName": "node-1"},
        "status": status,
    }


def waiting(reason: str) -> dict[str, Any]:
    return {"phase": "Pending", "containerStatuses": [{"restartCount": 0, "state": {"waiting": {"reason": reason}}}]}


@pytest.mark.parametrize(
    ("live", "state", "colour"),
    [
        (pod({"phase": "Running"} | READY), "Running", GOOD),
        (pod({"phase": "Running"}), "Running, not ready", SO_SO),
        (pod({"phase": "Succeeded"}), "Succeeded", GOOD),
        (pod(waiting("ContainerCreating")), "ContainerCreating, not ready", SO_SO),
        (pod(waiting("ImagePullBackOff")), "ImagePullBackOff, not ready", BAD),
        (pod({"phase": "Running"} | READY, deletionTimestamp=MADE), "Terminating", SO_SO),
    ],
)
def test_a_pod_is_a_row_whatever_it_is_doing(live: dict[str, Any], state: str, colour: str) -> None:
    row = statuslist.pod(live)

    assert (row.what, row.state, row.colour) == ("pod w", state, colour)
    assert row.details == "worker, node-1"


def test_restarts_are_counted() -> None:
    states = [{"restartCount": 2, "state": {}}, {"restartCount": 1, "state": {}}]

    row = statuslist.pod(pod({"phase": "Running", "containerStatuses": states} | READY))

    assert row.details == "worker, node-1, 3 restarts"


def service() -> dict[str, Any]:
    ports = [{"port": 8786, "nodePort": 30786}, {"port": 8787}]
    spec = {"type": "NodePort", "clusterIP": "10.96.0.7", "ports": ports}
    return {"metadata": {"name": "analytics", "creationTimestamp": MADE}, "spec": spec}


def test_a_service_is_a_row_with_its_ports() -> None:
    row = statuslist.service(service())

    assert (row.what, row.state, row.details) == (
        "service analytics",
        "NodePort",
        "10.96.0.7, ports 8786:30786, 8787",
    )


def test_json_says_which_cluster_a_row_is_about() -> None:
    rows = [
        Row("operator", "ready", colour=GOOD),
        Row("a", "not ready", colour=BAD),
        Row("endpoint", "ClusterIP", of="a"),
    ]

    shown = json.loads(statuslist.as_json("dev", "analytics", rows))

    assert (shown["stack"], shown["namespace"]) == ("dev", "analytics")
    assert [(it["what"], it["of"], it["level"]) for it in shown["rows"]] == [
        ("operator", None, "good"),
        ("a", None, "bad"),
        ("endpoint", "a", None),
    ]


def test_every_pod_and_service_of_the_stack_is_a_row() -> None:
    pods = [pod({"phase": "Running"} | READY, name=name) for name in ("s", "w")]
    api: Any = FakeApi({path("Pod", "lab"): {"items": pods}, path("Service", "lab"): {"items": [service()]}})

    rows = asyncio.run(statuslist.everything(api, "lab", "dask-dev"))

    assert [row.what for row in rows] == ["pod s", "pod w", "service analytics"]
