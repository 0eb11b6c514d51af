"""Which clusters a cluster takes the place of, and that they are deleted at the end of their drain and not later."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from components.kube import client as kube
from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.kube.paths import path, path_of
from components.lifecycle import drain, engine_state, replaced
from components.lifecycle.replaced import Record
from components.manifests.declared import DeclaredCluster
from components.vocabulary import OWNER
from tests.support.declared import declared
from tests.unit.api import FakeApi, connected

ME, SOMEBODY = "0123456789ab", "fedcba987654"
MINE = Record(ME)
ROOT = "apis/kubernetes.dask.org/v1"
HERE = f"{ROOT}/namespaces/lab/daskclusters"
EVERYWHERE = f"{ROOT}/daskclusters"
RECORD = "api/v1/namespaces/lab/configmaps/a-connection"


def target(name: str = "a", namespace: str = "lab", **cluster: Any) -> DeclaredCluster:
    return declared(name, cluster, namespace=namespace)


def live(name: str, instance: str = "a", namespace: str = "lab", owner: str | None = ME, **meta: Any) -> dict[str, Any]:
    labels = target(instance).labels | meta.pop("labels", {})
    own = {"name": name, "namespace": namespace, "uid": f"uid-of-{name}", "labels": labels}
    return {"metadata": own | {"annotations": {OWNER: owner} if owner else {}} | meta}


@pytest.fixture
def drained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was drained, and for how long at most."""
    seen: list[tuple[str, str]] = []

    async def until_idle(_: Any, namespace: str, name: str, timeout: str, settled: float | None) -> None:
        seen.append((f"{namespace}/{name}", timeout))

    monkeypatch.setattr(drain, "until_idle", until_idle)
    return seen


def run(
    monkeypatch: pytest.MonkeyPatch,
    clusters: Sequence[dict[str, Any]],
    record: Record = MINE,
    declared: Sequence[DeclaredCluster] = (),
    answers: dict[str, Any] | None = None,
) -> list[str]:
    """Returns the paths of what was deleted."""
    here = [it for it in clusters if it["metadata"]["namespace"] == "lab"]
    moved: dict[str, Any] = {path_of(target().endpoint): target().endpoint}
    moved |= {path("DaskCluster", it["metadata"]["namespace"], it["metadata"]["name"]): it for it in clusters}
    api = FakeApi(moved | {EVERYWHERE: {"items": list(clusters)}, HERE: {"items": here}} | (answers or {}))
    connected(monkeypatch, api)
    asyncio.run(replaced.drain_and_delete(Connection(), target(), declared or [target()], record))
    contents = [(method, json.loads(options["content"])) for method, _, options in api.sent]
    assert {(method, content["propagationPolicy"]) for method, content in contents} <= {("DELETE", "Foreground")}
    assert all(content["preconditions"]["uid"].startswith("uid-of-") for _, content in contents)
    return [path.removeprefix(f"{ROOT}/namespaces/") for _, path, _ in api.sent]


Drained = list[tuple[str, str]]


def test_a_first_creation_drains_nobody(monkeypatch: pytest.MonkeyPatch, drained: Drained) -> None:
    assert run(monkeypatch, [live(target().physical_name)]) == []
    assert drained == []


def test_a_version_that_only_a_lost_state_knew_is_reported(
    monkeypatch: pytest.MonkeyPatch, drained: Drained, logged: list[str]
) -> None:
    """It would stay for ever, and hold its memory. It may be in use by whoever has the other state."""
    taken_over, job = (
        live("a-taken", owner=SOMEBODY),
        live("a-job", owner=SOMEBODY, ownerReferences=[{"kind": "DaskJob"}]),
    )
    theirs = [live("a-lost", owner=SOMEBODY), live("b-1", "b", owner=SOMEBODY), live(target().physical_name), job]

    deleted = run(monkeypatch, [*theirs, taken_over], Record(ME, "a-taken"))

    assert (deleted, drained) == (["lab/daskclusters/a-taken"], [("lab/a-taken", "10m")])
    [words] = [line for line in logged if "another state" in line]
    assert words.startswith("a: the DaskCluster 'a-lost' is a version of it that another state has created")
    assert "`kubectl delete daskcluster -n lab a-lost`" in words


