"""Optuna's search, spread over a Dask cluster."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import optuna
from distributed import Client, Future, as_completed

from examples import fits

SEED = 0


class Trial(NamedTuple):
    """One trial of the search: its number, its parameters and its score."""

    number: int
    params: dict[str, Any]
    score: fits.Score


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """A model and its parameters."""
    name = trial.suggest_categorical("model", ["gradient boosting", "random forest", "logistic regression"])
    if name == "gradient boosting":
        return {
            "model": name,
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.5, log=True),
            "max_iter": trial.suggest_int("max_iter", 40, 200),
            "max_leaf_nodes": trial.suggest_int("max_leaf_nodes", 4, 48),
        }
    if name == "random forest":
        return {
            "model": name,
            "n_estimators": trial.suggest_int("n_estimators", 10, 60),
            "max_depth": trial.suggest_int("max_depth", 4, 16),
            "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 20),
        }
    return {"model": name, "C": trial.suggest_float("C", 1e-3, 1e2, log=True)}


def search(client: Client, data: Future, trials: int, at_once: int, workers: list[str] | None = None) -> list[Trial]:
    """The trials that succeeded, in order. `workers` are the only ones to use; a lost one's trial runs elsewhere."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # constant_liar: what is under way counts as bad until it is known, so that parallel trials differ.
    sampler = optuna.samplers.TPESampler(seed=SEED, constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    asked: dict[Any, tuple[optuna.Trial, dict[str, Any]]] = {}
    running = as_completed()

    def ask() -> None:
        trial = study.ask()
        params = suggest(trial)
        future = client.submit(fits.by_value(fits.cross_validate), params, data, SEED, pure=False, workers=workers)
        asked[future.key] = trial, params
        running.add(future)

    def answers() -> Iterator[Trial]:
        for future in running:
            trial, params = asked[future.key]
            if future.status == "finished":
                score = future.result()
                study.tell(trial, score.accuracy)
                yield Trial(trial.number, params, score)
            else:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
                print(f"trial {trial.number} with {params} failed: {future.exception()!r}")
            if len(asked) < trials:
                ask()

    for _ in range(min(trials, at_once)):
        ask()
    done = sorted(answers())
    if not done:
        raise SystemExit("no trial succeeded; the log above shows why")
    return done
