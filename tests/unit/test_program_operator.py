"""What the whole program registers for the operator: the release, its permissions, and the order of deletions."""

import pytest

from components.kube import chart
from tests.unit.conftest import Program
from tests.unit.registrations import OWNER_ID


def test_a_stack_that_does_not_own_the_operator_installs_none(program: Program) -> None:
    recording = program(clusters={"a": {}}, operator={"install": False})

    assert not recording.of_kind("Release")
    assert [made.name for made in recording.of_kind("Namespace")] == ["namespace"]


def test_a_namespaced_operator_gets_its_rights_where_it_watches(program: Program) -> None:
    recording = program(operator={"watch": ["red", "blue"]})

    values = recording.only("Release").inputs["values"]
    assert values["kopfArgs"] == ["--namespace=red", "--namespace=blue"]
    assert values["rbac"]["cluster"] is False
    assert {made.inputs["metadata"]["namespace"] for made in recording.of_kind("Role")} == {"red", "blue"}
    assert recording.only("ClusterRoleBinding").inputs["roleRef"]["name"] == "dask-operator-dask-operator"
    verbs = {verb for rule in recording.only("ClusterRole").inputs["rules"] for verb in rule["verbs"]}
    assert verbs == {"list", "watch"}


def test_who_may_make_no_cluster_role_does_without(program: Program) -> None:
    recording = program(operator={"watch": ["red"], "clusterRole": False})

    assert not recording.of_kind("ClusterRole")
    assert recording.of_kind("Role")


def test_an_operator_of_all_namespaces_has_its_rights_from_the_chart(program: Program) -> None:
    recording = program()

    assert not recording.of_kind("ClusterRole")
    assert not recording.of_kind("Role")


def test_the_operators_image_is_the_wheels_version(program: Program) -> None:
    release = program().only("Release")

    assert release.inputs["values"]["image"]["tag"] == "2026.3.0"
    assert release.inputs["chart"].endswith("dask-kubernetes-operator")
    assert release.inputs["chart"] == ".operator-chart/dask-kubernetes-operator"
    assert release.inputs["skipCrds"] is True


def test_nothing_is_created_before_it_is_known_to_be_ours(program: Program) -> None:
    recording = program(clusters={"a": {"tls": {"enabled": True}}}, operator={"watch": ["dask"]})

    unguarded = {
        made.type.rsplit(":", 1)[-1]
        for made in recording.registrations
        if made.type.startswith("kubernetes:") and "ownership" not in made.request.hooks.before_create
    }

    assert unguarded == {"Release"}
    assert recording.made["kubernetes"].inputs["upsertExistingObjects"] == "true"


def test_the_release_says_whose_it_is_and_which_chart_it_holds(program: Program) -> None:
    release = program().only("Release")

    assert release.inputs["values"]["daskOnKubernetes"] == {
        "owner": OWNER_ID,
        "partOf": "dask-dev",
        "chart": chart.content(),
    }
    assert release.request.deleteBeforeReplace


def test_clusters_go_before_the_operator_and_both_before_the_namespaces(program: Program) -> None:
    recording = program(clusters={"analytics": {}})

    assert "release" in recording.only("DaskCluster").depends_on
    assert "namespace" in recording.only("DaskCluster").depends_on
    assert "namespace" in recording.made["release"].depends_on


@pytest.mark.parametrize(
    ("repository", "whole", "repository_of"),
    [
        ("https://helm.dask.org", "dask-kubernetes-operator", "https://helm.dask.org"),
        ("https://helm.example.com/dask/", "dask-kubernetes-operator", "https://helm.example.com/dask"),
        ("oci://ghcr.io/dask/charts", "oci://ghcr.io/dask/charts/dask-kubernetes-operator", None),
        ("oci://r.example.com/dask-kubernetes-operator", "oci://r.example.com/dask-kubernetes-operator", None),
    ],
)
def test_a_chart_of_a_repository_has_the_address_that_helm_knows(
    program: Program, repository: str, whole: str, repository_of: str | None
) -> None:
    """Helm takes a chart of a registry by its own address, and no `oci://` as a repository (provider, locateChart)."""
    made = program(operator={"chart": {"repository": repository, "version": "2026.3.0"}}).only("Release").inputs

    assert (made["chart"], made["version"]) == (whole, "2026.3.0")
    assert made.get("repositoryOpts", {}).get("repo") == repository_of
