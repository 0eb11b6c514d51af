"""The measurements of elastic.py as a Markdown table."""

from collections.abc import Callable
from statistics import median
from typing import Any

from bench.results import failures, heading

TITLES = {
    "a": "(a) the operator's DaskAutoscaler",
    "b": "(b) `KubeCluster.adapt`, which creates a DaskAutoscaler",
    "c": "(c) this project, `minimum` and `maximum`",
}
NOTES = """\
A cluster without workers, which may have up to four of one thread each, gets 40 tasks of two seconds from one client.
The clock starts with `map`; the first task is the first that begins on a worker. Then the client lets its results go,
and the clock of the removal runs until no worker's pod is left. (c) has `idleTime: 15s`; the operator's autoscaler
rests for 15 s after each step, and removes at most a quarter of the workers in one. More executions than tasks means
that tasks were begun again. Requests are those that the API server answers in a minute without work, for pods,
Services, Deployments, events and Dask resources, from any client, watches excluded. They are counted for 30 s, in which
(c), which looks once a minute (two requests for one group), may ask for nothing.
"""
_COLUMNS = (
    "| way | first task | all results | workers | executions of tasks | pods removed | requests a minute | failed |"
)


def markdown(report: dict[str, Any]) -> str:
    """The table. `report` holds `date`, `rounds`, `machine` and `results`."""
    results: list[dict[str, Any]] = report["results"]
    rows = [_row(results, way) for way in sorted({one["way"] for one in results})]
    table = [_COLUMNS, "|---|---|---|---|---|---|---|---|", *rows]
    return "\n".join(
        ["# Workers that follow the work\n", heading(report), NOTES, *table, "", *failures(report, TITLES)]
    )


def _row(results: list[dict[str, Any]], way: str) -> str:
    mine = [one for one in results if one["way"] == way]
    done = [one for one in mine if "marks" in one]
    lost = f"{len(mine) - len(done)} of {len(mine)}"
    if not done:
        return f"| {TITLES[way]} | - | - | - | - | - | - | {lost} |"
    ran = " + ".join(f"{one['executions']}/{one['tasks']}" for one in done)
    cells = [
        TITLES[way],
        _range(done, lambda one: one["marks"]["first task"], " s"),
        _range(done, lambda one: one["marks"]["all results"], " s"),
        _range(done, lambda one: one["workers"]),
        ran,
        _removed(done),
        _range(done, lambda one: one["requests"]),
        lost,
    ]
    return f"| {' | '.join(cells)} |"


def _removed(done: list[dict[str, Any]]) -> str:
    """The seconds of the removal, and how often it has not ended."""
    whole = [one for one in done if "pods removed" in one["marks"]]
    kept = [f"{one['left']} left in round {one['round']}" for one in done if one not in whole]
    shown = [_range(whole, lambda one: one["marks"]["pods removed"], " s")] if whole else []
    return ", ".join([*shown, *kept])


def _range(done: list[dict[str, Any]], value: Callable[[dict[str, Any]], float], unit: str = "") -> str:
    values = [value(one) for one in done]
    middle = f"{median(values):.1f}{unit}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.1f} to {max(values):.1f})"
