"""The measurements of scale.py as Markdown: a table, and what one more cluster or worker costs."""

from itertools import pairwise
from typing import Any

from bench.results import failed, heading

Measurement = dict[str, Any]
NOTES = """\
Each step once. Workers are pods on nodes that kwok plays. The clients' processor time is that of the CLI, its plugins
and the program, or of kubectl. Requests and bytes (of bodies, compressed as they are sent) are those of the clients
alone, as a proxy before the API server counts them: the provider's are `pulumi-kubernetes`, the program's
`dask-on-kubernetes`. With one cluster, `up` and `scale` end when all its pods are ready, which a kubectl waits for that
is not counted: `up` itself returns earlier, because nothing is verified on fake workers.
"""
_ALONE = "operator alone: "


def markdown(report: dict[str, Any]) -> str:
    """The tables. `report` holds `date`, `rounds`, `machine` and `results`."""
    results: list[Measurement] = report["results"]
    head = ["| clusters | workers | step | seconds | clients' CPU | requests | KB |", "|---|---|---|---|---|---|---|"]
    more = ["| step | more | requests for each | KB for each |", "|---|---|---|---|"]
    parts = ["# Many workers, many clusters\n", heading(report), NOTES, *head, *map(_row, results)]
    parts += ["", "## The operator alone\n", *_compared(results)]
    parts += ["", "## One more\n", *more, *_slopes(results, "workers"), *_slopes(results, "clusters")]
    return "\n".join([*parts, ""])


def _row(it: Measurement) -> str:
    start = f"| {it['clusters']} | {it['workers']} | {it['step']} | {it['seconds']:.1f} | {it['cpu']['clients']:.1f} |"
    if "failure" in it:
        return f"{start} failed: {failed(it)} | |"
    asked = ", ".join(f"{count} {client}" for client, count in sorted(it["requests"].items()))
    sizes = ", ".join(f"{count / 1e3:.0f} {client}" for client, count in sorted(it["bytes"].items()))
    return f"{start} {asked} | {sizes} |"


def _compared(results: list[Measurement]) -> list[str]:
    """This project's seconds over the operator's alone, for the same number of workers."""
    whole = [it for it in results if "failure" not in it]
    alone = {(it["step"].removeprefix(_ALONE), it["workers"]): it for it in whole if it["step"].startswith(_ALONE)}
    lines = ["| step | workers | this project | the operator alone | ratio |", "|---|---|---|---|---|"]
    for it in whole:
        if it["clusters"] == 1 and (peer := alone.get((it["step"], it["workers"]))):
            ratio = it["seconds"] / peer["seconds"]
            times = f"{it['seconds']:.1f} s | {peer['seconds']:.1f} s | {ratio:.2f}"
            lines.append(f"| {it['step']} | {it['workers']} | {times} |")
    return lines


def _slopes(results: list[Measurement], what: str) -> list[str]:
    """What one more of `what` costs, between each size and the next: it grows if the whole grows with its square."""
    other = {"workers": lambda it: it["clusters"] == 1, "clusters": lambda it: it["clusters"] == it["workers"]}
    rows: list[str] = []
    mine = [it for it in results if other[what](it) and "failure" not in it and not it["step"].startswith(_ALONE)]
    for step in dict.fromkeys(it["step"] for it in mine):
        sizes = [it for it in mine if it["step"] == step]
        for less, more in pairwise(sizes):
            by = more[what] - less[what]
            requests, size = (
                (sum(more[kind].values()) - sum(less[kind].values())) / by for kind in ("requests", "bytes")
            )
            rows.append(f"| {step} | {less[what]} -> {more[what]} {what} | {requests:.2f} | {size / 1e3:.1f} |")
    return rows
