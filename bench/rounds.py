"""The rounds of a bench that compares ways side by side, on a Kubernetes of its own, and its command line."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.place import Place, empty, facts, own_cluster
from bench.results import RESULTS, new_report, order, save

Measure = Callable[[Place, str, int], dict[str, Any]]
OURS = "c"


def run(name: str, about: str, measure: Measure, page: Callable[[dict[str, Any]], str], argv: list[str] | None) -> int:
    """Measures every way in every round, and writes the report after each. 1 if this project's way has failed."""
    options = _parse(name, about, argv)
    with own_cluster(keep=options.keep) as place:
        report = new_report(options.rounds, facts(place))
        for number in range(options.rounds):
            for way in order(list(options.ways), number):
                report["results"].append(measure(place, way, number))
                save(name, report, page(report), options.results)
        empty(place)
    print(page(report))
    return int(any("failure" in result for result in report["results"] if result["way"] == OURS))


def _parse(name: str, about: str, argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=about)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", default="abc", help="which ways, as letters (default: abc)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the files go (default: bench/results)")
    parser.add_argument("--keep", action="store_true", help="leave the bench's Kubernetes running")
    return parser.parse_args(argv)
