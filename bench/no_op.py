"""What `pulumi up` without a change costs, with 1, 10 and 30 clusters, compared with a program of bare ConfigMaps.

    .venv/bin/python -m bench.no_op --rounds 3

It writes every measurement to bench/results/no_op-<date>.json, and the tables to no_op.md.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from bench.no_op_report import Measurement, markdown
from bench.place import Place, empty, facts, own_cluster
from bench.results import RESULTS, new_report, order, save
from bench.stack import Stack, bare, ours
from bench.stopwatch import Stopwatch

# Without probes a pod is ready at once. `sleep` as the first process does not end at SIGTERM, hence the grace period.
ASLEEP = {
    "terminationGracePeriodSeconds": 1,
    "containers": [
        {
            "name": "scheduler",
            # The program's arguments stay, as the shell's own.
            "command": ["/bin/sh", "-c", "exec sleep infinity", "sh"],
            **dict.fromkeys(("readinessProbe", "livenessProbe", "startupProbe")),
        }
    ],
}


def clusters(count: int) -> dict[str, Any]:
    """A configuration with this many clusters that take no processor time of their own."""
    one = {
        "image": "ghcr.io/dask/dask:2026.8.0-py3.11",
        "verify": False,
        "workers": {"replicas": 0},
        "scheduler": {"podTemplate": ASLEEP},
    }
    return {"dask:namespace": {"name": "bench"}, "dask:clusters": {f"c{number:02}": one for number in range(count)}}


def prepare(place: Place, count: int) -> tuple[int, dict[str, tuple[Stack, tuple[str, ...]]]]:
    """Both stacks brought to that many clusters; how many resources each has, and what is run for each way."""
    mine, peer = ours(place), bare(place)
    mine.configure(clusters(count))
    mine.up(Stopwatch())
    resources = mine.resources()
    peer.configure({"bare:configMaps": resources})
    peer.up(Stopwatch())
    ways: dict[str, tuple[Stack, tuple[str, ...]]] = {"ours": (mine, ()), "bare": (peer, ())}
    return resources, ways | {"bare, refreshed": (peer, ("--refresh",))}


def measure(place: Place, count: int, rounds: int) -> list[Measurement]:
    """That many rounds of each way, in turn, after one of each that does not count."""
    resources, ways = prepare(place, count)
    for stack, options in ways.values():
        stack.spent(*options)
    found: list[Measurement] = []
    for number in range(rounds):
        for way in order(list(ways), number):
            stack, options = ways[way]
            about = {"round": number, "way": way, "clusters": count, "resources": resources}
            about["loadBefore"] = round(os.getloadavg()[0], 2)
            found.append(about | stack.spent(*options))
            print(found[-1], flush=True)
    return found


def main(argv: list[str] | None = None) -> int:
    """Runs the rounds and writes the report."""
    options = _parse(argv)
    with own_cluster(keep=options.keep) as place:
        empty(place)
        place.forget_stacks()
        for stack in (ours(place), bare(place)):
            stack.create()
        report = new_report(options.rounds, facts(place))
        for count in options.sizes:
            report["results"] += measure(place, count, options.rounds)
            save("no_op", report, markdown(report), options.results)
        if options.keep:
            empty(place)
    print(markdown(report))
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.no_op", description="What a no-op costs.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 10, 30], help="numbers of clusters, ascending")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the files go (default: bench/results)")
    parser.add_argument("--keep", action="store_true", help="leave the bench's Kubernetes running")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
