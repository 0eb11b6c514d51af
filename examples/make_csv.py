"""Writes CSV files (`part-000.csv` and so on) with a signal to learn.

    .venv/bin/python -m examples.make_csv /srv/data --megabytes 100

Every row has the features `f0`..`f15` and a `label` of 0 or 1. The label follows a nonlinear rule of six of the
features, and a tenth of the labels is wrong on purpose: no model can reach an accuracy above 0.9. The same arguments
give the same bytes.
"""

import argparse
import io
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import csv

LABEL = "label"
WRONG_LABELS = 0.1
DECIMALS = 4
# Enough rows for a stable mean length, few enough to cost nothing.
PROBE_ROWS = 2_000


class Plan(NamedTuple):
    """What to write."""

    directory: Path
    megabytes: float
    files: int
    features: int
    seed: int


def rows(count: int, features: int, random: np.random.Generator) -> pa.Table:
    """`count` rows; columns f0.. as floats of four decimals, and the label."""
    values = np.round(random.standard_normal((count, features)), DECIMALS)
    wrong = random.random(count) < WRONG_LABELS
    labels = (_rule(values) > 0) ^ wrong
    columns = {f"f{index}": values[:, index] for index in range(features)}
    return pa.table(columns | {LABEL: labels.astype(np.int8)})


def _rule(values: np.ndarray) -> np.ndarray:
    """Positive for label 1. A product and a sine: a straight line gets some of it, trees get more."""
    x = values.T
    return x[0] + 0.8 * x[1] - 1.5 * x[2] * x[3] + 1.2 * np.sin(2 * x[4]) + 0.5 * (x[5] ** 2 - 1)


def bytes_per_row(features: int) -> float:
    """The mean length of a row in the file, line end included."""
    buffer = io.BytesIO()
    csv.write_csv(rows(PROBE_ROWS, features, np.random.default_rng(0)), buffer)
    return buffer.tell() / PROBE_ROWS


def write(plan: Plan) -> list[Path]:
    """Writes the files and returns their paths; each has its final name only when it is whole."""
    _check(plan)
    plan.directory.mkdir(parents=True, exist_ok=True)
    count = max(1, round(plan.megabytes * 1e6 / plan.files / bytes_per_row(plan.features)))
    paths = [plan.directory / f"part-{index:03d}.csv" for index in range(plan.files)]
    if strangers := sorted(set(plan.directory.glob("*.csv")) - set(paths)):
        raise SystemExit(
            f"{plan.directory}: holds {len(strangers)} CSV files that this run would not replace "
            f"({strangers[0].name}, …) and that readers would take too; remove them or choose another directory"
        )
    for index, path in enumerate(paths):
        unfinished = path.with_suffix(".part")
        csv.write_csv(rows(count, plan.features, np.random.default_rng([plan.seed, index])), unfinished)
        unfinished.chmod(0o644)  # pods read it as a user of their own
        unfinished.rename(path)
    return paths


def _check(plan: Plan) -> None:
    for name, value, least in (
        ("megabytes", plan.megabytes, 0.001),
        ("files", plan.files, 1),
        ("features", plan.features, 6),
    ):
        if value < least:
            raise SystemExit(f"--{name}: {value} is too little; give at least {least}")


def parse(argv: list[str] | None = None) -> Plan:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.make_csv", description="Write CSV files with a signal to learn."
    )
    parser.add_argument("directory", type=Path, help="where the files go: the hostPath of the stack's volume")
    parser.add_argument("--megabytes", type=float, default=100, help="all files together (default: 100)")
    parser.add_argument("--files", type=int, default=8, help="how many files (default: 8)")
    parser.add_argument("--features", type=int, default=16, help="columns besides the label (default: 16, at least 6)")
    parser.add_argument("--seed", type=int, default=0)
    return Plan(**vars(parser.parse_args(argv)))


def main(argv: list[str] | None = None) -> None:
    """Writes the CSV files."""
    plan = parse(argv)
    started = time.monotonic()
    paths = write(plan)
    size = sum(path.stat().st_size for path in paths)
    print(f"{len(paths)} files, {size / 1e6:.1f} MB in {plan.directory} ({time.monotonic() - started:.1f} s)")


if __name__ == "__main__":
    main()
