"""Workers that follow the work: the operator's DaskAutoscaler, `KubeCluster.adapt` and this project.

    .venv/bin/python -m bench.elastic --rounds 3

It writes every measurement to bench/results/elastic-<date>.json, and the table to elastic.md.
"""

import os
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from distributed import Client
from distributed.versions import VersionMismatchWarning

from bench import rounds
from bench.elastic_report import markdown
from bench.elastic_ways import WAYS, Way
from bench.place import Place, empty
from bench.results import failure

T = TypeVar("T")
TIMEOUT_SECONDS = 240
TASKS, TASK_SECONDS = 40, 2
REMOVED_SECONDS = 150
REST_SECONDS = 30
TOPIC = "begun"
_REQUEST = re.compile(r"^apiserver_request_total\{(.*)\} ([\d.e+]+)$", re.MULTILINE)
# What an autoscaler, and the operator on its behalf, ask for. Watches are one request for hours.
_ASKED = {"pods", "services", "deployments", "daskautoscalers", "daskclusters", "daskworkergroups", "events"}


def until(condition: Callable[[], T], seconds: float) -> T | None:
    """The first true result of `condition`; None after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            return None
        time.sleep(0.2)
    return result


def requests(metrics: str) -> float:
    """How many requests the API server has answered, from its metrics, to what an autoscaler may ask for."""
    total = 0.0
    for labels, count in _REQUEST.findall(metrics):
        known = dict(re.findall(r'(\w+)="(.*?)"', labels))
        if known["resource"] in _ASKED and known["verb"] != "WATCH":
            total += float(count)
    return total


def _workers(place: Place) -> int:
    """The pods of workers, terminating ones included."""
    return sum(it["metadata"].get("labels", {}).get("dask.org/component") == "worker" for it in place.items("pods"))


def follow(client: Client, place: Place) -> dict[str, Any]:
    """A load on a cluster without workers, to the last result, and to the end of the last pod."""

    def begin(number: int, topic: str, seconds: float) -> int:
        from distributed import get_worker

        worker = get_worker()
        worker.log_event(topic, (time.time(), worker.name))
        time.sleep(seconds)
        return number

    submitted = time.time()
    futures = client.map(begin, range(TASKS), topic=TOPIC, seconds=TASK_SECONDS, pure=False)
    results: Any = client.gather(futures)
    done = time.time()
    events: Any = client.get_events(TOPIC)
    begun = [event for _, event in events]
    assert results == list(range(TASKS))
    del futures, results
    removed = until(lambda: not _workers(place), REMOVED_SECONDS) is not None
    marks = {"first task": min(at for at, _ in begun) - submitted, "all results": done - submitted}
    marks |= {"pods removed": time.time() - done} if removed else {}
    return {
        "marks": {name: round(seconds, 2) for name, seconds in marks.items()},
        "workers": len({worker for _, worker in begun}),
        "executions": len(begun),
        "tasks": TASKS,
        "left": _workers(place),
    }


def at_rest(place: Place) -> float:
    """Requests to the API server for each minute without work. Looking twice is not counted: it asks for metrics."""
    begin, before = time.monotonic(), requests(place.kubectl("get", "--raw", "/metrics"))
    time.sleep(REST_SECONDS)
    after = requests(place.kubectl("get", "--raw", "/metrics"))
    return round((after - before) / (time.monotonic() - begin) * 60, 1)


def elastic(place: Place, way: Way) -> dict[str, Any]:
    """One cluster from nothing: one load, then rest."""
    way.start(place)
    found = until(lambda: way.address(place), TIMEOUT_SECONDS)
    if not found:
        raise TimeoutError(f"the scheduler had no address in {TIMEOUT_SECONDS} s")
    with Client(found, timeout=TIMEOUT_SECONDS, set_as_default=False) as client:
        until(lambda: not _workers(place), REMOVED_SECONDS)
        made = follow(client, place)
    return made | {"requests": at_rest(place)}


def measure(place: Place, way: str, number: int) -> dict[str, Any]:
    """One measurement from nothing. A failure is a result too."""
    empty(place)
    result: dict[str, Any] = {"round": number, "way": way, "loadBefore": round(os.getloadavg()[0], 2)}
    try:
        result |= elastic(place, WAYS[way])
    except (RuntimeError, OSError, AssertionError, subprocess.SubprocessError) as error:
        result["failure"] = failure(error)
    print(f"round {number}, ({way}): {result}", flush=True)
    return result


def main(argv: list[str] | None = None) -> int:
    """Runs the rounds and writes the report."""
    # The host's Python and the image's may differ in the patch version, which is harmless.
    warnings.simplefilter("ignore", VersionMismatchWarning)
    return rounds.run("elastic", "Workers that follow the work.", measure, markdown, argv)


if __name__ == "__main__":
    sys.exit(main())
