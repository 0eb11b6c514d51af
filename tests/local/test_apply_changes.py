"""The pure parts of local.apply: paths, differences, ignored fields, the wire, durations and waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local import changes, wire
from local.changes import MISSING, UNKNOWN, Change
from local.progress import NotInTimeError, Progress, StoppedError, seconds

KEYS = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1).filter(lambda key: key != "*")


@given(st.lists(KEYS | st.integers(0, 99), min_size=1).map(tuple))
def test_a_shown_path_parses_back_to_itself(path):
    assert changes.parse_path(changes.show_path(path)) == path


@pytest.mark.parametrize("text", ["a..b", "a[", "a[x]", 'a["b'])
def test_a_broken_path_is_refused_with_the_place(text):
    with pytest.raises(ValueError, match="is not a property path: stuck at"):
        changes.parse_path(text)


def test_differences_are_leaves_with_both_values():
    old = {"spec": {"replicas": 1, "gone": True, "ports": [{"port": 1}]}}
    new = {"spec": {"replicas": 2, "ports": [{"port": 1, "name": "a"}]}}

    assert list(changes.differences(old, new)) == [
        Change(("spec", "gone"), True, MISSING),
        Change(("spec", "ports", 0, "name"), MISSING, "a"),
        Change(("spec", "replicas"), 1, 2),
    ]


def test_the_servers_bookkeeping_is_no_difference():
    live = {"metadata": {"name": "a", "uid": "u", "resourceVersion": "7", "managedFields": []}, "status": {"x": 1}}

    assert changes.without_bookkeeping(live) == {"metadata": {"name": "a"}}


def test_defaults_of_the_server_are_no_difference_to_what_is_wanted():
    live = {"spec": {"replicas": 1, "strategy": "default", "ports": [{"port": 1, "protocol": "TCP"}]}}
    wanted = {"spec": {"replicas": 2, "ports": [{"port": 1}]}}

    assert list(changes.differences(changes.only_wanted(live, wanted), wanted)) == [Change(("spec", "replicas"), 1, 2)]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("spec.replicas", {"spec": {"replicas": 5, "ports": [{"port": 1}, {"port": 2}]}}),
        ("spec.ports[1].port", {"spec": {"replicas": 1, "ports": [{"port": 1}, {"port": 22}]}}),
        ("spec.ports[*].port", {"spec": {"replicas": 1, "ports": [{"port": 11}, {"port": 22}]}}),
        ("spec.absent", {"spec": {"replicas": 1, "ports": [{"port": 1}, {"port": 2}]}}),
        ("spec", {"spec": {"replicas": 5, "ports": [{"port": 11}, {"port": 22}]}}),
    ],
)
def test_an_ignored_path_keeps_the_live_value(path, expected):
    wanted = {"spec": {"replicas": 1, "ports": [{"port": 1}, {"port": 2}]}}
    live = {"spec": {"replicas": 5, "ports": [{"port": 11}, {"port": 22}]}}

    assert changes.keep(wanted, live, [changes.parse_path(path)]) == expected


def test_an_ignored_field_that_is_not_live_is_left_out():
    assert changes.keep({"a": {"b": 1, "c": 2}}, {"a": {}}, [("a", "b")]) == {"a": {"c": 2}}


@pytest.mark.parametrize(
    ("pattern", "touched"), [("spec", True), ("spec.a.b.c", True), ("spec.*.b", True), ("x", False)]
)
def test_a_change_touches_patterns_above_and_below_it(pattern, touched):
    assert changes.touches(("spec", "a", "b"), [changes.parse_path(pattern)]) is touched


def test_values_of_a_secret_are_never_shown():
    shown = changes.lines([Change(("data", "password"), "b2xk", "bmV3"), Change(("type",), "a", "b")], secret=True)

    assert shown == ["~ data.password: [secret] -> [secret]", "~ type: a -> b"]


def test_unknown_values_are_filled_from_the_live_object():
    wanted = {"a": UNKNOWN, "b": {"c": UNKNOWN, "d": 1}}

    assert changes.has_unknown(wanted)
    assert changes.fill_unknown(wanted, {"a": 7, "b": {}}) == {"a": 7, "b": {"d": 1}}


def test_secrets_and_whole_numbers_survive_the_wire():
    sent = wire.struct({"port": 80, "half": 0.5, "data": {"password": "x"}}, secret={"data"})

    assert wire.secret_keys(sent) == {"data"}
    assert wire.plain(sent) == {"port": 80, "half": 0.5, "data": {"password": "x"}}
    assert type(wire.plain(sent)["port"]) is int


@pytest.mark.parametrize(("text", "expected"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("1.5s", 1.5)])
def test_durations_are_go_durations(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "10", "ten minutes", "5d"])
def test_another_duration_is_refused_with_examples(text):
    with pytest.raises(ValueError, match="write '90s', '10m' or '1h30m'"):
        seconds(text)


def test_a_wait_prints_what_is_missing_and_fails_with_it():
    said: list[str] = []
    progress = Progress(said.append, look_every_seconds=0.001, line_every_seconds=0.01)

    with pytest.raises(NotInTimeError, match=r"a thing was not ready within 0 s: 1 of 2 parts"):
        progress.until("a thing", lambda: "1 of 2 parts", 0.05)

    assert said[0].startswith("  waiting for a thing, 0 s: 1 of 2 parts")


def test_a_stopped_run_ends_every_wait():
    progress = Progress(print)
    progress.stop.set()

    with pytest.raises(StoppedError, match="a thing was still being waited for: nothing yet"):
        progress.until("a thing", lambda: "nothing yet", 600)