def test_an_old_version_is_deleted_as_soon_as_it_is_drained(monkeypatch: pytest.MonkeyPatch, drained: Drained) -> None:
    deleted = run(monkeypatch, [live("a-old"), live(target().physical_name)])

    assert drained == [("lab/a-old", "10m")]
    assert deleted == ["lab/daskclusters/a-old"]


@pytest.mark.parametrize(
    ("case", "cluster"),
    [
        ("another namespace", live("a-old", namespace="before")),
        ("another namespace, the same name", live(target().physical_name, namespace="before")),
        ("another name under dask:clusters", live("z-old", instance="z")),
        ("another stack's name", live("a-old", labels={"app.kubernetes.io/part-of": "dask-before"})),
    ],
)
def test_after_a_renaming_the_old_one_is_found_wherever_it_is(
    monkeypatch: pytest.MonkeyPatch, drained: Drained, case: str, cluster: dict[str, Any]
) -> None:
    meta = cluster["metadata"]

    deleted = run(monkeypatch, [cluster])

    assert deleted == [f"{meta['namespace']}/daskclusters/{meta['name']}"], case
    assert [where for where, _ in drained] == [f"{meta['namespace']}/{meta['name']}"]


@pytest.mark.parametrize(
    ("case", "cluster"),
    [
        ("declared by the program", live(target("b").physical_name, instance="b")),
        ("another declared cluster's old version, which has a record of its own", live("b-old", instance="b")),
        ("somebody's with the same stack name", live("a-old", owner=SOMEBODY)),
        ("somebody's elsewhere", live("a-old", namespace="theirs", owner=SOMEBODY)),
        ("a job's", live("nightly-1", instance="nightly", ownerReferences=[{"kind": "DaskJob"}])),
        ("being deleted", live("a-old", deletionTimestamp="2026-01-01T00:00:00Z")),
        ("let go by hand (docs/adoption.md)", live("z", "z", owner=None, labels={"app.kubernetes.io/part-of": ""})),
        ("let go by hand, of the same name", live("a-old", owner=None, labels={"app.kubernetes.io/part-of": ""})),
        ("another stack's without an id", live("z", "z", owner=None, labels={"app.kubernetes.io/part-of": "x-y"})),
    ],
)
def test_what_is_not_replaced_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, drained: Drained, case: str, cluster: dict[str, Any]
) -> None:
    deleted = run(monkeypatch, [cluster], declared=[target(), target("b")])

    assert (deleted, drained) == ([], []), case


def test_what_an_older_version_of_the_program_made_elsewhere_is_drained_and_left_to_the_engine(
    monkeypatch: pytest.MonkeyPatch, drained: Drained
) -> None:
    """It has no id: it may be the stack of somebody else who has given it the same name."""
    assert run(monkeypatch, [live("a-old", namespace="before", owner=None)]) == []
    assert drained == [("before/a-old", "10m")]


def test_a_program_without_an_id_sees_its_own_namespace_only(monkeypatch: pytest.MonkeyPatch, drained: Drained) -> None:
    """A component provider constructs one cluster at a time: the others of its stack are not replaced by it."""
    others = [live("b-1", instance="b", owner=None), live("a-old", namespace="before", owner=None)]

    assert run(monkeypatch, [live("a-old", owner=None), *others], Record()) == []
    assert drained == [("lab/a-old", "10m")]


@pytest.mark.parametrize("live_record", [True, False])
def test_the_one_that_the_record_names_is_deleted_whatever_its_labels_say(
    monkeypatch: pytest.MonkeyPatch, drained: Drained, live_record: bool
) -> None:
    other = live("a-old", owner=None, labels={"app.kubernetes.io/part-of": "dask-before"})
    body = target().connection | {"data": {"DASK_CLUSTER_NAME": "a-old"}}
    answers = {RECORD: body} if live_record else {}

    deleted = run(monkeypatch, [other], Record(None, None if live_record else "a-old"), answers=answers)

    assert deleted == ["lab/daskclusters/a-old"]


def test_a_cluster_whose_name_nobody_has_is_waited_for_as_long_as_any(
    monkeypatch: pytest.MonkeyPatch, drained: Drained
) -> None:
    declared = [target(), target("b", drainTimeout="2h"), target("c", drainTimeout="90m")]

    run(monkeypatch, [live("z-old", instance="z"), live("a-old")], declared=declared)

    assert drained == [("lab/a-old", "10m"), ("lab/z-old", "2h")]


