"""What is there before the engine makes it: taken over where it is the stack's own, and left alone otherwise."""

import asyncio
from typing import Any

import pulumi
import pytest

from components import kube, ownership
from components.errors import ClusterError
from components.kube import Connection
from components.names import PART_OF
from tests.unit.api import FakeApi

OWNER = "dask-dev"
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "namespace": "lab"}}
URL = "api/v1/namespaces/lab/services/a"


def look(monkeypatch: pytest.MonkeyPatch, live: Any, body: Any = SERVICE, url: str = URL) -> None:
    async def connect(_: Connection) -> FakeApi:
        return FakeApi({url: live} if live else {})

    monkeypatch.setattr(kube, "api", connect)
    monkeypatch.setattr(ownership, "POLL_SECONDS", 0)
    asyncio.run(ownership.refuse_foreign(Connection(), body, OWNER))


def owned_by(owner: str | None, kind: str = "Service", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"labels": {PART_OF: owner} if owner else {}}} | more


def test_nothing_there_is_nothing_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    look(monkeypatch, None)


def test_what_an_interrupted_up_has_made_is_taken_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    look(monkeypatch, owned_by(OWNER))


@pytest.mark.parametrize(
    ("live", "words"),
    [
        (owned_by("dask-prod"), r"Service 'a' is there already and belongs to 'dask-prod', so it is left alone"),
        (owned_by(None), r"Service 'a' is there already and was not made by this program.* choose another name"),
    ],
)
def test_what_belongs_to_others_is_refused(monkeypatch: pytest.MonkeyPatch, live: Any, words: str) -> None:
    with pytest.raises(ClusterError, match=words):
        look(monkeypatch, live)


def test_another_stacks_namespace_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab"}}

    with pytest.raises(
        ClusterError, match=r"Namespace 'lab' .*`dask:operator.install: false` .*`dask:namespace.create: false`"
    ):
        look(monkeypatch, owned_by("dask-prod", "Namespace"), body, "api/v1/namespaces/lab")


def test_certificates_in_use_are_not_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClusterError, match="certificates that the state does not know"):
        look(monkeypatch, owned_by(OWNER, "Secret", data={"ca.crt": "x"}))


def test_what_is_going_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    going = owned_by("dask-prod")
    going["metadata"]["deletionTimestamp"] = "now"
    answers: list[Any] = [going, going, 404]

    look(monkeypatch, lambda: answers.pop(0))

    assert answers == []


def test_a_preview_needs_no_kubernetes_and_an_update_does(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: Connection) -> FakeApi:
        raise ClusterError("cannot reach it")

    monkeypatch.setattr(kube, "api", fail)
    with pytest.raises(ClusterError, match="cannot reach it"):
        asyncio.run(ownership.refuse_foreign(Connection(), SERVICE, OWNER))
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    asyncio.run(ownership.refuse_foreign(Connection(), SERVICE, OWNER))


def test_a_preview_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    going = owned_by(OWNER)
    going["metadata"]["deletionTimestamp"] = "now"

    look(monkeypatch, going)


@pytest.mark.parametrize(
    ("api_version", "kind", "namespace", "url"),
    [
        ("v1", "Namespace", None, "api/v1/namespaces/x"),
        ("networking.k8s.io/v1", "NetworkPolicy", "n", "apis/networking.k8s.io/v1/namespaces/n/networkpolicies/x"),
        ("policy/v1", "PodDisruptionBudget", "n", "apis/policy/v1/namespaces/n/poddisruptionbudgets/x"),
        ("kubernetes.dask.org/v1", "DaskCluster", "n", "apis/kubernetes.dask.org/v1/namespaces/n/daskclusters/x"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", None, "apis/rbac.authorization.k8s.io/v1/clusterroles/x"),
    ],
)
def test_where_an_object_is(api_version: str, kind: str, namespace: str | None, url: str) -> None:
    metadata = {"name": "x"} | ({"namespace": namespace} if namespace else {})

    assert kube.url({"apiVersion": api_version, "kind": kind, "metadata": metadata}) == url
