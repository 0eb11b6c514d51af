"""The ways to let a number of workers follow the work, from none to four and back; each starts a cluster that does."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.place import PROJECT, Place
from bench.stack import dev_config, ours
from bench.stopwatch import Stopwatch
from bench.ways import helm_install, node_port_address

MINIMUM, MAXIMUM = 0, 4
# As long as the operator's autoscaler rests after each step (controller.py, daskautoscaler_adapt).
IDLE_TIME = "15s"
KUBECLUSTER_SECONDS = 180


@dataclass(frozen=True)
class Way:
    """How a cluster starts, and where its scheduler is."""

    start: Callable[[Place], None]
    address: Callable[[Place], str | None]


def manifest(place: Place) -> Path:
    """The tutorial's DaskCluster without workers, whose workers will have one thread each, and its DaskAutoscaler."""
    cluster: dict[str, Any] = yaml.safe_load((PROJECT / "bench/tutorial.yaml").read_text())
    cluster["spec"]["worker"]["replicas"] = 0
    cluster["spec"]["worker"]["spec"]["containers"][0]["args"] += ["--nthreads", "1"]
    name = cluster["metadata"]["name"]
    spec = {"cluster": name, "minimum": MINIMUM, "maximum": MAXIMUM}
    scaler = {"apiVersion": cluster["apiVersion"], "kind": "DaskAutoscaler", "metadata": {"name": name}, "spec": spec}
    file = place.scratch / "elastic.yaml"
    file.write_text(yaml.safe_dump_all([cluster, scaler]))
    return file


def config() -> dict[str, Any]:
    """The dev stack's, with workers that follow the work."""
    made = dev_config()
    [cluster] = made["dask:clusters"].values()
    cluster["workers"] = {"minimum": MINIMUM, "maximum": MAXIMUM, "threads": 1, "idleTime": IDLE_TIME}
    return made


def _operators(place: Place) -> None:
    helm_install(place, Stopwatch())
    place.kubectl("apply", f"--filename={manifest(place)}")


def _kubecluster(place: Place) -> None:
    helm_install(place, Stopwatch())
    try:
        command = [sys.executable, "-W", "ignore", "-m", "bench.kubecluster_adapt", str(MINIMUM), str(MAXIMUM)]
        place.run(*command, timeout=KUBECLUSTER_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"KubeCluster did not return in {KUBECLUSTER_SECONDS} s") from error


def _pulumi(place: Place) -> None:
    place.forget_stacks()
    stack = ours(place)
    stack.configure(config())
    stack.create()
    stack.up(Stopwatch())


def _pulumi_address(place: Place) -> str:
    [cluster] = dev_config()["dask:clusters"].values()
    return f"tcp://{place.node_address}:{cluster['endpoint']['nodePorts']['scheduler']}"


WAYS = {
    "a": Way(_operators, node_port_address),
    "b": Way(_kubecluster, node_port_address),
    "c": Way(_pulumi, _pulumi_address),
}
