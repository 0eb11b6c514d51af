"""From nothing to the first computed result, this project compared with the usual ways, interleaved on one machine.

    .venv/bin/python -m bench.first_result --rounds 3

It writes every measurement to bench/results/first_result-<date>.json, and the tables to first_result.md.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from bench import rounds, ways
from bench.place import Place, empty
from bench.report import markdown
from bench.results import failure
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
    return rounds.run("first_result", "Time to the first result.", measure, markdown, argv)


if __name__ == "__main__":
    sys.exit(main())
