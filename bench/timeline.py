"""Shows where the time of a measurement went: seconds since its start for each event, from objects and logs.

Kubernetes keeps whole seconds; Dask's own lines have the log's finer times. Nothing is read while the clock runs.
"""

import re
import subprocess
from datetime import datetime
from typing import Any

from bench.place import Place

Object = dict[str, Any]


def timeline(place: Place, epoch: float) -> dict[str, float]:
    """What happened in the cluster, in its order."""
    found: dict[str, float] = {}

    def at(event: str, timestamp: str | None) -> None:
        if timestamp:
            found[event] = round(_seconds(timestamp) - epoch, 1)

    for cluster in place.items("daskclusters.kubernetes.dask.org"):
        at("DaskCluster created", cluster["metadata"]["creationTimestamp"])
    pods = [pod for pod in place.items("pods") if pod["metadata"]["namespace"] != "kube-system"]
    workers = 0
    for pod in sorted(pods, key=lambda pod: pod["metadata"]["creationTimestamp"]):
        role = _role(pod)
        workers += role == "worker"
        name = f"worker {workers}" if role == "worker" else role
        at(f"{name}: pod created", pod["metadata"]["creationTimestamp"])
        at(f"{name}: container started", _started(pod))
        at(f"{name}: ended", _ended(pod))
        if role == "operator":
            at("operator: first words", _first(_log(place, pod), ""))
        if role == "scheduler":
            _scheduler(at, _log(place, pod))
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _scheduler(at: Any, log: list[tuple[str, str]]) -> None:
    at("scheduler: listens", _first(log, "Scheduler at:"))
    registered = [time for time, line in log if "Register worker" in line]
    for number, time in enumerate(registered, 1):
        at(f"worker {number}: registered", time)
    at("first client connected", _first(log, "Receive client connection"))


def _role(pod: Object) -> str:
    labels = pod["metadata"].get("labels", {})
    if labels.get("app.kubernetes.io/name") == "dask-kubernetes-operator":
        return "operator"
    return labels.get("dask.org/component", pod["metadata"]["name"])


def _states(pod: Object) -> list[Object]:
    return [status.get("state", {}) for status in pod["status"].get("containerStatuses", [])]


def _started(pod: Object) -> str | None:
    times = [state.get("startedAt") for one in _states(pod) for state in one.values()]
    return min((time for time in times if time), default=None)


def _ended(pod: Object) -> str | None:
    return next((one["terminated"]["finishedAt"] for one in _states(pod) if "terminated" in one), None)


def _log(place: Place, pod: Object) -> list[tuple[str, str]]:
    """(time, line) of a pod's log; nothing where it has none."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    try:
        text = place.kubectl("logs", name, f"--namespace={namespace}", "--timestamps")
    except subprocess.CalledProcessError:
        return []
    return [(time, line) for time, _, line in (line.partition(" ") for line in text.splitlines())]


def _first(log: list[tuple[str, str]], words: str) -> str | None:
    return next((time for time, line in log if words in line), None)


def _seconds(timestamp: str) -> float:
    """A time in RFC 3339 with up to nine decimals; Python reads six of them."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", timestamp)).timestamp()
