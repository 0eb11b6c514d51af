"""The bench of changes: when an endpoint has moved, and what the table says of it."""

from itertools import count

import pytest
import yaml

from bench import change, change_report, change_ways
from bench.place import Place
from bench.stopwatch import Stopwatch
from components.settings.stack import Settings


def test_the_endpoint_is_watched_until_the_new_pods_answer(monkeypatch):
    watch, answers = Stopwatch(), iter(["1", "1", None, "1", "2", "never asked"])
    clock = iter([0, 1, 1, 2, 2, 3, 5, 7, 7, 8, 8])
    monkeypatch.setattr(watch, "passed", lambda: float(next(clock)))
    addresses = iter(["tcp://a:1", "tcp://a:1", "tcp://a:1", None, "tcp://a:1", "tcp://a:1"])

    silent = change.watch_endpoint(watch, lambda: next(addresses), "2", ask=lambda _: next(answers))

    assert watch.marks == {"endpoint moved": 8.0}
    assert silent == 5.0


def test_an_endpoint_that_never_moves_ends_the_watch(monkeypatch):
    watch, clock = Stopwatch(), count(0, 50)
    monkeypatch.setattr(watch, "passed", lambda: float(next(clock)))

    with pytest.raises(TimeoutError, match="answered 1 for 240 s"):
        change.watch_endpoint(watch, lambda: "tcp://a:1", "2", ask=lambda _: "1")


def changed(number, way, moved, work="finished"):
    marks = {"endpoint moved": moved, "command returned": moved + 10}
    return {"round": number, "way": way, "loadBefore": 0.1, "marks": marks, "silent": 0.5, "work": work}


def test_the_changes_table_says_what_became_of_the_running_task():
    measured = [
        changed(0, "a", 20.0, "lost: FutureCancelledError"),
        changed(0, "c", 10.0),
        changed(1, "c", 30.0),
        {"round": 1, "way": "a", "loadBefore": 0.1, "failure": "long\nnobody answered"},
    ]

    text = change_report.markdown({"date": "2026-01-02", "rounds": 2, "machine": {}, "results": measured})

    assert "| 20.0 s | 20.0 to 20.0 s | 1.00 | 0.5 s | 30.0 s | lost: FutureCancelledError | 1 of 2 |" in text
    assert "| (c) this project, `pulumi up` (blue/green) | 20.0 s | 10.0 to 30.0 s | 0.50 |" in text
    assert "round 1: nobody answered" in text


@pytest.mark.parametrize("generation", ["1", "2"])
def test_every_way_gives_its_pods_the_generation(tmp_path, generation):
    place = Place("", "", tmp_path)
    body = yaml.safe_load(change_ways.manifest(place, generation).read_text())
    config = {key.removeprefix("dask:"): it for key, it in change_ways._config(generation).items()}

    for role in ("scheduler", "worker"):
        [box] = body["spec"][role]["spec"]["containers"]
        assert box["env"] == [{"name": change_ways.VARIABLE, "value": generation}]
    [cluster] = Settings.model_validate(config).clusters.values()
    assert cluster.env == {change_ways.VARIABLE: generation}
