"""The operator's CRDs, its neighbours, and how it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pulumi
import pytest

from components.configuration import parse
from components.kube import chart
from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.kube.paths import path
from components.lifecycle import crds
from components.lifecycle import operators as peers
from components.lifecycle.ownership import Claim
from components.settings.stack import Operator
from tests.unit.api import FakeApi, connected
from tests.unit.helm import record

DEPLOYMENTS = "apis/apps/v1/deployments"
VERSION = "2026.3.0"
OURS, OTHERS = "0123456789ab", "ba9876543210"
CLAIM = Claim("dask-dev")
CRDS = path("CustomResourceDefinition")


def operator(**settings: Any) -> Operator:
    return parse({"operator": settings}).operator


def deployment(namespace: str, *arguments: str, release: str = "theirs", replicas: int = 1) -> dict[str, Any]:
    containers = [{"name": chart.NAME, "args": ["--liveness=x", *arguments]}]
    metadata = {"name": "dask", "namespace": namespace, "labels": {"app.kubernetes.io/instance": release}}
    return {"metadata": metadata, "spec": {"replicas": replicas, "template": {"spec": {"containers": containers}}}}


def renamed(namespace: str, *arguments: str, replicas: int = 1) -> dict[str, Any]:
    """One whose chart got another name (`nameOverride`), which is its label then."""
    found = deployment(namespace, *arguments, replicas=replicas)
    found["spec"]["selector"] = {"matchLabels": {"app.kubernetes.io/name": "dask"}}
    found["spec"]["template"]["metadata"] = {"labels": {"app.kubernetes.io/name": "dask", "more": "yes"}}
    return found


class ByLabel(FakeApi):
    """Shows what has a label only to who asks for that label. No object here has the chart's."""

    @asynccontextmanager
    async def send(self, method: str, path: str, **options: Any) -> AsyncIterator[httpx.Response]:
        shown = self.answers.get(path)
        if isinstance(shown, dict) and options.get("params", {}).get("labelSelector"):
            yield httpx.Response(200, json={"items": []})
            return
        async with super().send(method, path, **options) as answer:
            yield answer


def crd(name: str, *versions: str, extra: str = "") -> dict[str, Any]:
    served = [{"name": version, "served": True} for version in versions]
    return {"metadata": {"name": name}, "spec": {"versions": served, "extra": extra}}


