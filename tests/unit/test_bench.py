"""The bench's arithmetic: orders, ratios, and where the time went."""

import json
from itertools import permutations
from pathlib import Path

import pytest
import yaml

from bench import first_result, no_op, no_op_report, report, results, stack, timeline
from bench.place import Place
from components.manifests.declared import DeclaredCluster
from components.settings.stack import Settings
from tests.support.declared import workspace


def result(number, way, first, both=None):
    return {
        "round": number,
        "way": way,
        "loadBefore": 0.5,
        "cpu": {"cluster": 2 * first, "clients": 3.2},
        "marks": {"first result": first, "both workers": both or first},
        "events": {"DaskCluster created": first / 2},
    }


def test_every_way_comes_first_in_its_turn_and_follows_each_of_the_others():
    rounds = [results.order(list("abc"), number) for number in range(6)]

    assert [one[0] for one in rounds] == list("abcabc")
    assert {tuple(one) for one in rounds} == set(permutations("abc"))


def test_ratios_are_formed_within_a_round_and_only_where_both_succeeded():
    results = [result(0, "a", 10), result(1, "a", 40), result(0, "c", 5), result(1, "c", 30), result(2, "c", 1)]

    assert report.ratios(results, "c", "first result") == [0.5, 0.75]


def test_the_tables_hold_medians_ranges_and_failures():
    results = [
        result(0, "a", 20, 24),
        result(1, "a", 22, 30),
        result(0, "c", 10, 12),
        {"round": 1, "way": "c", "loadBefore": 3.0, "failure": "long story\nthe last line says it"},
    ]

    text = report.markdown({"date": "2026-01-02", "rounds": 2, "machine": {"cores": 2}, "results": results})

    assert "| (a) helm, kubectl, client loop | 21.0 s | 20.0 to 22.0 s | 1.00 (1.00 to 1.00) | 27.0 s |" in text
    assert "| (c) this project, `pulumi up` | 10.0 s | 10.0 to 10.0 s | 0.50 (0.50 to 0.50) | 12.0 s |" in text
    assert "| 20 + 3 s | 1 of 2 |" in text
    assert "(c) this project, `pulumi up`, round 1: the last line says it" in text
    assert "Load average before the measurements: 0.5 to 3.0" in text
    assert "| 10.5 | DaskCluster created |" in text


def pod(name, labels, created, started, ended=None):
    state = (
        {"terminated": {"startedAt": started, "finishedAt": ended}} if ended else {"running": {"startedAt": started}}
    )
    return {
        "metadata": {"name": name, "namespace": "n", "labels": labels, "creationTimestamp": created},
        "status": {"containerStatuses": [{"state": state}]},
    }


def test_the_timeline_joins_the_pods_times_with_the_schedulers_words(tmp_path, monkeypatch):
    pods = [
        pod("s", {"dask.org/component": "scheduler"}, "2026-01-01T00:00:02Z", "2026-01-01T00:00:03Z"),
        pod("w", {"dask.org/component": "worker"}, "2026-01-01T00:00:04Z", "2026-01-01T00:00:05Z"),
        pod(
            "v",
            {"dask.org/component": "verify"},
            "2026-01-01T00:00:06Z",
            "2026-01-01T00:00:07Z",
            "2026-01-01T00:00:09Z",
        ),
    ]
    log = (
        "2026-01-01T00:00:04.250000001Z distributed.scheduler - INFO -   Scheduler at:  tcp://10.0.0.1:8786\n"
        "2026-01-01T00:00:07.500000001Z distributed.scheduler - INFO - Register worker addr: tcp://10.0.0.2:1 name: w\n"
        "2026-01-01T00:00:08Z distributed.scheduler - INFO - Receive client connection: Client-1\n"
    )

    def kubectl(_, *arguments, **__):
        if arguments[0] == "logs":
            return log if arguments[1] == "s" else ""
        return json.dumps({"items": pods if arguments[1] == "pods" else []})

    monkeypatch.setattr(Place, "kubectl", kubectl)
    epoch = timeline._seconds("2026-01-01T00:00:00Z")

    events = timeline.timeline(Place("", "", tmp_path), epoch)

    assert events == {
        "scheduler: pod created": 2.0,
        "scheduler: container started": 3.0,
        "worker 1: pod created": 4.0,
        "scheduler: listens": 4.2,
        "worker 1: container started": 5.0,
        "verify: pod created": 6.0,
        "verify: container started": 7.0,
        "worker 1: registered": 7.5,
        "first client connected": 8.0,
        "verify: ended": 9.0,
    }


