"""What runs on the workers, which need pandas and scikit-learn: files -> tables -> training data -> one model's score.

The workers' image does not hold this module, so `by_value` sends its functions whole.
"""

import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import cloudpickle
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from distributed import Client

LABEL = "label"
FOLDS = 3
Params = Mapping[str, Any]


class Data(NamedTuple):
    """Rows for the search, and rows that no trial sees."""

    values: np.ndarray
    labels: np.ndarray
    unseen_values: np.ndarray
    unseen_labels: np.ndarray


class Score(NamedTuple):
    """The accuracy of one model, and when (seconds of the epoch) and where it was found."""

    accuracy: float
    started: float
    ended: float
    worker: str


def by_value(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as something that can only be sent whole.

    Dask pickles a task graph by reference, and by cloudpickle only if that fails (distributed/protocol/pickle.py): to
    register the module is not enough for functions inside a graph. A local function fails, and takes the rest along.
    """

    def call(*arguments: Any) -> Any:
        return function(*arguments)

    call.__name__ = function.__name__  # what the dashboard shows
    return call


def files_here(directory: str) -> dict[str, int]:
    """The CSV files that this worker sees, with their bytes."""
    return {str(path): path.stat().st_size for path in sorted(Path(directory).glob("*.csv"))}


def read(path: str) -> pd.DataFrame:
    """One file. float32: half the memory, and more than the files' four decimals need."""
    table = pd.read_csv(path)
    if LABEL not in table:
        raise ValueError(f"{path}: has no column '{LABEL}'; its columns are {', '.join(map(str, table.columns))}")
    return table.astype({name: np.int8 if name == LABEL else np.float32 for name in table})


def facts(table: pd.DataFrame) -> dict[str, int]:
    """How many rows there are, and how many of label 1."""
    return {"rows": len(table), "positive": int(table[LABEL].to_numpy().sum())}


def sample(table: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    """At most `rows` random rows of one file."""
    return table.sample(min(rows, len(table)), random_state=seed)


def join(samples: list[pd.DataFrame], seed: int) -> Data:
    """The samples of all files, shuffled; a fifth is kept from the search."""
    table = pd.concat(samples).sample(frac=1, random_state=seed)
    values, labels = table.drop(columns=LABEL).to_numpy(), table[LABEL].to_numpy()
    kept = len(table) // 5
    return Data(values[kept:], labels[kept:], values[:kept], labels[:kept])


def model(params: Params, seed: int) -> Any:
    """The scikit-learn model that the parameters describe."""
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    options = {name: value for name, value in params.items() if name != "model"}
    if params["model"] == "gradient boosting":
        return HistGradientBoostingClassifier(**(options | {"early_stopping": False, "random_state": seed}))
    if params["model"] == "random forest":
        return RandomForestClassifier(**options, n_jobs=1, random_state=seed)
    return make_pipeline(StandardScaler(), LogisticRegression(**options))


def cross_validate(params: Params, data: Data, seed: int) -> Score:
    """The mean accuracy over the folds, on one core: the trials are what runs in parallel."""
    from sklearn.model_selection import cross_val_score
    from threadpoolctl import threadpool_limits

    started = time.time()
    with threadpool_limits(1):
        scores = cross_val_score(model(params, seed), data.values, data.labels, cv=FOLDS, n_jobs=1)
    return Score(float(scores.mean()), started, time.time(), _worker())


def score_unseen(params: Params, data: Data, seed: int) -> float:
    """The accuracy on the rows that were kept from the search."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        fitted = model(params, seed).fit(data.values, data.labels)
        return float(fitted.score(data.unseen_values, data.unseen_labels))


def on_each(client: "Client", function: Callable[..., Any], *arguments: Any, workers: Iterable[str]) -> dict[str, Any]:
    """What the function gives on each of the workers, by their addresses."""
    return cast("dict[str, Any]", client.run(by_value(function), *arguments, workers=list(workers)))


def machine() -> dict[str, Any]:
    """The worker's machine: an id that all its pods share, cores, load average; and its scikit-learn, if it has one."""
    import importlib.metadata
    import os

    try:
        learn = importlib.metadata.version("scikit-learn")
    except importlib.metadata.PackageNotFoundError:
        learn = None
    boot = Path("/proc/sys/kernel/random/boot_id")
    name = boot.read_text() if boot.exists() else socket.gethostname()
    return {"id": name, "cores": os.cpu_count(), "load": os.getloadavg()[0], "learn": learn}


def _worker() -> str:
    from distributed import get_worker

    return str(get_worker().address)


cloudpickle.register_pickle_by_value(sys.modules[__name__])
