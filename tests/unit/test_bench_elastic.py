"""The bench of workers that follow the work: what is counted, what is compared, and what the table says of it."""

import pytest
import yaml

from bench import elastic, elastic_report, elastic_ways
from bench.place import Place
from components.settings.stack import Settings


@pytest.mark.parametrize(
    ("line", "counted"),
    [
        ('apiserver_request_total{code="200",group="apps",resource="deployments",verb="LIST"} 7', 7),
        (
            'apiserver_request_total{code="200",group="dask",resource="daskworkergroups",verb="PATCH"} 2',
            2,
        ),
        ('apiserver_request_total{code="200",group="",resource="pods",verb="LIST"} 1.5e+01', 15),
        ('apiserver_request_total{code="0",group="",resource="pods",verb="WATCH"} 9', 0),
        ('apiserver_request_total{code="200",group="coordination.k8s.io",resource="leases",verb="PUT"} 400', 0),
        ('apiserver_longrunning_requests{group="apps",resource="deployments",verb="LIST"} 7', 0),
    ],
)
def test_requests_are_those_that_an_autoscaler_may_send(line: str, counted: int) -> None:
    assert elastic.requests(f"# HELP words\n{line}\n") == counted


def test_every_way_has_the_same_bounds_and_workers_of_one_thread(tmp_path) -> None:
    cluster, scaler = yaml.safe_load_all(elastic_ways.manifest(Place("", "", tmp_path)).read_text())
    config = {key.removeprefix("dask:"): it for key, it in elastic_ways.config().items()}

    [ours] = Settings.model_validate(config).clusters.values()
    theirs = scaler["spec"]
    [box] = cluster["spec"]["worker"]["spec"]["containers"]
    assert (theirs["cluster"], scaler["kind"]) == (cluster["metadata"]["name"], "DaskAutoscaler")
    assert (theirs["minimum"], theirs["maximum"]) == (ours.workers.minimum, ours.workers.maximum)
    assert box["args"][-2:] == ["--nthreads", "1"]
    assert ours.workers.threads == 1
    assert cluster["spec"]["worker"]["replicas"] == 0


def measured(number: int, way: str, first: float, removed: float | None, executions: int = 40):
    marks = {"first task": first, "all results": first + 20} | ({} if removed is None else {"pods removed": removed})
    left = 0 if removed is not None else 2
    counts = {"workers": 4, "executions": executions, "tasks": 40, "left": left, "requests": 5.0}
    return {"round": number, "way": way, "loadBefore": 0.1, "marks": marks} | counts


def test_the_table_shows_repeated_tasks_and_workers_that_stay() -> None:
    results = [
        measured(0, "a", 20.0, None, 47),
        measured(1, "a", 30.0, 60.0),
        measured(0, "c", 10.0, 20.0),
        {"round": 0, "way": "b", "loadBefore": 0.1, "failure": "long\nit gave up"},
    ]

    text = elastic_report.markdown({"date": "2026-01-02", "rounds": 2, "machine": {}, "results": results})

    assert "| 25.0 s (20.0 to 30.0) | 45.0 s (40.0 to 50.0) | 4.0 (4.0 to 4.0) | 47/40 + 40/40 |" in text
    assert "| 60.0 s, 2 left in round 0 | 5.0 (5.0 to 5.0) | 0 of 2 |" in text
    assert (
        "| (c) this project, `minimum` and `maximum` | 10.0 s | 30.0 s | 4.0 | 40/40 | 20.0 s | 5.0 | 0 of 1 |" in text
    )
    assert "round 0: it gave up" in text


def test_a_wait_that_ends_in_vain_has_no_result(monkeypatch) -> None:
    now = iter(range(100))
    monkeypatch.setattr(elastic.time, "monotonic", lambda: float(next(now)))
    monkeypatch.setattr(elastic.time, "sleep", lambda _: None)

    assert elastic.until(lambda: "", 5) is None
    assert elastic.until(lambda: "found", 5) == "found"
