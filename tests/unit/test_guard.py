"""Which objects of a program are guarded: all that are registered with the provider that takes over what exists."""

import json
from typing import Any

import pulumi
import pytest
from pulumi_kubernetes import Provider
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.kubernetes import Kubernetes
from components.lifecycle import annotations as objects
from components.lifecycle.annotations import NOT_ARGO_CDS
from components.vocabulary import OWNER, PATCH_FORCE
from tests.unit.api import FakeApi, connected
from tests.unit.registrations import OWNER_ID, Recording, Registration, record, registered

RELEASE = "kubernetes:helm.sh/v3:Release"
# Argo CD prunes no object that says so, whatever its labels are.
OURS = {OWNER: OWNER_ID, PATCH_FORCE: "true", **NOT_ARGO_CDS}


@pytest.fixture(autouse=True)
def nothing_there(monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, FakeApi())


def unguarded(recording: Recording) -> set[str]:
    return {made.name for made in recording.registrations if _is_object(made) and not _is_guarded(made)}


def _is_object(made: Registration) -> bool:
    return made.type.startswith("kubernetes:")


def _is_guarded(made: Registration) -> bool:
    hooks, annotations = made.request.hooks, made.inputs.get("metadata", {}).get("annotations", {})
    first = [list(hooks.before_create)[:1], list(hooks.before_update)[:1]]
    known = annotations.items() >= OURS.items()
    return first == [["ownership"], ["ownership-of-updates"]] and known


@pytest.mark.parametrize(
    "config",
    [
        {"clusters": {"a": {"tls": {"enabled": True}}}, "operator": {"watch": ["dask"]}},
        {"jobs": {"once": {"runner": {"script": "print(1)"}}}, "secrets": {"s": {"KEY": "value"}}},
        {"namespace": {"quota": {"pods": 9}, "limits": {"cpu": "1"}, "networkPolicies": True}},
        {"clusters": {"a": {"workers": {"minimum": 0, "maximum": 2}, "monitors": {"enabled": True}}}},
    ],
)
def test_the_main_programs_objects_are_guarded_and_its_release_guards_itself(config: Any) -> None:
    recording = registered(config)

    assert unguarded(recording) == {"release"}
    [release] = [made for made in recording.registrations if made.type == RELEASE]
    assert list(release.request.hooks.before_create) == ["operator-preflight"]
    assert recording.made["kubernetes"].inputs["upsertExistingObjects"] == "true"


def test_a_program_like_the_example_is_guarded() -> None:
    config = {"namespace": "lab", "cluster": {"workerGroups": {"big": {"replicas": 1}}}}
    recording = registered(config, "examples/own_program/__main__.py")

    assert [made.name for made in recording.registrations if made.type.endswith(":DaskCluster")]
    assert unguarded(recording) == set()


def test_a_programs_own_objects_are_guarded_where_they_use_the_provider() -> None:
    def program() -> None:
        where = Kubernetes()
        inside = pulumi.ComponentResource("my:own:Part", "part", {}, where.options)
        ConfigMap("plain", data={"a": "b"}, opts=where.options)
        ConfigMap("typed", metadata=ObjectMetaArgs(name="t"), opts=where.options)
        ConfigMap("child", metadata={"name": "c"}, opts=pulumi.ResourceOptions(parent=inside))

    assert unguarded(record(program)) == set()


def test_what_uses_another_provider_or_is_only_read_is_left_alone() -> None:
    def program() -> None:
        where = Kubernetes()
        other = Provider("other", context="elsewhere")
        ConfigMap("elsewhere", metadata={"name": "e"}, opts=pulumi.ResourceOptions(provider=other))
        Namespace.get("read", "lab", opts=where.options)

    recording = record(program)

    assert unguarded(recording) == {"elsewhere"}
    assert recording.made["elsewhere"].inputs["metadata"] == {"name": "e"}


def test_the_id_of_the_state_stays_what_it_was_when_it_was_made() -> None:
    recordings = [record(lambda: Kubernetes()) for _ in range(2)]

    made = [recording.made["owner"] for recording in recordings]
    assert [list(one.request.ignoreChanges) for one in made] == [["input"], ["input"]]
    assert made[0].inputs["input"] != made[1].inputs["input"]


class TestAnnotations:
    def annotated(self, props: dict[str, Any]) -> Any:
        return objects.annotated(props, OWNER_ID)["metadata"]  # type: ignore[arg-type]

    def test_they_are_added_to_what_is_declared(self) -> None:
        metadata = {"name": "a", "annotations": {"mine": "1"}}

        found = self.annotated({"metadata": metadata})

        assert found == {"name": "a", "annotations": {"mine": "1", **OURS}}
        assert metadata == {"name": "a", "annotations": {"mine": "1"}}

    def test_an_object_without_metadata_gets_some(self) -> None:
        assert self.annotated({}) == {"annotations": OURS}

    def test_a_programs_own_typed_metadata_is_copied(self) -> None:
        metadata = ObjectMetaArgs(name="a")

        found = self.annotated({"metadata": metadata})

        assert (found.name, found.annotations) == ("a", OURS)
        assert metadata.annotations is None

    def test_what_the_user_tells_argo_cd_counts(self) -> None:
        metadata = {"annotations": {"argocd.argoproj.io/sync-options": "Replace=true", OWNER: "another"}}

        found = self.annotated({"metadata": metadata})

        assert found["annotations"] == OURS | {"argocd.argoproj.io/sync-options": "Replace=true"}


@pytest.mark.parametrize(("variables", "expected"), [({}, {"qps": 200, "burst": 400}), ({"BURST": "9"}, {"qps": 200})])
def test_the_provider_asks_as_fast_as_api_servers_allow_unless_its_variables_say_otherwise(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: dict[str, int]
) -> None:
    for key, limit in variables.items():
        monkeypatch.setenv(f"PULUMI_K8S_CLIENT_{key}", limit)

    recording = registered({"clusters": {"a": {}}})

    assert json.loads(recording.made["kubernetes"].inputs["kubeClientSettings"]) == expected
