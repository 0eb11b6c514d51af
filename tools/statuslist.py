"""The rows of `make status ARGS=--all`, one for each pod and Service, and the rows as JSON."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from components.kube import client as kube
from components.kube import pods as health
from components.kube.client import Object
from components.kube.paths import path
from components.vocabulary import COMPONENT, PART_OF
from tools.statusrows import BAD, GOOD, SO_SO, Row, age

_LEVELS = {GOOD: "good", SO_SO: "warning", BAD: "bad"}


async def everything(client: Any, namespace: str, owner: str) -> list[Row]:
    """A row for each pod and each Service of a stack."""
    pods, services = await asyncio.gather(
        *(kube.items(client, path(kind, namespace), {PART_OF: owner}) for kind in ("Pod", "Service"))
    )
    return [*map(pod, pods), *map(service, services)]


def pod(live: Object) -> Row:
    """A pod: what it is doing, on which node, and how often its containers have been restarted."""
    status = live.get("status", {})
    containers = status.get("containerStatuses", [])
    ended = status.get("phase") == "Succeeded"
    colour = GOOD if ended or health.ready(live) else BAD if health.pod_troubles([live]) else SO_SO
    if live["metadata"].get("deletionTimestamp"):
        state, colour = "Terminating", SO_SO
    else:
        state = health.phase(live) + ("" if ended or health.ready(live) else ", not ready")
    role = live["metadata"].get("labels", {}).get(COMPONENT)
    restarts = sum(it.get("restartCount", 0) for it in containers)
    details = [role, live.get("spec", {}).get("nodeName"), f"{restarts} restarts" if restarts else ""]
    return Row(f"pod {live['metadata']['name']}", state, ", ".join(filter(None, details)), age(live), colour)


def service(live: Object) -> Row:
    """A Service: its type, its address inside of Kubernetes, and its ports."""
    spec = live["spec"]
    ports = [":".join(str(it[key]) for key in ("port", "nodePort") if it.get(key)) for it in spec["ports"]]
    details = f"{spec.get('clusterIP', '')}, ports {', '.join(ports)}"
    return Row(f"service {live['metadata']['name']}", spec["type"], details, age(live), GOOD)


def as_json(stack: str, namespace: str, rows: Iterable[Row]) -> str:
    """For programs, in one line. A row that belongs to a cluster says so in `of`; `level` is the colour."""
    shown = [
        {
            "what": row.what,
            "state": row.state,
            "details": row.details,
            "age": row.age,
            "of": row.of or None,
            "level": _LEVELS.get(row.colour),
        }
        for row in rows
    ]
    return json.dumps({"stack": stack, "namespace": namespace, "rows": shown})
