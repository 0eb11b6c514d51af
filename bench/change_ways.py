"""The ways to change the pods of a running cluster: every one sets an environment variable of theirs to a new value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.place import PROJECT, Place
from bench.stack import dev_config, ours
from bench.stopwatch import Stopwatch
from bench.ways import helm_install, node_port_address

VARIABLE = "BENCH_GENERATION"
Commands = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Way:
    """How a cluster of one generation is created, and changed to the next."""

    start: Callable[[Place, str], None]
    change: Callable[[Place, str], Commands]
    """Makes the edit, and returns the commands that bring it about."""
    address: Callable[[Place], str | None]


def manifest(place: Place, generation: str) -> Path:
    """The tutorial's DaskCluster with the generation in its pods, as the one template of a chart."""
    body = yaml.safe_load((PROJECT / "bench/tutorial.yaml").read_text())
    for role in ("scheduler", "worker"):
        body["spec"][role]["spec"]["containers"][0]["env"] = [{"name": VARIABLE, "value": generation}]
    chart = place.scratch / "chart"
    file = chart / "templates/cluster.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: simple\nversion: 0.1.0\n")
    file.write_text(yaml.safe_dump(body))
    return file


def _kubectl_start(place: Place, generation: str) -> None:
    helm_install(place, Stopwatch())
    place.kubectl("apply", f"--filename={manifest(place, generation)}")


def _kubectl_change(place: Place, generation: str) -> Commands:
    file = manifest(place, generation)
    return [["kubectl", "delete", f"--filename={file}"], ["kubectl", "apply", f"--filename={file}"]]


def _helm_start(place: Place, generation: str) -> None:
    helm_install(place, Stopwatch())
    place.run("helm", "install", "simple", str(manifest(place, generation).parents[1]), "--namespace=default")


def _helm_change(place: Place, generation: str) -> Commands:
    """`helm upgrade` changes the DaskCluster, which the operator does not look at again."""
    chart = str(manifest(place, generation).parents[1])
    uninstall = ["helm", "uninstall", "simple", "--namespace=default", "--wait"]
    return [uninstall, ["helm", "install", "simple", chart, "--namespace=default"]]


def _config(generation: str) -> dict[str, Any]:
    config = dev_config()
    [cluster] = config["dask:clusters"].values()
    cluster["env"] = {VARIABLE: generation}
    return config


def _pulumi_start(place: Place, generation: str) -> None:
    place.forget_stacks()
    stack = ours(place)
    stack.configure(_config(generation))
    stack.create()
    stack.up(Stopwatch())


def _pulumi_change(place: Place, generation: str) -> Commands:
    stack = ours(place)
    stack.configure(_config(generation))
    return [stack.command("up", "--yes", "--skip-preview")]


def _pulumi_address(place: Place) -> str:
    [cluster] = dev_config()["dask:clusters"].values()
    return f"tcp://{place.node_address}:{cluster['endpoint']['nodePorts']['scheduler']}"


WAYS = {
    "a": Way(_kubectl_start, _kubectl_change, node_port_address),
    "b": Way(_helm_start, _helm_change, node_port_address),
    "c": Way(_pulumi_start, _pulumi_change, _pulumi_address),
}
