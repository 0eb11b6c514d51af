"""The operator's CRDs, its neighbours, and its chart."""

import asyncio
from typing import Any

import pulumi
import pytest

from components import chart, crds, peers
from components.errors import ClusterError
from components.settings import Operator, parse
from tests.unit.api import FakeApi

DEPLOYMENTS = "apis/apps/v1/deployments"


def operator(**settings: Any) -> Operator:
    return parse({"operator": settings}).operator


def deployment(namespace: str, *arguments: str) -> dict[str, Any]:
    containers = [{"name": "operator", "args": ["--liveness=x", *arguments]}]
    metadata = {"name": "dask", "namespace": namespace}
    return {"metadata": metadata, "spec": {"template": {"spec": {"containers": containers}}}}


def crd(name: str, *versions: str, extra: str = "") -> dict[str, Any]:
    served = [{"name": version, "served": True} for version in versions]
    return {"metadata": {"name": name}, "spec": {"versions": served, "extra": extra}}


class TestCrds:
    def plan(self, live: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> list[tuple[str, str]]:
        steps = asyncio.run(crds.plan(FakeApi({crds.URL: {"items": live}}), wanted))  # type: ignore[arg-type]
        return [(step, body["metadata"]["name"]) for step, body in steps]

    def test_the_chart_has_all_four(self) -> None:
        found = {body["spec"]["names"]["kind"] for body in crds.read(chart.bundled())}

        assert found == {"DaskCluster", "DaskWorkerGroup", "DaskAutoscaler", "DaskJob"}

    def test_missing_and_changed_ones_are_applied_and_current_ones_left_alone(self) -> None:
        current = crds.stamped(crd("same", "v1"))

        steps = self.plan(
            [current, crd("old", "v1")], [crd("same", "v1"), crd("old", "v1", extra="x"), crd("new", "v1")]
        )

        assert steps == [("update", "old"), ("create", "new")]

    def test_a_version_that_the_cluster_serves_is_not_dropped(self) -> None:
        with pytest.raises(
            ClusterError, match="no longer serves v1, which the cluster has; use a newer operator chart"
        ):
            self.plan([crd("one", "v1")], [crd("one", "v2")])

    def test_they_are_applied_server_side(self) -> None:
        api = FakeApi({crds.URL: {"items": []}})
        steps = asyncio.run(crds.plan(api, [crd("one", "v1")]))  # type: ignore[arg-type]

        asyncio.run(crds.apply(api, steps))  # type: ignore[arg-type]

        [(method, url, options)] = api.sent
        assert (method, url) == ("PATCH", f"{crds.URL}/one")
        assert options["params"] == {"fieldManager": "dask-on-kubernetes", "force": "true"}


class TestPeers:
    def refuse(self, ours: Operator, *others: dict[str, Any]) -> None:
        api = FakeApi({DEPLOYMENTS: {"items": list(others)}})
        asyncio.run(peers.refuse_second_operator(api, ours))  # type: ignore[arg-type]

    def test_a_second_one_for_all_namespaces_is_refused(self) -> None:
        with pytest.raises(ClusterError, match="'dask' in namespace 'elsewhere' already looks after all namespaces"):
            self.refuse(operator(), deployment("elsewhere", "--all-namespaces"))

    def test_one_for_all_and_one_for_some_are_refused(self) -> None:
        with pytest.raises(ClusterError, match="already looks after namespace 'red'"):
            self.refuse(operator(), deployment("elsewhere", "--namespace=red"))

    def test_a_shared_namespace_is_refused(self) -> None:
        with pytest.raises(ClusterError, match="already looks after namespace 'red'"):
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
        with pytest.raises(ClusterError, match=f"already looks after {shared}"):
            self.refuse(operator(watch=["red"]), deployment("elsewhere", *arguments))

    def test_who_may_not_list_everywhere_looks_in_the_watched_namespaces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[str] = []
        monkeypatch.setattr(pulumi.log, "warn", told.append)
        there = {"items": [deployment("red", "--namespace=red")]}
        api = FakeApi({DEPLOYMENTS: 403, "apis/apps/v1/namespaces/red/deployments": there})

        with pytest.raises(ClusterError, match="already looks after namespace 'red'"):
            asyncio.run(peers.refuse_second_operator(api, operator(watch=["red"])))  # type: ignore[arg-type]

        assert "an operator elsewhere would not be seen" in told[0]

    def test_our_own_release_is_no_stranger(self) -> None:
        self.refuse(operator(), deployment("dask-operator", "--all-namespaces"))


class TestChart:
    def test_a_namespaced_operator_sets_role_and_arguments_together(self) -> None:
        values = chart.values(operator(watch=["red"]))

        assert (values["rbac"]["cluster"], values["kopfArgs"]) == (False, ["--namespace=red"])

    def test_who_may_grant_nothing_cluster_wide_leaves_the_charts_role_out(self) -> None:
        values = chart.values(operator(watch=["red"], clusterRole=False))

        assert values["rbac"] == {"create": False, "cluster": False}

    def test_an_operator_for_all_leaves_the_charts_defaults(self) -> None:
        assert not {"rbac", "kopfArgs"} & chart.values(operator()).keys()

    def test_own_values_are_laid_over_ours(self) -> None:
        values = chart.values(operator(values={"livenessProbe": {"timeoutSeconds": 60}, "nodeSelector": {"a": "b"}}))

        assert values["livenessProbe"] == {"timeoutSeconds": 60}
        assert values["nodeSelector"] == {"a": "b"}

    def test_a_chart_from_a_repository_keeps_its_own_tag(self) -> None:
        values = chart.values(operator(chart={"repository": "https://helm.dask.org", "version": "2026.3.0"}))

        assert "tag" not in values["image"]
