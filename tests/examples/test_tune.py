"""examples/tune.py against a Dask cluster in this process: what it computes, prints and refuses."""

import subprocess
import sys
from typing import Any

import pandas as pd
import pytest
from distributed import Client, LocalCluster
from distributed.protocol import pickle

from examples import fits, make_csv, report, search, speedup, tune

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def cluster():
    options: dict[str, Any] = {"dashboard_address": "127.0.0.1:0", "protocol": "tcp"}
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=False, **options) as made:
        yield made


@pytest.fixture(scope="module")
def client(cluster):
    with Client(cluster) as connected:
        yield connected


@pytest.fixture(scope="module")
def csv_directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    make_csv.write(make_csv.Plan(directory, megabytes=0.3, files=3, features=6, seed=0))
    return str(directory)


@pytest.fixture
def workers(client):
    return tune.wait_for_workers(client, 2)


@pytest.fixture
def data(client, csv_directory, workers):
    return tune.load(client, tune.files_by_worker(client, csv_directory, workers), rows=500)[0]


def test_the_whole_example_prints_the_score_and_the_speed_up_and_saves_the_plot(
    cluster, csv_directory, tmp_path, capsys
):
    plot = tmp_path / "plot.png"
    arguments = ["--address", cluster.scheduler_address, "--data", csv_directory, "--trials", "4", "--rows", "500"]

    tune.main([*arguments, "--plot", str(plot)])

    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[0] for line in lines[1:4]] == ["read", "4", "best"]
    assert "speed-up: 2 workers are" in "\n".join(lines)
    assert plot.read_bytes().startswith(PNG)


def test_every_row_of_every_file_is_read_and_counted(client, csv_directory, workers):
    files = tune.files_by_worker(client, csv_directory, workers)

    data, counted = tune.load(client, files, rows=100)

    tables = [pd.read_csv(path) for path in files]
    assert counted == {
        "files": 3,
        "rows": sum(map(len, tables)),
        "positive": sum(int((table["label"] == 1).to_numpy().sum()) for table in tables),
    }
    result = data.result()
    assert (len(result.values), len(result.unseen_values)) == (82, 20)  # 34 rows of each file, a fifth kept


def test_the_search_tells_apart_as_many_trials_as_were_asked_for(client, data, workers):
    trials = search.search(client, data, trials=5, at_once=2)

    assert [trial.number for trial in trials] == [0, 1, 2, 3, 4]
    assert all(0.4 < trial.score.accuracy < 0.9 for trial in trials)
    assert {trial.score.worker for trial in trials} <= set(workers)


def test_a_search_on_one_worker_leaves_the_other_alone(client, data, workers):
    only = list(workers)[:1]

    trials = search.search(client, data, trials=3, at_once=1, workers=only)

    assert {trial.score.worker for trial in trials} == set(only)


def test_a_failing_trial_is_told_and_the_others_count(client, data, monkeypatch, capsys):
    suggest = search.suggest
    monkeypatch.setattr(
        search, "suggest", lambda trial: suggest(trial) | ({"max_iter": -1} if trial.number == 1 else {})
    )

    trials = search.search(client, data, trials=3, at_once=1)

    assert [trial.number for trial in trials] == [0, 2]
    assert "trial 1 with" in capsys.readouterr().out


def test_when_all_trials_fail_there_is_no_result(client, data, monkeypatch):
    monkeypatch.setattr(search, "suggest", lambda _: {"model": "random forest", "n_estimators": 0})

    with pytest.raises(SystemExit, match="no trial succeeded"):
        search.search(client, data, trials=2, at_once=1)


def test_the_comparison_repeats_the_very_same_fits(client, data, workers):
    trials = search.search(client, data, trials=4, at_once=2)

    result = speedup.compare(client, data, trials, workers)

    assert result is not None
    assert result.workers == 2
    assert result.worst_difference == 0
    assert len(result.one) == len(result.all) == 2
    assert result.speedup == pytest.approx(sum(result.one) / sum(result.all))


def test_there_is_no_speed_up_of_one_worker(client, data, workers, capsys):
    only = dict(list(workers.items())[:1])

    report.comparison(speedup.compare(client, data, [], only), client, only)

    assert "not measured" in capsys.readouterr().out


def test_an_empty_directory_is_named_with_what_to_do(client, workers, tmp_path):
    with pytest.raises(SystemExit, match=rf"--data: the workers see no \*\.csv in {tmp_path}; it must be a volume's"):
        tune.files_by_worker(client, str(tmp_path), workers)


def test_files_that_differ_between_nodes_are_refused(client, workers, monkeypatch):
    first, second = workers
    monkeypatch.setattr(fits, "on_each", lambda *_, **__: {first: {"/data/a.csv": 1}, second: {"/data/a.csv": 2}})

    with pytest.raises(SystemExit, match=r"/data/a\.csv: differs between the nodes"):
        tune.files_by_worker(client, "/data", workers)


def test_a_file_without_labels_names_its_columns(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")

    with pytest.raises(ValueError, match=r"a\.csv: has no column 'label'; its columns are x, y"):
        fits.read(str(tmp_path / "a.csv"))


def test_workers_without_scikit_learn_are_told_before_anything_runs(client, workers, monkeypatch):
    monkeypatch.setattr(fits, "on_each", lambda *_, **__: {worker: {"learn": None} for worker in workers})

    with pytest.raises(SystemExit, match="2 of 2 workers lack scikit-learn: add it to the cluster's `packages`"):
        report.cluster(client, "tcp://h:1", workers)


def test_functions_run_where_this_repository_is_not(tmp_path):
    (tmp_path / "a.csv").write_text("f0,label\n0.5,1\n1.5,0\n")
    graph = pickle.dumps([fits.by_value(fits.read), str(tmp_path / "a.csv")])
    program = "import pickle, sys; read, path = pickle.load(sys.stdin.buffer); print(read(path).to_csv(index=False))"

    ended = subprocess.run(
        [sys.executable, "-I", "-c", program], input=graph, capture_output=True, cwd=tmp_path, check=True
    )

    assert ended.stdout.decode().split() == ["f0,label", "0.5,1", "1.5,0"]