class TestCrds:
    def plan(self, live: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> list[tuple[str, str]]:
        steps = asyncio.run(crds.plan(FakeApi({CRDS: {"items": live}}), wanted, VERSION))  # type: ignore[arg-type]
        return [(step, body["metadata"]["name"]) for step, body in steps]

    def test_the_chart_has_all_four(self) -> None:
        found = {body["spec"]["names"]["kind"] for body in chart.crds(chart.bundled())}

        assert found == {"DaskCluster", "DaskWorkerGroup", "DaskAutoscaler", "DaskJob"}

    def test_missing_and_changed_ones_are_applied_and_current_ones_left_alone(self) -> None:
        current = crds.stamped(crd("same", "v1"), VERSION)

        steps = self.plan(
            [current, crd("old", "v1")], [crd("same", "v1"), crd("old", "v1", extra="x"), crd("new", "v1")]
        )

        assert steps == [("update", "old"), ("create", "new")]

    def test_a_version_that_the_cluster_serves_is_not_dropped(self) -> None:
        with pytest.raises(
            ClusterError, match="no longer serves v1, which the cluster has; use a newer operator chart"
        ):
            self.plan([crd("one", "v1")], [crd("one", "v2")])

    def test_those_of_a_newer_chart_are_not_replaced_by_an_older_ones(self) -> None:
        newer = crds.stamped(crd("one", "v1", extra="new field"), "2026.10.0")

        with pytest.raises(
            ClusterError, match=r"CRD one is that of the operator's chart 2026.10.0, and this stack's chart 2026.3.0"
        ):
            self.plan([newer], [crd("one", "v1")])

    @pytest.mark.parametrize("version", ["2025.12.1", VERSION])
    def test_those_of_an_older_chart_or_of_the_same_are_replaced(self, version: str) -> None:
        older = crds.stamped(crd("one", "v1", extra="old field"), version)

        assert self.plan([older], [crd("one", "v1")]) == [("update", "one")]

    def test_they_are_applied_server_side(self) -> None:
        api = FakeApi({CRDS: {"items": []}})
        steps = asyncio.run(crds.plan(api, [crd("one", "v1")], VERSION))  # type: ignore[arg-type]

        asyncio.run(crds.apply(api, steps))  # type: ignore[arg-type]

        [(method, url, options)] = api.sent
        assert (method, url) == ("PATCH", f"{CRDS}/one")
        assert options["params"] == {"fieldManager": "dask-on-kubernetes", "force": "true"}

    def test_all_of_them_are_under_way_at_once(self) -> None:
        names, all_sent = ["one", "two", "three"], asyncio.Barrier(3)

        class Waiting(FakeApi):
            @asynccontextmanager
            async def send(self, method: str, path: str, **options: Any) -> AsyncIterator[httpx.Response]:
                if method == "PATCH":
                    await all_sent.wait()
                async with super().send(method, path, **options) as answer:
                    yield answer

        async def apply(api: Any) -> None:
            steps = await crds.plan(api, [crd(name, "v1") for name in names], VERSION)
            await asyncio.wait_for(crds.apply(api, steps), timeout=5)

        api = Waiting({CRDS: {"items": []}})
        asyncio.run(apply(api))

        assert {url for _, url, _ in api.sent} == {f"{CRDS}/{name}" for name in names}


class TestPeers:
    def refuse(self, ours: Operator, *others: dict[str, Any], records: list[dict[str, Any]] | None = None) -> None:
        api = FakeApi({DEPLOYMENTS: {"items": list(others)}, "api/v1/secrets": {"items": records or []}})
        asyncio.run(peers.refuse_second_operator(api, ours, OURS, CLAIM))  # type: ignore[arg-type]

    def test_a_second_one_for_all_namespaces_is_refused(self) -> None:
        with pytest.raises(ClusterError, match="'dask' in namespace 'elsewhere' already watches all namespaces"):
            self.refuse(operator(), deployment("elsewhere", "--all-namespaces"))

    def test_one_for_all_and_one_for_some_are_refused(self) -> None:
        with pytest.raises(ClusterError, match="already watches namespace 'red'"):
            self.refuse(operator(), deployment("elsewhere", "--namespace=red"))

    def test_a_shared_namespace_is_refused(self) -> None:
        with pytest.raises(ClusterError, match="already watches namespace 'red'"):
            self.refuse(
                operator(watch=["red", "blue"]), deployment("elsewhere", "--namespace=red", "--namespace=green")
            )

    def test_namespaces_of_their_own_get_along(self) -> None:
        self.refuse(operator(watch=["blue"]), deployment("elsewhere", "--namespace=red"))

    @pytest.mark.parametrize(
        ("arguments", "shared"),
        [
            (["-n", "red"], "namespace 'red'"),
            (["--namespace", "red"], "namespace 'red'"),
            (["--namespace=team-*", "--namespace=re?"], "namespace 'red'"),
            (["--verbose"], "namespace 'red'"),
        ],
    )
    def test_a_command_line_is_read_as_kopf_reads_it(self, arguments: list[str], shared: str) -> None:
        with pytest.raises(ClusterError, match=f"already watches {shared}"):
            self.refuse(operator(watch=["red"]), deployment("elsewhere", *arguments))

    def test_who_may_not_list_everywhere_looks_in_the_watched_namespaces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[str] = []
        monkeypatch.setattr(pulumi.log, "warn", told.append)
        there = {"items": [deployment("red", "--namespace=red")]}
        api = FakeApi({DEPLOYMENTS: 403, "apis/apps/v1/namespaces/red/deployments": there})

        with pytest.raises(ClusterError, match="already watches namespace 'red'"):
            asyncio.run(peers.refuse_second_operator(api, operator(watch=["red"]), OURS, CLAIM))  # type: ignore[arg-type]

        assert "an operator in another namespace would go unnoticed" in told[0]

    def test_our_own_release_is_no_stranger(self) -> None:
        self.refuse(operator(), deployment("dask-operator", "--all-namespaces", release="dask-operator"))

    def test_another_release_in_the_same_namespace_is_one(self) -> None:
        with pytest.raises(ClusterError, match="'dask' in namespace 'dask-operator' already watches all"):
            self.refuse(operator(createNamespace=False), deployment("dask-operator", release="by-hand"))

    def test_our_own_release_may_move_to_another_namespace(self) -> None:
        before = deployment("before", release="dask-operator")

        self.refuse(operator(namespace="after"), before, records=[record(7, OURS, namespace="before")])

    @pytest.mark.parametrize("records", [[], [record(7, OTHERS, namespace="before")], [record(7, OURS)]])
    def test_somebody_elses_release_of_our_name_is_refused(self, records: list[dict[str, Any]]) -> None:
        with pytest.raises(ClusterError, match="in namespace 'before' already watches all namespaces"):
            self.refuse(operator(namespace="after"), deployment("before", release="dask-operator"), records=records)

    def test_one_that_is_terminating_does_not_count(self) -> None:
        going = deployment("elsewhere")
        going["metadata"]["deletionTimestamp"] = "now"

        self.refuse(operator(), going)


class TestRenamed:
    """An operator whose chart got another name is found by what it runs: everywhere where one is looked for."""

    WEB = {"metadata": {"name": "web", "namespace": "web"}, "spec": {"template": {"spec": {"containers": [{}]}}}}

    def api(self, where: str, *found: dict[str, Any]) -> ByLabel:
        return ByLabel({where: {"items": [self.WEB, *found]}})

    def test_a_second_one_is_refused(self) -> None:
        api = self.api(DEPLOYMENTS, renamed("elsewhere"))

        with pytest.raises(ClusterError, match="'dask' in namespace 'elsewhere' already watches all namespaces"):
            asyncio.run(peers.refuse_second_operator(api, operator(), OURS, CLAIM))  # type: ignore[arg-type]

    @pytest.mark.parametrize(("replicas", "words"), [(1, ""), (0, "is scaled to 0")])
    def test_its_trouble_is_its_own(self, replicas: int, words: str) -> None:
        api = self.api(TestTrouble.HERE, renamed("ops", replicas=replicas))

        assert words in (asyncio.run(peers.trouble(api, "ops")) or "")  # type: ignore[arg-type]
        assert "is missing" not in (asyncio.run(peers.trouble(api, "ops")) or "")  # type: ignore[arg-type]

    def test_a_network_policy_lets_its_pods_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connected(monkeypatch, self.api(DEPLOYMENTS, renamed("ops")))

        [home] = asyncio.run(peers._found_homes(Connection(), "dask-operator", "lab"))

        assert home == ("ops", {"app.kubernetes.io/name": "dask"})

    def test_a_network_policy_lets_in_the_pods_of_our_own(self) -> None:
        named = operator(namespace="ops", values={"nameOverride": "dask"})

        assert peers.operator_homes(Connection(), named, "lab") == [("ops", {"app.kubernetes.io/name": "dask"})]


class TestTrouble:
    HERE = "apis/apps/v1/namespaces/ops/deployments"

    def told(self, answer: Any) -> str | None:
        return asyncio.run(peers.trouble(FakeApi({self.HERE: answer}), "ops"))  # type: ignore[arg-type]

    def test_an_operator_at_work_is_none(self) -> None:
        assert self.told({"items": [deployment("ops")]}) is None

    def test_a_missing_one_is_told_with_the_way_back(self) -> None:
        words = self.told({"items": []})

        assert words is not None
        assert "Deployment in namespace 'ops' is missing" in words
        assert "`pulumi up --replace '**::release'`" in words

    def test_one_that_is_scaled_to_nothing_is_told_with_the_command(self) -> None:
        words = self.told({"items": [deployment("ops", replicas=0)]})

        assert words is not None
        assert "`kubectl scale deployment -n ops dask --replicas=1`" in words

    def test_who_may_not_look_is_told_nothing(self) -> None:
        assert self.told(403) is None


class TestHomes:
    def homes(self, monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[str]:
        connected(monkeypatch, FakeApi({DEPLOYMENTS: answer}))
        homes = asyncio.run(peers._found_homes(Connection(), "dask-operator", "lab"))
        assert all(labels == chart.SELECTOR for _, labels in homes)
        return [namespace for namespace, _ in homes]

    def test_they_are_where_an_operator_looks_after_the_namespace(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = [deployment("all"), deployment("ours", "--namespace=lab"), deployment("theirs", "--namespace=red")]

        assert self.homes(monkeypatch, {"items": found}) == ["all", "ours"]

    def test_where_there_is_none_yet_the_guess_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[str] = []
        monkeypatch.setattr(pulumi.log, "warn", told.append)

        assert self.homes(monkeypatch, {"items": []}) == ["dask-operator"]
        assert "the network policy allows one in 'dask-operator'; set `dask:operator.namespace`" in told[0]

    def test_who_may_not_look_has_to_say_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ClusterError, match=r"dask:namespace.networkPolicies: .* set `dask:operator.namespace`"):
            self.homes(monkeypatch, 403)

    def test_who_says_it_or_installs_one_is_not_looked_for(self) -> None:
        for settings in ({"namespace": "ops"}, {"namespace": "ops", "install": False}):
            assert peers.operator_homes(Connection(), operator(**settings), "lab") == [("ops", chart.SELECTOR)]
