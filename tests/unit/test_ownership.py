"""What exists before the engine creates or changes it: taken over where it is the stack's own, otherwise left alone."""

import asyncio
from typing import Any

import pulumi
import pytest

from components.kube import wait
from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.kube.paths import path_of
from components.lifecycle import engine_state, ownership
from components.lifecycle.ownership import Claim
from components.vocabulary import OWNER, PART_OF
from tests.support.clock import FakeClock
from tests.unit.api import FakeApi, connected

STACK = "dask-dev"
OURS, OTHERS = "0123456789ab", "ba9876543210"
URL = "api/v1/namespaces/lab/services/a"


def declared(kind: str = "Service", **metadata: Any) -> dict[str, Any]:
    meta = {"name": "a", "namespace": "lab", "annotations": {OWNER: OURS}} | metadata
    return {"apiVersion": "v1", "kind": kind, "metadata": meta}


def live(part_of: str | None, owner: str | None = None, kind: str = "Service", **more: Any) -> dict[str, Any]:
    labels, annotations = {PART_OF: part_of} if part_of else {}, {OWNER: owner} if owner else {}
    return {"kind": kind, "metadata": {"name": "a", "labels": labels, "annotations": annotations}} | more


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    for level in ("info", "warn"):
        monkeypatch.setattr(pulumi.log, level, lambda text, level=level: lines.append(f"{level}: {text}"))
    return lines


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    async def nothing() -> dict[str, Any]:
        return {}

    monkeypatch.setattr(engine_state, "resources", nothing)
    FakeClock().install(monkeypatch)
    monkeypatch.setattr(pulumi, "get_project", lambda: "dask")


SECRET = "api/v1/namespaces/lab/secrets/a"


def certificates(owner: str | None, clusters: list[Any]) -> FakeApi:
    """TLS material of a cluster, on a Kubernetes with these DaskClusters of its name."""
    found = live(STACK, owner, "Secret", data={"ca.crt": "x"})
    found["metadata"] |= {"namespace": "lab"}
    found["metadata"]["labels"]["app.kubernetes.io/instance"] = "a"
    api = FakeApi({"apis/kubernetes.dask.org/v1/namespaces/lab/daskclusters": {"items": clusters}})
    api.answers[SECRET] = lambda: 404 if api.sent else found
    return api


def write(monkeypatch: pytest.MonkeyPatch, api: FakeApi, body: Any) -> None:
    connected(monkeypatch, api)
    asyncio.run(ownership.before_create(Connection(), body, Claim(STACK)))


def ask(
    monkeypatch: pytest.MonkeyPatch, there: Any, body: Any = None, url: str = URL, take_over: bool = False, of: str = ""
) -> None:
    connected(monkeypatch, FakeApi({url: there} if there else {}))
    look = ownership.before_update if of == "update" else ownership.before_create
    asyncio.run(look(Connection(), body or declared(), Claim(STACK, take_over)))


