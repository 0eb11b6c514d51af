"""The measurements of no_op.py as Markdown, and what one more resource costs."""

from statistics import median
from typing import Any

from bench.results import heading

Measurement = dict[str, Any]
TITLES = {"ours": "this project", "bare": "bare ConfigMaps", "bare, refreshed": "bare ConfigMaps, refreshed"}
NOTES = """\
`pulumi up --skip-preview` of a stack in which nothing has changed. The clusters have no workers and no verify Job, and
in their schedulers' pods runs `sleep`, so that the machine is idle. The [bare program](../bare/__main__.py) has as many
ConfigMaps as the other stack has resources, components included. This project's Pulumi.yaml says `refresh: always`; the
bare program is measured without it and with it (`--refresh`). CPU is the processor time of the CLI, its plugins and the
program. The slope is what one more resource costs, from the smallest stack to the largest.
"""


def slope(results: list[Measurement], way: str, what: str) -> float | None:
    """Milliseconds of `what` ("seconds" or "cpu") that one more resource costs; None for one size only."""
    mean = {
        size: median(one[what] for one in results if one["way"] == way and one["resources"] == size)
        for size in {one["resources"] for one in results if one["way"] == way}
    }
    if len(mean) < 2:
        return None
    least, most = min(mean), max(mean)
    return 1000 * (mean[most] - mean[least]) / (most - least)


def ratios(results: list[Measurement], way: str, count: int) -> list[float]:
    """The way's seconds over those of the bare program, of every round with that many clusters."""
    of = {
        (one["way"], one["round"]): one["seconds"] for one in results if one["clusters"] == count and "seconds" in one
    }
    rounds = sorted({number for _, number in of})
    return [of[way, number] / of["bare", number] for number in rounds if (way, number) in of and ("bare", number) in of]


def markdown(report: dict[str, Any]) -> str:
    """The tables. `report` holds `date`, `rounds`, `machine` and `results`."""
    results: list[Measurement] = report["results"]
    lines = [
        "| clusters | resources | program | median | range | ratio to bare | CPU |",
        "|---|---|---|---|---|---|---|",
    ]
    for count, resources in sorted({(one["clusters"], one["resources"]) for one in results}):
        for way in TITLES:
            lines.append(_row(results, way, count, resources))
    slopes = ["| program | ms per resource | CPU-ms per resource |", "|---|---|---|"]
    for way, title in TITLES.items():
        wall, cpu = slope(results, way, "seconds"), slope(results, way, "cpu")
        if wall is not None and cpu is not None:
            slopes.append(f"| {title} | {wall:.0f} | {cpu:.0f} |")
    title = "# What a no-op costs\n"
    return "\n".join([title, heading(report), NOTES, *lines, "", "## Slope\n", *slopes, ""])


def _row(results: list[Measurement], way: str, count: int, resources: int) -> str:
    mine = [one for one in results if (one["way"], one["clusters"]) == (way, count)]
    if not mine:
        return f"| {count} | {resources} | {TITLES[way]} | - | - | - | - |"
    seconds, cpu = [one["seconds"] for one in mine], median(one["cpu"] for one in mine)
    ratio = median(ratios(results, way, count))
    spread = f"{min(seconds):.1f} to {max(seconds):.1f} s"
    return f"| {count} | {resources} | {TITLES[way]} | {median(seconds):.1f} s | {spread} | {ratio:.2f} | {cpu:.1f} s |"
