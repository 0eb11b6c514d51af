"""The measurements of first_result.py as Markdown: tables of medians, ranges and ratios."""

from statistics import median
from typing import Any

from bench.results import failed, heading

Result = dict[str, Any]
TITLES = {
    "a": "(a) helm, kubectl, client loop",
    "b": "(b) helm, KubeCluster(n_workers=2)",
    "c": "(c) this project, `pulumi up`",
}
NOTES = """\
From nothing (no operator, no CRDs, no namespaces; images are on the node) to a task computed by a client outside
Kubernetes, whose imports are done. (a) is the documentation's manifest with what no longer runs corrected
([tutorial.yaml](../tutorial.yaml)); its client tries from the moment that `kubectl apply` has returned, and its result
may come from the first worker alone. (c) returns when *all* workers have registered and have computed inside the
cluster; only then does the client begin. (b) is KubeCluster with the commands of today's Dask in its spec. The order of
the ways changes every round. Ratios are formed within a round, then the median is taken. CPU is the processor time of
the whole Kubernetes with its pods, plus that of the programs outside it.
"""


def markdown(report: dict[str, Any]) -> str:
    """The report of all rounds, as Markdown."""
    results: list[Result] = report["results"]
    ways = sorted({result["way"] for result in results})
    parts = [
        "# Time to the first result\n",
        heading(report),
        NOTES,
        _table(results, ways),
        *[f"{TITLES[result['way']]}, round {result['round']}: {failed(result)}\n" for result in _failed(results)],
        "## Where the time goes\n",
        "Medians, in seconds since the start. Kubernetes' own times are whole seconds.\n",
        *[_events(results, way) for way in ways],
    ]
    return "\n".join(parts)


def _table(results: list[Result], ways: list[str]) -> str:
    lines = [
        "| way | first result: median | range | ratio to (a) | both workers: median | ratio to (a) | CPU | failed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for way in ways:
        first, both = (seconds(results, way, mark) for mark in ("first result", "both workers"))
        count = sum(result["way"] == way for result in results)
        failed = f"{count - len(first)} of {count}"
        if not first:
            lines.append(f"| {TITLES[way]} | - | - | - | - | - | - | {failed} |")
            continue
        cpu = _cpu(results, way)
        spread = f"{min(first.values()):.1f} to {max(first.values()):.1f} s"
        lines.append(
            f"| {TITLES[way]} | {median(first.values()):.1f} s | {spread} | {_ratio(results, way, 'first result')} "
            f"| {median(both.values()):.1f} s | {_ratio(results, way, 'both workers')} | {cpu} | {failed} |"
        )
    return "\n".join([*lines, ""])


def seconds(results: list[Result], way: str, mark: str) -> dict[int, float]:
    """Round -> seconds until the mark, of the rounds that reached it."""
    return {
        result["round"]: result["marks"][mark]
        for result in results
        if result["way"] == way and mark in result.get("marks", {})
    }


def ratios(results: list[Result], way: str, mark: str) -> list[float]:
    """The way's seconds over those of (a), of every round in which both succeeded."""
    base, own = seconds(results, "a", mark), seconds(results, way, mark)
    return [own[number] / base[number] for number in sorted(own.keys() & base.keys())]


def _ratio(results: list[Result], way: str, mark: str) -> str:
    found = ratios(results, way, mark)
    return f"{median(found):.2f} ({min(found):.2f} to {max(found):.2f})" if found else "-"


def _cpu(results: list[Result], way: str) -> str:
    """Processor seconds, which others on the machine disturb less than they disturb the clock."""
    spent = [result["cpu"] for result in results if result["way"] == way and "cpu" in result]
    inside, outside = (median(one[where] for one in spent) for where in ("cluster", "clients"))
    return f"{inside:.0f} + {outside:.0f} s"


def _events(results: list[Result], way: str) -> str:
    of_way = [result for result in results if result["way"] == way and "marks" in result]
    if not of_way:
        return ""
    every = [result["events"] | result["marks"] for result in of_way]
    medians = {
        name: median([one[name] for one in every if name in one]) for name in {key for one in every for key in one}
    }
    rows = [f"| {medians[name]:.1f} | {name} |" for name in sorted(medians, key=lambda name: (medians[name], name))]
    return "\n".join([f"### {TITLES[way]}\n", "| s | event |", "|---|---|", *rows, ""])


def _failed(results: list[Result]) -> list[Result]:
    return [result for result in results if "failure" in result]
