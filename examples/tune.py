"""CSV files on the workers' volume -> an Optuna search spread over the workers -> the best model, a plot, the speed-up.

    .venv/bin/python -m examples.tune --data /data --trials 24

Each file is read by one task on a worker that sees it, so the client need not have the volume: dask.dataframe.read_csv
would look for the files here. Optuna stays on the client (`ask` and `tell`): the workers need scikit-learn alone, and
share no storage. optuna_integration's DaskStorage works with these versions too; it needs Optuna on the scheduler and
on the workers, and is marked experimental.
"""

import argparse
from collections.abc import Iterable
from typing import Any

from distributed import Client, Future

from examples import fits, report
from examples.clock import timed
from examples.connect import connect
from examples.search import SEED, search
from examples.speedup import compare

WORKERS_TIMEOUT_SECONDS = 120


def wait_for_workers(client: Client, wanted: int | None) -> dict[str, int]:
    """The addresses of the workers to use, with their threads: all, or the first `wanted`."""
    try:
        client.wait_for_workers(wanted or 1, timeout=WORKERS_TIMEOUT_SECONDS)
    except TimeoutError:
        raise SystemExit(
            f"--workers: fewer than {wanted or 1} workers in {WORKERS_TIMEOUT_SECONDS} s; see `kubectl get pods -A`"
        ) from None
    threads: Any = client.nthreads()
    return dict(sorted(threads.items())[:wanted])


def files_by_worker(client: Client, directory: str, workers: Iterable[str]) -> dict[str, tuple[int, list[str]]]:
    """Path -> its bytes and the workers that see it. A hostPath volume shows every worker its own node's files."""
    found: dict[str, tuple[int, list[str]]] = {}
    for worker, files in fits.on_each(client, fits.files_here, directory, workers=workers).items():
        for path, size in files.items():
            if found.setdefault(path, (size, []))[0] != size:
                raise SystemExit(
                    f"{path}: differs between the nodes; put one file on every node, or give each its own name"
                )
            found[path][1].append(worker)
    if not found:
        raise SystemExit(
            f"--data: the workers see no *.csv in {directory}; it must be a volume's mountPath (README.md), and "
            "filled: python -m examples.make_csv"
        )
    return found


def load(client: Client, files: dict[str, tuple[int, list[str]]], rows: int) -> tuple[Future, dict[str, int]]:
    """Reads every file where it is. The search's data (a future: it stays on the workers), and what all rows hold."""
    tables = [
        client.submit(fits.by_value(fits.read), path, workers=holders, pure=False)
        for path, (_, holders) in files.items()
    ]
    counted = client.map(fits.by_value(fits.facts), tables, pure=False)
    each = -(-rows // len(tables))
    samples = [client.submit(fits.by_value(fits.sample), table, each, SEED, pure=False) for table in tables]
    data = client.submit(fits.by_value(fits.join), samples, SEED, pure=False)
    parts: list[dict[str, int]] = [future.result() for future in counted]
    return data, {"files": len(parts)} | {name: sum(part[name] for part in parts) for name in ("rows", "positive")}


def main(argv: list[str] | None = None) -> None:
    """Searches, compares and reports."""
    options = parse(argv)
    with connect(options.address, options.cluster) as client:
        workers = wait_for_workers(client, options.workers)
        report.cluster(client, getattr(client.scheduler, "address", ""), workers)
        files = files_by_worker(client, options.data, workers)
        with timed() as reading:
            data, counted = load(client, files, options.rows)
        report.data(counted, sum(size for size, _ in files.values()), reading.seconds)
        with timed() as searching:
            only = list(workers) if options.workers else None
            trials = search(client, data, options.trials, sum(workers.values()), only)
        best = max(trials, key=lambda trial: trial.score.accuracy)
        unseen = client.submit(fits.by_value(fits.score_unseen), best.params, data, SEED, pure=False).result()
        report.best(best, unseen, len(trials), searching.seconds)
        report.plot(trials, options.plot)
        if not options.no_speedup:
            report.comparison(compare(client, data, trials, workers), client, workers)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.tune", description="Search the best model on a Dask cluster."
    )
    parser.add_argument(
        "--address", help="tcp://… or tls://…; else DASK_SCHEDULER_ADDRESS, else the address in `make -s outputs`"
    )
    parser.add_argument("--cluster", help="which of the stack's clusters, where it has several")
    parser.add_argument(
        "--data", default="/data", help="the directory of CSV files as the workers see it (default: /data)"
    )
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument(
        "--rows", type=int, default=10_000, help="rows drawn from all files for the search (default: 10000)"
    )
    parser.add_argument("--workers", type=int, help="wait for this many workers and use no more (default: all)")
    parser.add_argument("--plot", default="trials.png", help="where the plot goes (default: trials.png)")
    parser.add_argument("--no-speedup", action="store_true", help="leave the comparison with one worker out")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
