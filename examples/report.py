"""Reports what a search found: lines on stdout, and a plot as PNG."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distributed import Client

from examples import fits
from examples.search import Trial
from examples.speedup import Comparison

# Distinguishable without colour vision, too (the first colours of Okabe and Ito).
COLOURS = {"gradient boosting": "#0072B2", "random forest": "#E69F00", "logistic regression": "#009E73"}


def cluster(client: Client, address: str, workers: Mapping[str, int]) -> None:
    """One line on the workers; exits when one lacks scikit-learn."""
    found = fits.on_each(client, fits.machine, workers=workers)
    lacking = [worker for worker, one in found.items() if not one["learn"]]
    if lacking:
        raise SystemExit(
            f"{len(lacking)} of {len(found)} workers lack scikit-learn: add it to the cluster's `packages` in the "
            "stack file, or use an image that has it"
        )
    threads = sum(workers.values())
    print(f"{address}: {len(workers)} workers with {threads} threads on {_machines(found)}")


def _machines(found: Mapping[str, Mapping[str, Any]]) -> str:
    cores = {one["id"]: one["cores"] for one in found.values()}
    each = " and ".join(str(count) for count in cores.values())
    return f"{len(cores)} machine{'s'[: len(cores) > 1]} with {each} cores"


def data(counted: Mapping[str, int], size: int, seconds: float) -> None:
    """One line on the data."""
    share = counted["positive"] / counted["rows"]
    print(
        f"read {counted['files']} files, {size / 1e6:.1f} MB, {counted['rows']:,} rows, {share:.1%} of label 1, "
        f"in {seconds:.1f} s"
    )


def best(trial: Trial, unseen: float, count: int, seconds: float) -> None:
    """One line on the best trial."""
    options = ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in trial.params.items()
        if name != "model"
    )
    print(f"{count} trials in {seconds:.1f} s")
    print(f"best score: {trial.score.accuracy:.4f} accuracy ({fits.FOLDS}-fold) by {trial.params['model']}: {options}")
    print(f"            {unseen:.4f} on rows that no trial has seen")


def comparison(result: Comparison | None, client: Client, workers: Mapping[str, int]) -> None:
    """The speedup of all workers over one."""
    if result is None:
        print("speed-up: not measured, it takes two workers and two trials")
        return
    halves = " and ".join(f"{one:.1f} to {every:.1f} s" for one, every in zip(result.one, result.all, strict=True))
    print(
        f"speed-up: {result.workers} workers are {result.speedup:.2f} times as fast as one "
        f"({sum(result.one):.1f} s and {sum(result.all):.1f} s for the same fits; in halves {halves})"
    )
    found = fits.on_each(client, fits.machine, workers=workers)
    if len({one["id"] for one in found.values()}) < len(found):
        load = max(one["load"] for one in found.values())
        print(
            f"          the workers share {_machines(found)} with all else that runs there; load average now {load:.1f}"
        )
    if result.worst_difference > 0:
        print(f"          the repeated fits' scores differ by up to {result.worst_difference:.2g} from the search's")


def plot(trials: "list[Trial]", path: str) -> None:
    """Scores by trial, and which worker ran which trial when."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    FigureCanvasAgg(figure)
    scores, times = figure.subplots(2, 1, height_ratios=[3, 2])
    _plot_scores(scores, trials)
    _plot_times(times, trials)
    figure.savefig(path, dpi=120)
    print(f"plot: {Path(path).resolve()}")


def _plot_scores(axes: Any, trials: "list[Trial]") -> None:
    highest, line = 0.0, []
    for trial in trials:
        highest = max(highest, trial.score.accuracy)
        line.append(highest)
    axes.step([trial.number for trial in trials], line, where="post", color="0.6", label="best so far", zorder=1)
    for name, colour in COLOURS.items():
        those = [trial for trial in trials if trial.params["model"] == name]
        numbers, values = [trial.number for trial in those], [trial.score.accuracy for trial in those]
        axes.scatter(numbers, values, color=colour, label=name, zorder=2)
    axes.set(title=f"Accuracy of {len(trials)} trials ({fits.FOLDS}-fold)", xlabel="trial", ylabel="accuracy")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    axes.grid(alpha=0.3)


def _plot_times(axes: Any, trials: "list[Trial]") -> None:
    workers = sorted({trial.score.worker for trial in trials})
    begin = min(trial.score.started for trial in trials)
    for trial in trials:
        row, start = workers.index(trial.score.worker), trial.score.started - begin
        length, colour = trial.score.ended - trial.score.started, COLOURS[trial.params["model"]]
        axes.barh(row, length, left=start, color=colour, edgecolor="white", linewidth=1)
    axes.set(title="Which worker ran which trial", xlabel="seconds since the first trial began")
    axes.set_yticks(range(len(workers)), [worker.rpartition("//")[2] for worker in workers])
    axes.invert_yaxis()
