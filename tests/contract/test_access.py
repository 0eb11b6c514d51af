"""The Roles of examples/access allow what a team's stack needs: every object, and every permission that it grants."""

from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml

from components.kube.paths import path_of
from tests.contract.rendering import ROOT, Body, kubernetes, program_objects
from tests.unit.registrations import registered

FILES = sorted((ROOT / "examples/access").glob("*.yaml"))
READ, WRITE = {"get", "list", "watch"}, {"create", "patch", "update", "delete"}
# Only the stack that creates a namespace may set them.
OF_THE_PLATFORM = {"quota", "limits"}


def documents(name: str) -> list[Body]:
    return list(yaml.safe_load_all((ROOT / "examples/access" / name).read_text()))


def allowed(name: str) -> set[tuple[str, str, str]]:
    """Group, resource and verb of everything that the Roles in a file allow."""
    rules = [rule for body in documents(name) if body["kind"] == "Role" for rule in body["rules"]]
    return set(triples(rules))


def triples(rules: list[Body]) -> Iterator[tuple[str, str, str]]:
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                yield from ((group, resource, verb) for verb in rule["verbs"])


def resource(body: Body) -> tuple[str, str]:
    """Group and plural of an object's kind."""
    return body["apiVersion"].rpartition("/")[0], path_of(body).split("/")[-2]


@pytest.fixture(scope="module")
def objects() -> list[Body]:
    """Everything that the stack of a team can create, for every option that there is."""
    features: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "tests/contract/features.yaml").read_text())
    team = {"operator": {"install": False, "namespace": "dask-operator"}}

    def home(raw: dict[str, Any]) -> dict[str, Any]:
        kept = {key: it for key, it in raw.get("namespace", {}).items() if key not in OF_THE_PLATFORM}
        return {"namespace": kept | {"create": False}}

    stacks = {name: raw | team | home(raw) for name, raw in features.items()}
    return [body for made in program_objects(stacks).values() for body in made]


def test_a_deployer_may_write_every_object_of_a_teams_stack(objects: list[Body]) -> None:
    needed = {(*resource(body), verb) for body in objects for verb in READ | WRITE}

    assert len({body["kind"] for body in objects}) > 10
    assert needed - allowed("deployer.yaml") == set()


def test_a_previewer_may_read_every_object_and_ask_about_it(objects: list[Body]) -> None:
    needed = {(*resource(body), verb) for body in objects for verb in READ | {"create", "patch"}}

    assert needed - allowed("previewer.yaml") == set()


@pytest.mark.parametrize("name", ["deployer.yaml", "previewer.yaml"])
def test_an_account_has_every_permission_that_it_grants(name: str, objects: list[Body]) -> None:
    """Kubernetes refuses a Role with permissions that its author does not have, in dry runs too."""
    granted = {triple for body in objects if body["kind"] == "Role" for triple in triples(body["rules"])}

    assert granted
    assert granted - allowed(name) == set()


def test_no_account_may_do_anything_by_a_wildcard() -> None:
    assert [triple for name in ("deployer.yaml", "previewer.yaml") for triple in allowed(name) if "*" in triple] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_manifests_are_valid(path: Any) -> None:
    for body in documents(path.name):
        kubernetes_validate.validate(body, "1.34", strict=True)


@pytest.mark.parametrize("operator", [{"install": False}, {"watch": ["lab"], "namespace": "lab-operator"}], ids=str)
def test_a_preview_asks_about_no_binding_before_its_role_exists(operator: dict[str, Any]) -> None:
    """The API server would answer that the role is missing, to everyone who is not an administrator."""
    raw: dict[str, Any] = {"clusters": {"lab": {"workers": {"minimum": 0, "maximum": 2}}}}
    raw |= {"jobs": {"nightly": {"schedule": "@daily", "runner": {"script": "pass"}}}}
    with kubernetes():
        recording = registered({"namespace": {"name": "lab"}, "operator": operator} | raw)

    bindings = [it for it in recording.registrations if it.kind in ("RoleBinding", "ClusterRoleBinding")]
    known_with = [list(it.request.propertyDependencies["roleRef"].urns) for it in bindings]

    assert len(bindings) == (4 if operator.get("watch") else 2)
    assert all("Role::" in urn for [urn] in known_with)
    assert all(it.inputs["roleRef"]["name"] for it in bindings)
