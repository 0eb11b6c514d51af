"""docs/changes.md says of every key what a change of it does; here every key is changed, and compared with that."""

import copy
import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest

from tests.contract import changes
from tests.contract.changes import EXAMPLES, OTHERS, PODS, SCHEDULERS, WORKERS, Raw
from tests.unit import registrations
from tests.unit.api import FakeApi
from tests.unit.helm import record as helm_record
from tests.unit.registrations import OWNER_ID, Recording, revealed

# Where a pod's keys may stand, by the column of docs/changes.md that says what they do there. `again` is `recreate`.
PLACES: dict[str, dict[str, str]] = {
    PODS: {
        "clusters.whole": "cluster",
        "clusters.one.scheduler": "cluster",
        "clusters.two.workers": "cluster",
        "clusters.three.workerGroups.a": "group",
        "clusters.again.scheduler": "cluster",
        "clusters.noted.notebook": "notebook",
        "jobs.job": "job",
        "jobs.timed": "timed",
    },
    SCHEDULERS: {
        "clusters.one.scheduler": "cluster",
        "clusters.again.scheduler": "cluster",
        "jobs.job.scheduler": "job",
        "jobs.timed.scheduler": "timed",
    },
    WORKERS: {
        "clusters.two.workers": "cluster",
        "clusters.three.workerGroups.a": "group",
        "clusters.again.workers": "cluster",
        "jobs.job.workers": "job",
        "jobs.timed.workers": "timed",
    },
}
# What every key of pods does there.
ALONE = {"notebook": "**notebook**", "timed": "**schedule**"}
KEYS = [(kind, key) for kind, keys in changes.keys().items() for key in sorted(keys)]
ROWS = {kind: changes.rows(title) for title, kind in changes.SECTIONS.items()}


@pytest.fixture(autouse=True)
def kubernetes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One on which the stack has created its namespaces and the operator."""

    def created(name: str, role: str) -> Any:
        annotations = {"dask-on-kubernetes/owner": OWNER_ID, "dask-on-kubernetes/role": role}
        labels = {"app.kubernetes.io/part-of": "dask-dev"}
        return {"metadata": {"name": name, "labels": labels, "annotations": annotations}}

    answers: dict[str, Any] = {
        "api/v1/secrets": {"items": [helm_record(1, OWNER_ID)]},
        "api/v1/namespaces/lab": created("lab", "workspace"),
        "api/v1/namespaces/dask-operator": created("dask-operator", "operator"),
        "api/v1/nodes": {"items": []},
    }

    async def connect(_: Any) -> FakeApi:
        return FakeApi(dict(answers))

    async def runs_as_declared(_: Any, target: Any) -> Any:
        return target.dask_cluster["spec"]

    monkeypatch.setattr("components.kube.client.api", connect)
    monkeypatch.setattr("components.lifecycle.adoption.spec", runs_as_declared)


@cache
def registered(raw: str) -> Recording:
    return registrations.registered(json.loads(raw))


def done(before: Raw, after: Raw) -> dict[str, set[tuple[str, str]]]:
    """What a change does, by component. Its preview and its `up` agree on every resource and all of its inputs."""
    previewed, made = (registrations.registered(after, preview=preview) for preview in (True, False))
    assert inputs(previewed) == inputs(made)
    assert previewed.read == made.read
    return changes.steps(registered(json.dumps(before)), made)


def inputs(recording: Recording) -> dict[tuple[str, str, str], Any]:
    """What is registered, by parent, type and name; without what is random until the state has it."""
    made: dict[tuple[str, str, str], Any] = {}
    for one in recording.registrations:
        random = one.request.ignoreChanges if one.kind in ("Stash", "Secret") else ()
        kept = {key: value for key, value in one.inputs.items() if key not in random}
        made[one.parent, one.type, one.name] = revealed(kept)
    return made


def pods(places: Iterable[str]) -> Raw:
    """A cluster or job for each place where a pod's keys may stand."""
    made: Raw = {"namespace": {"name": "lab", "podSecurity": "privileged"}, "clusters": {}, "jobs": {}}
    for place in places:
        kind, name, *_ = place.split(".")
        cluster: Raw = {"workerGroups": {"a": {}}} | ({"update": "recreate"} if name == "again" else {})
        cluster |= {"notebook": {}} if name == "noted" else {}
        job: Raw = {"runner": {"command": ["python", "a.py"]}} | ({"schedule": "@daily"} if name == "timed" else {})
        made[kind][name] = cluster if kind == "clusters" else job
    return made


def component(place: str) -> str:
    """The component whose objects a change at a place is about."""
    kind_and_name = place.split(".")
    return f"{kind_and_name[1]}-notebook" if kind_and_name[-1] == "notebook" else kind_and_name[1]


def stack(key: str) -> Raw:
    """A stack with everything in it that the other keys are about."""
    namespace = {
        "name": "lab",
        "podSecurity": "privileged",
        "quota": {"cpu": "64", "memory": "256Gi", "pods": 40},
        "limits": {"cpu": "1", "memory": "1Gi"},
        "networkPolicies": True,
        "allowFrom": ["10.0.0.0/8"],
    }
    made: Raw = {"namespace": namespace, "secrets": {"lake": {"KEY": "one"}}}
    if key.startswith("jobs."):
        return made | {"jobs": {"a": {"runner": {"command": ["python", "a.py"]}}}}
    return made | {"clusters": {"a": {"workerGroups": {"a": {}}, "envFrom": [{"secret": "lake"}]}}}