def test_the_program_is_measured_in_a_copy_with_the_dev_stacks_configuration(tmp_path):
    copy = stack.ours(Place("", "", tmp_path))
    copy.configure(stack.dev_config())

    assert (copy.folder / "__main__.py").exists()
    assert (copy.folder / "components/cluster.py").exists()
    assert list(yaml.safe_load((copy.folder / "Pulumi.bench.yaml").read_text())) == ["config"]
    assert "dask:clusters" in stack.dev_config()


def test_a_failed_measurement_is_a_result_that_says_why(monkeypatch, tmp_path):
    def fails(_):
        raise RuntimeError("no scheduler")

    monkeypatch.setattr(first_result, "empty", lambda _: None)
    monkeypatch.setitem(first_result.WAYS, "b", fails)

    measured = first_result.measure(Place("", "", tmp_path), "b", 1)

    assert measured["failure"] == "no scheduler"
    assert (measured["way"], measured["round"]) == ("b", 1)


def spent(number, way, clusters, resources, seconds, cpu):
    about = {"round": number, "way": way, "clusters": clusters, "resources": resources, "loadBefore": 0.1}
    return about | {"seconds": seconds, "cpu": cpu}


NO_OPS = [
    spent(0, "ours", 1, 10, 3.0, 2.0),
    spent(1, "ours", 1, 10, 5.0, 2.0),
    spent(0, "bare", 1, 10, 2.0, 1.0),
    spent(1, "bare", 1, 10, 2.0, 1.0),
    spent(0, "ours", 30, 110, 10.0, 7.0),
    spent(0, "bare", 30, 110, 4.0, 2.5),
]


def test_the_slope_is_what_one_more_resource_costs_between_the_smallest_and_the_largest_stack():
    assert no_op_report.slope(NO_OPS, "ours", "seconds") == pytest.approx(60)
    assert no_op_report.slope(NO_OPS, "bare", "cpu") == pytest.approx(15)
    assert no_op_report.slope(NO_OPS[:4], "ours", "seconds") is None


def test_the_no_ops_table_compares_within_a_round_and_a_size():
    text = no_op_report.markdown({"date": "2026-01-02", "rounds": 2, "machine": {"cores": 2}, "results": NO_OPS})

    assert "| 1 | 10 | this project | 4.0 s | 3.0 to 5.0 s | 2.00 | 2.0 s |" in text
    assert "| 30 | 110 | this project | 10.0 s | 10.0 to 10.0 s | 2.50 | 7.0 s |" in text
    assert "| 1 | 10 | bare ConfigMaps, refreshed | - | - | - | - |" in text
    assert "| this project | 60 | 50 |" in text


def test_programs_may_keep_their_bytecode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    assert "PYTHONDONTWRITEBYTECODE" not in Place("", "", tmp_path).environment


def test_the_clusters_of_a_no_op_are_accepted_by_the_program():
    config = no_op.clusters(30)

    settings = Settings.model_validate({key.removeprefix("dask:"): value for key, value in config.items()})

    assert len(settings.clusters) == 30
    assert not any(cluster.verify or cluster.workers.wanted for cluster in settings.clusters.values())
    target = DeclaredCluster("c00", settings.clusters["c00"], workspace("bench"))
    [container] = target.dask_cluster["spec"]["scheduler"]["spec"]["containers"]
    assert "sleep" in container["command"][2]
    assert not any(key.endswith("Probe") for key in container)


def test_all_ways_of_a_no_op_are_measured_in_turn(monkeypatch):
    ran = []

    class Program:
        def __init__(self, name):
            self.name = name

        def spent(self, *options):
            ran.append((self.name, *options))
            return {"seconds": 1.0, "cpu": 0.5}

    ways = {"ours": (Program("ours"), ()), "bare": (Program("bare"), ())}
    monkeypatch.setattr(no_op, "prepare", lambda *_: (7, ways))

    measured = no_op.measure(Place("", "", Path()), 1, 2)

    assert ran == [("ours",), ("bare",), ("ours",), ("bare",), ("bare",), ("ours",)]
    assert [one["way"] for one in measured] == ["ours", "bare", "bare", "ours"]
    assert {(one["clusters"], one["resources"]) for one in measured} == {(1, 7)}
