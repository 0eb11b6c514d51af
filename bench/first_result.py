"""From nothing to the first computed result, this project beside the usual ways, interleaved on one machine.

    .venv/bin/python -m bench.first_result --rounds 3

It writes every measurement to bench/results/first_result-<date>.json, and the tables to first_result.md.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import ways
from bench.place import Place, empty, facts, own_cluster
from bench.report import markdown
from bench.timeline import timeline

RESULTS = Path(__file__).parent / "results"
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
        words = getattr(error, "stderr", None) or str(error)
        print(f"round {number}, ({way}): failed: {words.strip()[-600:]}", flush=True)
        return result | {"failure": words.strip()[-1500:]}
    result |= {"marks": watch.marks, "cpu": watch.cpu(), "events": timeline(place, watch.epoch), "output": watch.lines}
    print(f"round {number}, ({way}): {watch.marks}, CPU {result['cpu']}, load {load}", flush=True)
    return result


def order(names: list[str], number: int) -> list[str]:
    """The ways in another order every round: each comes first in its turn, and follows each of the others."""
    first = number % len(names)
    rest = names[first + 1 :] + names[:first]
    return [names[first], *(rest if number % 2 == 0 else rest[::-1])]


def save(report: dict[str, Any], directory: Path) -> None:
    """Both files, after every measurement: a bench that is broken off leaves what it has."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"first_result-{report['date']}.json").write_text(json.dumps(report, indent=1) + "\n")
    (directory / "first_result.md").write_text(markdown(report))


def main(argv: list[str] | None = None) -> int:
    options = _parse(argv)
    names = list(options.ways)
    results: list[dict[str, Any]] = []
    report = {"date": datetime.now(UTC).date().isoformat(), "rounds": options.rounds, "results": results}
    with own_cluster(keep=options.keep) as place:
        report["machine"] = facts(place)
        for number in range(options.rounds):
            for way in order(names, number):
                results.append(measure(place, way, number))
                save(report, options.results)
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