def test_every_key_has_a_row_and_no_row_is_about_another() -> None:
    asked = changes.keys()

    assert {kind: set(found) for kind, found in ROWS.items()} == asked
    assert {kind: set(found) for kind, found in EXAMPLES.items()} == asked


def test_every_class_is_described_once() -> None:
    described = re.findall(r"^\| \*\*([^*]+)\*\* \|", changes.PAGE, re.MULTILINE)

    assert sorted(described) == sorted([*changes.CLASSES, changes.NOTHING, "refused"])


@pytest.mark.parametrize("key", [key for kind, key in KEYS if kind == OTHERS])
def test_a_changed_key_does_what_the_page_says(key: str) -> None:
    example, [cell, *_] = EXAMPLES[OTHERS][key], ROWS[OTHERS][key]
    before = stack(key)
    changes.prepared(before, key, example)
    after = copy.deepcopy(before)
    changes.changed(after, key, example)

    if changes.said(cell) == {"refused"}:
        with pytest.raises(Exception, match=re.escape(key.replace("<name>", "a").rpartition(".")[0])):
            done(before, after)
        return
    found = done(before, after).values()

    assert changes.classes(set[tuple[str, str]]().union(*found)) == changes.said(cell)


@pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind, key in KEYS if kind != OTHERS])
def test_a_changed_key_of_pods_does_what_the_page_says_at_each_place(kind: str, key: str) -> None:
    example, places = EXAMPLES[kind][key], PLACES[kind]
    names = ["cluster", "job"] if kind == SCHEDULERS else ["cluster", "group", "job"]
    columns = dict(zip(names, ROWS[kind][key], strict=True)) | ALONE
    before = pods(places)
    for place in places:
        changes.prepared(before, key, example, f"{place}.")
    after = copy.deepcopy(before)
    for place in places:
        changes.changed(after, key, example, f"{place}.")

    found = done(before, after)

    expected = {place: changes.said(columns[column]) for place, column in places.items()}
    [again] = (place for place in places if ".again." in place)
    expected[again] = {"recreated" if it == "new cluster" else it for it in expected[again]}
    made = {place: changes.classes(found.get(component(place), set())) for place in places}
    # The Service of a cluster that keeps its name changes with the scheduler's ports alone.
    made[again] -= {"endpoint"} - expected[again]
    assert made == expected
    assert found.keys() <= {component(place) for place in places}


@pytest.mark.parametrize("uses_secrets", [False, True])
def test_a_renamed_stack_changes_labels_in_place(*, uses_secrets: bool) -> None:
    raw = stack("")
    if not uses_secrets:
        del raw["secrets"]

    found = changes.steps(registrations.registered(raw), registrations.registered(raw, stack="renamed"))["a"]

    assert {operation for operation, _ in found} == {"update"}


WAITS_FOR_NOBODY = "With `verify: false` there is no verify Job, and `up` waits for no workers."
NO_WAIT = {"ownership", "ownership-of-updates", "ask-first"}


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"workers": {"replicas": 3}}, ("update", "DaskCluster")),
        ({"workerGroups": {"a": {"replicas": 3}}}, ("update", "DaskWorkerGroup")),
        ({"workerGroups": {"a": {"env": {"A": "1"}}}}, ("create", "DaskWorkerGroup")),
    ],
)
def test_without_a_verify_job_nothing_waits_for_workers(change: Raw, step: tuple[str, str]) -> None:
    """The step is the only one besides a deletion, and none of its hooks waits for pods."""
    before, after = stack(""), stack("")
    before["clusters"]["a"] |= {"verify": False}
    after["clusters"]["a"] |= {"verify": False} | change

    found = done(before, after)
    made = registrations.registered(after).of_kind(step[1])
    hooks = [it.request.hooks for it in made]
    named = {name for it in hooks for when in (it.before_create, it.before_update) for name in when}
    later = [name for it in hooks for when in (it.after_create, it.after_update) for name in when]

    assert WAITS_FOR_NOBODY in changes.PAGE
    assert {it for it in found["a"] if it[0] != "delete"} == {step}
    assert found.keys() == {"a"}
    assert (named <= NO_WAIT, later) == (True, [])


def test_another_name_of_a_group_is_a_new_group_of_the_same_cluster() -> None:
    raw, renamed = stack(""), stack("")
    renamed["clusters"]["a"]["workerGroups"] = {"b": {}}

    assert changes.classes(done(raw, renamed)["a"]) == {"new group"}


def test_another_name_of_a_cluster_keeps_no_object_of_it() -> None:
    raw, renamed = stack(""), stack("")
    renamed["clusters"] = {"b": renamed["clusters"]["a"]}

    found = done(raw, renamed)

    assert {operation for operation, _ in found["a"]} == {"delete"}
    assert {operation for operation, _ in found["b"]} == {"create"}
    assert found.keys() == {"a", "b"}