class TestCreate:
    def test_nothing_there_is_nothing_to_say(self, monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
        ask(monkeypatch, None)

        assert told == []

    def test_what_an_interrupted_up_has_created_is_taken_over_and_told(
        self, monkeypatch: pytest.MonkeyPatch, told: list[str]
    ) -> None:
        ask(monkeypatch, live(STACK, OURS))

        assert told == ["info: Service 'a' already exists and belongs to this stack: taking it over"]

    def test_what_an_earlier_version_has_created_is_taken_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ask(monkeypatch, live(STACK))

    def test_what_this_state_has_created_is_its_own_under_another_stack_name(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ask(monkeypatch, live("dask-before-its-renaming", OURS))

    def test_a_program_without_the_label_knows_its_objects_by_the_annotation(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ask(monkeypatch, live(None, OURS))

    @pytest.mark.parametrize("take_over", [False, True])
    @pytest.mark.parametrize(
        ("there", "words"),
        [
            (live("dask-prod"), r"Service 'a' already exists and belongs to 'dask-prod', so it is left alone"),
            (live("dask-prod", OTHERS), r"belongs to 'dask-prod', so it is left alone"),
            (live(None), r"Service 'a' already exists and was not created by this program.* choose another name"),
        ],
    )
    def test_what_belongs_to_other_stacks_is_always_refused(
        self, monkeypatch: pytest.MonkeyPatch, there: Any, words: str, take_over: bool
    ) -> None:
        with pytest.raises(ClusterError, match=words):
            ask(monkeypatch, there, take_over=take_over)

    @pytest.mark.parametrize("dry_run", [True, False])
    def test_another_persons_stack_of_the_same_name_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, dry_run: bool
    ) -> None:
        monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: dry_run)
        there = live(STACK, OTHERS)
        there["metadata"]["managedFields"] = [
            {"manager": "kopf", "time": "2026-11-20T10:00:00Z"},
            {"manager": "pulumi-kubernetes-1a2b", "time": "2026-11-24T10:00:00Z"},
            {"manager": "before-first-apply"},
        ]

        with pytest.raises(
            ClusterError,
            match=r"Service 'a' belongs to another state of a stack 'dask-dev', last written by "
            r"'pulumi-kubernetes-1a2b' at 2026-11-24T10:00:00Z: .* run `pulumi config set dask:takeOver true`",
        ):
            ask(monkeypatch, there)

    @pytest.mark.parametrize("dry_run", [True, False])
    def test_a_lost_state_takes_over_where_it_is_asked_to_and_says_so(
        self, monkeypatch: pytest.MonkeyPatch, told: list[str], dry_run: bool
    ) -> None:
        monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: dry_run)

        ask(monkeypatch, live(STACK, OTHERS), take_over=True)

        assert (
            told[0]
            == "warn: Service 'a' belongs to another state of 'dask-dev': taking it over, because takeOver is set"
        )

    def test_another_stacks_namespace_is_not_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab"}}

        with pytest.raises(
            ClusterError, match=r"Namespace 'lab' .*`dask:operator.install: false` .*`dask:namespace.create: false`"
        ):
            ask(monkeypatch, live("dask-prod", kind="Namespace"), body, "api/v1/namespaces/lab")

    @pytest.mark.parametrize("owner", [None, OURS])
    def test_certificates_in_use_are_not_overwritten(self, monkeypatch: pytest.MonkeyPatch, owner: str | None) -> None:
        api = certificates(owner, clusters=[{}])

        with pytest.raises(ClusterError, match="certificates that the state does not know"):
            write(monkeypatch, api, declared("Secret"))

        assert api.sent == []

    @pytest.mark.parametrize("dry_run", [True, False])
    def test_certificates_that_an_interrupted_up_has_left_and_nobody_uses_are_made_again(
        self, monkeypatch: pytest.MonkeyPatch, dry_run: bool
    ) -> None:
        monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: dry_run)
        api = certificates(OURS, clusters=[])

        write(monkeypatch, api, declared("Secret"))

        assert [method for method, _, _ in api.sent] == ([] if dry_run else ["DELETE"])

    def test_a_terminating_object_is_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminating = live("dask-prod")
        terminating["metadata"]["deletionTimestamp"] = "now"
        answers: list[Any] = [terminating, terminating, 404]

        ask(monkeypatch, lambda: answers.pop(0))

        assert answers == []

    @pytest.mark.parametrize("grace", [0, 30, 3600])
    def test_a_terminating_group_is_waited_for_while_its_workers_may_end_their_tasks(
        self, monkeypatch: pytest.MonkeyPatch, told: list[str], grace: int
    ) -> None:
        terminating = live("dask-prod", spec={"worker": {"spec": {"terminationGracePeriodSeconds": grace}}})
        terminating["metadata"]["deletionTimestamp"] = "now"
        ends_at = wait.now() + grace + 100

        ask(monkeypatch, lambda: terminating if wait.now() < ends_at else 404)

        assert wait.now() >= ends_at
        assert told == [
            f"info: Service 'a' is still terminating: waiting until it is deleted, for up to {grace + 120} s"
        ]

    def test_one_that_outlasts_its_workers_is_reported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminating = live(STACK, OURS)
        terminating["metadata"]["deletionTimestamp"] = "now"

        with pytest.raises(
            ClusterError, match="Service 'a' is still terminating after 120 s: look at its pods and fin"
        ):
            ask(monkeypatch, terminating)

    def test_one_that_another_stack_creates_meanwhile_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminating = live(STACK, OURS)
        terminating["metadata"]["deletionTimestamp"] = "now"
        answers: list[Any] = [terminating, live("dask-prod")]

        with pytest.raises(ClusterError, match="Service 'a' already exists and belongs to 'dask-prod'"):
            ask(monkeypatch, lambda: answers.pop(0))

    def test_a_preview_does_not_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
        terminating = live(STACK)
        terminating["metadata"]["deletionTimestamp"] = "now"

        ask(monkeypatch, terminating)


class TestUpdate:
    @pytest.mark.parametrize("there", [None, live(STACK), live(STACK, OURS), live("dask-before-its-renaming", OURS)])
    def test_what_is_ours_is_updated(self, monkeypatch: pytest.MonkeyPatch, there: Any) -> None:
        ask(monkeypatch, there, of="update")

    def test_what_another_state_has_taken_over_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ClusterError, match="Service 'a' belongs to another state of a stack 'dask-dev'"):
            ask(monkeypatch, live(STACK, OTHERS), of="update")

    def test_what_another_state_has_taken_over_is_taken_back_where_that_is_asked_for(
        self, monkeypatch: pytest.MonkeyPatch, told: list[str]
    ) -> None:
        ask(monkeypatch, live(STACK, OTHERS), take_over=True, of="update")

        assert told == [
            "warn: Service 'a' belongs to another state of 'dask-dev': taking it over, because takeOver is set"
        ]


def test_a_preview_needs_no_kubernetes_and_an_update_does(monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, ClusterError("cannot reach it"))
    looks = (ownership.before_create, ownership.before_update)
    for look in looks:
        with pytest.raises(ClusterError, match="cannot reach it"):
            asyncio.run(look(Connection(), declared(), Claim(STACK)))
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    for look in looks:
        asyncio.run(look(Connection(), declared(), Claim(STACK)))


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

    assert path_of({"apiVersion": api_version, "kind": kind, "metadata": metadata}) == url
