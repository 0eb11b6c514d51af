"""From nothing to the first computed result, this project compared with the usual ways, interleaved on one machine.

    .venv/bin/python -m bench.first_result --rounds 3

It writes every measurement to bench/results/first_result-<date>.json, and the tables to first_result.md.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import ways
from bench.place import Place, empty, facts, own_cluster
from bench.report import markdown
from bench.results import RESULTS, failure, new_report, order, save
from bench.timeline import timeline

WAYS: dict[str, Callable[[Place], ways.Stopwatch]] = {
    "a": ways.by_script,
    "b": ways.by_kubecluster,
    "c": ways.by_pulumi,
}


def measure(place: Place, way: str, number: int) -> dict[str, Any]:
    """One measurement from nothing. A failure is a result too."""
    empty(place)
    load = round(os.getloadavg()[0], 2)
    result: dict[str, Any] = {"round": number, "way": way, "loadBefore": load}
    try:
        watch = WAYS[way](place)
    except (RuntimeError, OSError, AssertionError, subprocess.SubprocessError) as error:
        words = failure(error)
        print(f"round {number}, ({way}): failed: {words[-600:]}", flush=True)
        return result | {"failure": words}
    result |= {"marks": watch.marks, "cpu": watch.cpu(), "events": timeline(place, watch.epoch), "output": watch.lines}
    print(f"round {number}, ({way}): {watch.marks}, CPU {result['cpu']}, load {load}", flush=True)
    return result


def main(argv: list[str] | None = None) -> int:
    """Runs the rounds and writes the report."""
    options = _parse(argv)
    names = list(options.ways)
    with own_cluster(keep=options.keep) as place:
        report = new_report(options.rounds, facts(place))
        results = report["results"]
        for number in range(options.rounds):
            for way in order(names, number):
                results.append(measure(place, way, number))
                save("first_result", report, markdown(report), options.results)
        empty(place)
    print(markdown(report))
    return int(any("failure" in result for result in results if result["way"] == "c"))


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.first_result", description="Time to the first result.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", default="abc", help="which ways, as letters (default: abc)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the files go (default: bench/results)")
    parser.add_argument("--keep", action="store_true", help="leave the bench's Kubernetes running")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
