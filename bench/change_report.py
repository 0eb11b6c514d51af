"""The measurements of change.py as a Markdown table."""

from statistics import median
from typing import Any

from bench.results import failures, heading

TITLES = {
    "a": "(a) `kubectl delete` and `apply` of the tutorial's manifest",
    "b": "(b) the same manifest as a chart: `helm uninstall` and `install`",
    "c": "(c) this project, `pulumi up` (blue/green)",
}
NOTES = """\
An environment variable of all pods is changed while a client's task runs. The clock starts with the edit. The endpoint
has moved when a task of a new client returns the new value. Silent is the longest time in which no new client got an
answer. (c) returns when the old cluster's client is done, so its command takes as long as that client's task. The order
of the ways changes every round; ratios are formed within a round, then the median is taken.
"""


def ratios(results: list[dict[str, Any]], way: str) -> list[float]:
    """The way's seconds until the endpoint has moved over those of (a), of every round in which both succeeded."""
    moved = {(one["way"], one["round"]): one["marks"]["endpoint moved"] for one in results if "marks" in one}
    rounds = sorted({number for _, number in moved})
    return [
        moved[way, number] / moved["a", number] for number in rounds if {(way, number), ("a", number)} <= set(moved)
    ]


def markdown(report: dict[str, Any]) -> str:
    """The table. `report` holds `date`, `rounds`, `machine` and `results`."""
    results: list[dict[str, Any]] = report["results"]
    rows = [_row(results, way) for way in sorted({one["way"] for one in results})]
    table = [
        "| way | endpoint moved: median | range | ratio to (a) | silent | command | the running task | failed |",
        "|---|---|---|---|---|---|---|---|",
        *rows,
    ]
    return "\n".join(["# From an edit to new pods\n", heading(report), NOTES, *table, "", *failures(report, TITLES)])


def _row(results: list[dict[str, Any]], way: str) -> str:
    mine = [one for one in results if one["way"] == way]
    done = [one for one in mine if "marks" in one]
    lost = f"{len(mine) - len(done)} of {len(mine)}"
    if not done:
        return f"| {TITLES[way]} | - | - | - | - | - | - | {lost} |"
    moved = [one["marks"]["endpoint moved"] for one in done]
    found = ratios(results, way)
    cells = [
        TITLES[way],
        f"{median(moved):.1f} s",
        f"{min(moved):.1f} to {max(moved):.1f} s",
        f"{median(found):.2f}" if found else "-",
        f"{median(one['silent'] for one in done):.1f} s",
        f"{median(one['marks']['command returned'] for one in done):.1f} s",
        ", ".join(sorted({one["work"] for one in done})),
        lost,
    ]
    return f"| {' | '.join(cells)} |"
