"""`--replace` and `state taint`: what the state holds under the same name is not created a second time."""

import asyncio
from typing import Any

import pulumi
import pytest

from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.kube.paths import path_of
from components.lifecycle import engine_state, ownership
from components.lifecycle.ownership import Claim
from components.vocabulary import OWNER
from tests.unit.api import FakeApi, connected

ID = "0123456789ab"
API = {
    "DaskCluster": "kubernetes.dask.org/v1",
    "DaskWorkerGroup": "kubernetes.dask.org/v1",
    "Namespace": "v1",
    "Service": "v1",
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "Job": "batch/v1",
}
PLACELESS = ("Namespace", "ClusterRole")


def body(kind: str, name: str = "a") -> dict[str, Any]:
    place = {} if kind in PLACELESS else {"namespace": "lab"}
    metadata = {"name": name, "annotations": {OWNER: ID}, **place}
    return {"apiVersion": API[kind], "kind": kind, "metadata": metadata}


def state(*held: dict[str, Any], marks: tuple[str, ...] = ()) -> dict[str, Any]:
    found = {f"urn:pulumi:dev::dask::x::{index}": {"type": "x", "outputs": it} for index, it in enumerate(held)}
    return found | {f"urn:pulumi:dev::dask::Stash::{mark}": {"type": "Stash", "outputs": {}} for mark in marks}


def create(
    monkeypatch: pytest.MonkeyPatch,
    wanted: dict[str, Any],
    held: dict[str, Any] | Exception,
    *,
    dry_run: bool = False,
    deleted_first: bool = False,
    live: dict[str, Any] | None = None,
) -> None:
    """`wanted` is about to be created. It exists already, unless `live` says what does."""
    exists = {**wanted, "metadata": wanted["metadata"] | {"labels": {}}} if live is None else live

    async def invoke(token: str, arguments: dict[str, str]) -> Any:
        assert (token, arguments) == ("pulumi:pulumi:readStackResourceOutputs", {"stackName": "team/dask/dev"})
        if isinstance(held, Exception):
            raise held
        return {"outputs": held}

    connected(monkeypatch, FakeApi({path_of(wanted): exists} if exists else {}))
    monkeypatch.setattr(pulumi.runtime, "invoke_async", invoke)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: dry_run)
    for what, name in (("organization", "team"), ("project", "dask"), ("stack", "dev")):
        monkeypatch.setattr(pulumi, f"get_{what}", lambda name=name: name)
    asyncio.run(ownership.before_create(Connection(), wanted, Claim("dask-dev"), deleted_first=deleted_first))


@pytest.mark.parametrize("kind", API)
def test_what_the_state_holds_is_not_created_again_under_its_name(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    with pytest.raises(ClusterError, match=rf"{kind} 'a' cannot be replaced .*--replace.*state taint.*untaint"):
        create(monkeypatch, body(kind), state(body(kind)))


@pytest.mark.parametrize(
    ("kind", "fix"),
    [
        ("DaskCluster", "change one of its `annotations`: the new cluster starts next to this one"),
        ("DaskWorkerGroup", "change one of its `annotations`"),
        ("Namespace", "choose another `dask:namespace.name`"),
        ("Service", "run `kubectl delete -n lab service a` and `up`"),
        ("ClusterRole", "run `kubectl delete clusterrole a` and `up`"),
    ],
)
def test_it_is_said_how_to_start_it_anew(monkeypatch: pytest.MonkeyPatch, kind: str, fix: str) -> None:
    with pytest.raises(ClusterError) as refusal:
        create(monkeypatch, body(kind), state(body(kind)))

    assert fix in str(refusal.value)


@pytest.mark.parametrize("kind", API)
def test_a_preview_refuses_what_is_certainly_a_replacement(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """The provider deletes a Job or a Service first where a field cannot be changed; a preview cannot tell why."""
    refused = False
    try:
        create(monkeypatch, body(kind), state(body(kind)), dry_run=True)
    except ClusterError:
        refused = True

    assert refused == (kind in ("DaskCluster", "DaskWorkerGroup", "Namespace"))


def test_what_is_deleted_first_is_said_to_be_replaced_by_the_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    """`update: recreate`: the preview still finds the cluster, and `up` has deleted it by then."""
    create(monkeypatch, body("DaskCluster"), state(body("DaskCluster")), dry_run=True, deleted_first=True)

    with pytest.raises(ClusterError, match="cannot be replaced"):
        create(monkeypatch, body("DaskCluster"), state(body("DaskCluster")), deleted_first=True)


@pytest.mark.parametrize(
    ("case", "held"),
    [
        ("nothing, after an `up` that was killed", []),
        ("another name", [body("DaskCluster", "b")]),
        ("another kind of that name", [body("Service")]),
        ("what is no object", [{"output": ID}, {"metadata": None}]),
    ],
)
def test_what_the_state_does_not_hold_is_taken_over(
    monkeypatch: pytest.MonkeyPatch, case: str, held: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(pulumi.log, "info", lambda _: None)

    create(monkeypatch, body("DaskCluster"), state(*held))


def test_what_was_let_go_is_owned_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.log, "info", lambda _: None)
    held = state(body("Namespace"), body("Service"), marks=("workspace-let-go",))

    create(monkeypatch, body("Namespace"), held)

    with pytest.raises(ClusterError, match="cannot be replaced"):
        create(monkeypatch, body("Service"), held)


def test_a_state_that_cannot_be_read_is_told_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", lambda _: None)
    monkeypatch.setattr(pulumi.log, "warn", told.append)

    create(monkeypatch, body("Service"), RuntimeError("no backend client is available"))

    [line] = told
    assert "the state cannot be read" in line
    assert "no backend client" in line


def test_the_objects_of_a_kind_are_those_of_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    async def invoke(*_: Any) -> Any:
        return {"outputs": state(body("DaskCluster"), body("Service"), {"output": ID})}

    monkeypatch.setattr(pulumi.runtime, "invoke_async", invoke)
    for what in ("organization", "project", "stack"):
        monkeypatch.setattr(pulumi, f"get_{what}", lambda: "x")

    assert asyncio.run(engine_state.objects("DaskCluster")) == [body("DaskCluster")]
