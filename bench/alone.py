"""The operator without this project: a DaskCluster by `kubectl apply`, waited for with kubectl."""

import json
import subprocess
from typing import Any

from bench.place import PROJECT, Place
from bench.stopwatch import lines

NAME = "alone"
_READY = '{.metadata.name}{" "}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}'


def manifest(live: dict[str, Any], workers: int) -> dict[str, Any]:
    """A live DaskCluster as a user would write it: under another name, and with that many workers."""
    meta = live["metadata"]
    spec = json.loads(json.dumps(live["spec"]).replace(meta["name"], NAME))
    spec["worker"]["replicas"] = workers
    head = {"apiVersion": live["apiVersion"], "kind": live["kind"]}
    return head | {"metadata": {"name": NAME, "namespace": meta["namespace"]}, "spec": spec}


def apply(place: Place, live: dict[str, Any], workers: int, seconds: float) -> None:
    """Returns when the scheduler and all workers are ready. Raises `RuntimeError` after so many seconds."""
    file = place.scratch / "alone.json"
    file.write_text(json.dumps(manifest(live, workers)))
    place.kubectl("apply", f"--filename={file}")
    await_pods(place, NAME, workers + 1, seconds)


def scale(place: Place, live: dict[str, Any], workers: int, seconds: float) -> None:
    """The same for another number of workers. Only the worker group's number leads to pods, not the DaskCluster's."""
    namespace = live["metadata"]["namespace"]
    place.kubectl("scale", "daskworkergroup", f"{NAME}-default", f"--namespace={namespace}", f"--replicas={workers}")
    await_pods(place, NAME, workers + 1, seconds)


def await_pods(place: Place, cluster: str, wanted: int, seconds: float) -> None:
    """Returns when so many pods of a DaskCluster are ready: one watch, with a line for every change."""
    which = ["--all-namespaces", f"--selector=dask.org/cluster-name={cluster}"]
    command = ["kubectl", "get", "pods", *which, "--watch", f"--output=jsonpath={_READY}"]
    process = subprocess.Popen(
        command, env=place.environment, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    ready: set[str] = set()
    with process:
        for line in lines(process, seconds):
            name, _, state = line.strip().partition(" ")
            (ready.add if state == "True" else ready.discard)(name)
            if len(ready) >= wanted:
                process.kill()
                return
    raise RuntimeError(f"{len(ready)} of {wanted} pods are ready after {seconds:.0f} s")