@pytest.mark.parametrize(
    ("new", "other_is_ready", "is_drained", "is_deleted"),
    [
        pytest.param(True, True, True, True, id="the-last-new-cluster-takes-its-place"),
        pytest.param(True, False, True, False, id="another-new-cluster-may-take-its-place"),
        pytest.param(False, True, False, False, id="an-old-cluster-does-not-take-its-place"),
    ],
)
def test_a_renamed_cluster_is_not_deleted_before_all_new_ones_are_ready(
    monkeypatch: pytest.MonkeyPatch,
    drained: Drained,
    *,
    new: bool,
    other_is_ready: bool,
    is_drained: bool,
    is_deleted: bool,
) -> None:
    other = {"api/v1/namespaces/lab/configmaps/b-connection": target("b").connection} if other_is_ready else {}
    record = Record(ME, None if new else "a-before")

    deleted = run(monkeypatch, [live("z-old", instance="z")], record, [target(), target("b")], other)

    assert (bool(drained), bool(deleted)) == (is_drained, is_deleted)


BEFORE = f"{ROOT}/namespaces/before/daskclusters/a-old"


@pytest.mark.parametrize("first", [True, False])
def test_who_may_not_list_all_clusters_reads_those_that_the_state_knows(
    monkeypatch: pytest.MonkeyPatch, drained: Drained, *, first: bool
) -> None:
    moved = live("a-old", namespace="before")

    async def known(kind: str) -> list[Any]:
        assert (kind, first) == ("DaskCluster", True)
        return [moved, live("a-older")]

    monkeypatch.setattr(engine_state, "objects", known)

    deleted = run(
        monkeypatch, [live("a-older")], Record(ME, None if first else "a-older"), (), {EVERYWHERE: 403, BEFORE: moved}
    )

    assert deleted == ["lab/daskclusters/a-older", *["before/daskclusters/a-old"] * first]


@pytest.mark.parametrize("readable", [True, False])
def test_who_may_not_read_them_either_is_told(
    monkeypatch: pytest.MonkeyPatch, drained: Drained, logged: list[str], *, readable: bool
) -> None:

    async def known(_: str) -> list[Any]:
        return [live("a-old", namespace="before")]

    monkeypatch.setattr(engine_state, "objects", known)

    run(monkeypatch, [], Record(ME), (), {EVERYWHERE: 403, BEFORE: 404 if readable else 403})

    assert [("grant `get` or `list` on `daskclusters`" in line) for line in logged] == [True] * (not readable)


def test_what_could_not_be_drained_is_not_deleted_and_the_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    async def until_idle(_: Any, namespace: str, name: str, *__: Any) -> None:
        if name == "a-secret":
            raise ClusterError("may not see whether a-secret still has work")

    monkeypatch.setattr(drain, "until_idle", until_idle)
    sent: list[str] = []

    async def remember(_: Any, url: str, uid: str) -> None:
        sent.append(uid)

    monkeypatch.setattr(kube, "delete_with_children", remember)

    with pytest.raises(ClusterError, match="a-secret still has work"):
        run(monkeypatch, [live("a-secret"), live("a-old")])

    assert sent == ["uid-of-a-old"]


def test_nothing_is_drained_or_deleted_while_the_endpoint_leads_to_the_old_one(
    monkeypatch: pytest.MonkeyPatch, drained: Drained
) -> None:
    """As with a `--target` that names the record and not the endpoint."""
    unmoved = target().endpoint
    unmoved["spec"]["selector"]["dask.org/cluster-name"] = "a-old"

    with pytest.raises(ClusterError, match=r"the endpoint leads to a-old .* run `up` without `--target`"):
        run(monkeypatch, [live("a-old")], answers={path_of(unmoved): unmoved})

    assert drained == []


@pytest.mark.parametrize("terminating", [True, False])
def test_an_endpoint_does_not_move_to_a_cluster_that_is_being_deleted(
    monkeypatch: pytest.MonkeyPatch, terminating: bool
) -> None:
    meta = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if terminating else {}
    name = target().physical_name
    connected(monkeypatch, FakeApi({f"{HERE}/{name}": live(name, **meta)}))

    if terminating:
        with pytest.raises(ClusterError, match="is still being deleted"):
            asyncio.run(replaced.refuse_terminating(Connection(), target()))
    else:
        asyncio.run(replaced.refuse_terminating(Connection(), target()))
