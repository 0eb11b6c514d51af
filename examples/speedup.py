"""Measures how much faster several workers are than one, with the very same fits.

A search that learns from its results differs with the number of workers, so the finished trials' parameters are fitted
again: half of them by one worker and then by all, the other half in the opposite order. Whatever slows the machine for
a while thus affects both. Every worker thread gets its next fit when it has finished one, the longest fits first.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from distributed import Client, Future, as_completed

from examples import fits
from examples.clock import timed
from examples.search import SEED, Trial


class Comparison(NamedTuple):
    """Seconds per half, and whether the repeated fits gave the scores of the search."""

    workers: int
    one: tuple[float, ...]
    all: tuple[float, ...]
    worst_difference: float

    @property
    def speedups(self) -> list[float]:
        """The speedup of each half of the trials."""
        return [one / every for one, every in zip(self.one, self.all, strict=True)]

    @property
    def speedup(self) -> float:
        """The speedup of all trials together."""
        return sum(self.one) / sum(self.all)


def compare(client: Client, data: Future, trials: list[Trial], workers: dict[str, int]) -> Comparison | None:
    """Repeats the trials' fits on the first worker and on all. None where one worker, or one trial, is all there is."""
    if len(workers) < 2 or len(trials) < 2:
        return None
    first = dict([next(iter(workers.items()))])
    _warm_up(client, data, trials, list(workers))
    seconds: dict[int, list[float]] = {1: [], len(workers): []}
    differences = [0.0]
    for half, order in ((trials[::2], (first, workers)), (trials[1::2], (workers, first))):
        for those in order:
            with timed() as taken:
                differences += _repeat(client, data, half, those)
            seconds[len(those)].append(taken.seconds)
    return Comparison(len(workers), tuple(seconds[1]), tuple(seconds[len(workers)]), max(differences))


def _warm_up(client: Client, data: Future, trials: list[Trial], workers: list[str]) -> None:
    """Every worker has imported the libraries and holds the data before the clock runs."""
    quickest = min(trials, key=_duration)
    fitted = [
        client.submit(fits.by_value(fits.cross_validate), quickest.params, data, SEED, pure=False, workers=[worker])
        for worker in workers
    ]
    client.gather(fitted)


def _repeat(client: Client, data: Future, trials: list[Trial], workers: dict[str, int]) -> Iterator[float]:
    """Fits the trials again on these workers alone. How far each score is from the search's."""
    waiting = sorted(trials, key=_duration)
    under_way: dict[Any, tuple[str, Trial]] = {}
    running = as_completed()

    def start(worker: str) -> None:
        trial = waiting.pop()
        future = client.submit(
            fits.by_value(fits.cross_validate), trial.params, data, SEED, pure=False, workers=[worker]
        )
        under_way[future.key] = worker, trial
        running.add(future)

    slots = [worker for worker, threads in workers.items() for _ in range(threads)]
    for worker in slots[: len(waiting)]:
        start(worker)
    for future in running:
        worker, trial = under_way[future.key]
        yield abs(future.result().accuracy - trial.score.accuracy)
        if waiting:
            start(worker)


def _duration(trial: Trial) -> float:
    return trial.score.ended - trial.score.started
