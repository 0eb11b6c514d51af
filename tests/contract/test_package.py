"""The component package for programs in other languages: its schema is a contract, its messages the program's."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from packaging.metadata import Metadata
from pydantic.alias_generators import to_camel

from components.settings.fields import Model
from plugin.arguments import definitions, whole
from plugin.package import PACKAGE, Package
from tests.contract.rendering import ROOT
from tests.support.installing import install
from tools.stackschema import models_by_name

COMPONENTS = {
    "DaskCluster": ({"namespace"}, {"cluster", "podSecurity"}),
    "DaskJob": ({"namespace", "job"}, {"podSecurity"}),
    "DaskOperator": (set[str](), {"operator"}),
    "Workspace": ({"namespace"}, {"operator"}),
}
EVERYWHERE = {"context", "kubeconfig", "labels", "annotations"}


@pytest.fixture(scope="module")
def package() -> dict[str, Any]:
    """The package's schema, as `pulumi package get-schema ./plugin` prints it."""
    return json.loads(Package().schema or "")


@pytest.fixture(scope="module")
def schema(package: dict[str, Any]) -> dict[str, Any]:
    """That of the cluster."""
    return package["resources"][f"{PACKAGE}:index:DaskCluster"]


@pytest.mark.parametrize("name", COMPONENTS)
def test_each_component_has_its_inputs(package: dict[str, Any], name: str) -> None:
    required, optional = COMPONENTS[name]
    component = package["resources"][f"{PACKAGE}:index:{name}"]

    assert component["isComponent"] is True
    assert set(component.get("requiredInputs", ())) == required
    assert set(component["inputProperties"]) == required | optional | EVERYWHERE
    assert all(item["description"] for item in component["inputProperties"].values())


def test_all_components_are_in_the_package(package: dict[str, Any]) -> None:
    assert set(package["resources"]) == {f"{PACKAGE}:index:{name}" for name in COMPONENTS}


def test_inputs_are_plain_because_names_are_made_of_them_but_a_kubeconfig(package: dict[str, Any]) -> None:
    for component in package["resources"].values():
        plain = {key for key, item in component["inputProperties"].items() if item.get("plain")}
        assert plain == set(component["inputProperties"]) - {"kubeconfig"}


def fields_of(model: type[Model]) -> dict[str, Any]:
    return {to_camel(name): field.annotation for name, field in model.model_fields.items()}


# Of the models of a stack file, what no component takes: it has inputs of its own for some, and no Secrets.
LEFT_OUT = {"Settings", "Prices", "ServiceAccount", "DaskConfig"}
MODELS = sorted(definitions().keys() - LEFT_OUT)
# What Kubernetes, Dask and the chart define, and the settings take as it is.
RAW = {"affinity", "topologySpreadConstraints", "podTemplate", "daskConfig", "values"}


def test_each_model_that_a_component_takes_has_a_type(package: dict[str, Any]) -> None:
    assert sorted(token.rpartition(":")[2] for token in package["types"]) == MODELS


@pytest.mark.parametrize("name", MODELS)
def test_each_type_has_the_fields_of_its_model(package: dict[str, Any], name: str) -> None:
    model, found = models_by_name()[name], package["types"][f"{PACKAGE}:index:{name}"]

    assert set(found["properties"]) == set(fields_of(model))
    needed = {to_camel(field) for field, it in model.model_fields.items() if it.is_required()}
    assert set(found.get("required", ())) == needed
    assert found["description"]
    assert all(item["description"] for item in found["properties"].values())


@pytest.mark.parametrize("name", MODELS)
def test_only_what_others_define_has_no_type(package: dict[str, Any], name: str) -> None:
    fields = package["types"][f"{PACKAGE}:index:{name}"]["properties"]

    assert {key for key, node in fields.items() if "pulumi.json#/Any" in json.dumps(node)} == RAW & set(fields)


def test_what_holds_credentials_is_a_secret_in_every_language(package: dict[str, Any]) -> None:
    marked = {
        key
        for component in package["resources"].values()
        for part in ("inputProperties", "properties")
        for key, node in component[part].items()
        if node.get("secret")
    }

    assert marked == {"kubeconfig", "clientTls", "notebookToken"}
    for component in package["resources"].values():
        assert component["inputProperties"]["kubeconfig"]["secret"]


def test_every_component_and_output_says_what_it_is(package: dict[str, Any]) -> None:
    for component in package["resources"].values():
        assert component["description"]
        assert all(node.get("description") for node in component["properties"].values())


@pytest.mark.parametrize(
    ("model", "field", "shape"),
    [
        ("Workers", "replicas", {"type": "integer"}),
        ("Workers", "command", {"type": "array", "items": "string"}),
        ("Cluster", "env", {"type": "object", "additionalProperties": "string"}),
        ("Cluster", "verify", {"type": "boolean"}),
        ("Cluster", "workerGroups", {"type": "object", "additionalProperties": "WorkerGroup"}),
        ("Cluster", "volumes", {"type": "array", "items": "Volume"}),
        ("Cluster", "tls", {"$ref": "Tls"}),
        ("Cluster", "daskConfig", {"type": "object", "additionalProperties": "pulumi.json#/Any"}),
        ("Operator", "watch", {"oneOf": ["string", "array"]}),
        ("Operator", "chart", {"oneOf": ["string", "ChartRepository"]}),
        ("Endpoint", "dashboard", {"oneOf": ["boolean", "Dashboard"]}),
        ("Namespace", "allowFrom", {"type": "array", "items": ["string", "Peer"]}),
    ],
)
def test_types_are_those_of_the_fields(package: dict[str, Any], model: str, field: str, shape: Any) -> None:
    def short(node: Any) -> Any:
        if isinstance(node, list):
            return [short(it) for it in node]  # pyright: ignore[reportUnknownVariableType]
        if "oneOf" in node:
            return short(node["oneOf"])
        return node["type"] if "type" in node else node["$ref"].rpartition(":")[2]

    node = package["types"][f"{PACKAGE}:index:{model}"]["properties"][field]
    given = {key: short(it) if isinstance(it, dict | list) else it for key, it in node.items()}
    given["$ref"] = short(node) if "$ref" in node else None

    assert {key: given[key] for key in shape} == shape


def test_the_outputs_are_those_of_the_program(schema: dict[str, Any]) -> None:
    assert set(schema["properties"]) == {
        *("clusterName", "schedulerAddress", "dashboardUrl", "schedulerNodePort", "dashboardNodePort"),
        *("image", "clientTls", "notebookUrl", "notebookToken"),
    }


def test_numbers_come_as_floats_and_are_taken_as_they_were_meant() -> None:
    given = {"workers": {"replicas": 2.0, "extraArgs": ["a"]}, "daskConfig": {"target": 0.7}, "verify": False}

    assert repr(whole(given)) == repr(
        {"workers": {"replicas": 2, "extraArgs": ["a"]}, "daskConfig": {"target": 0.7}, "verify": False}
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it would be published, built from what git has of it."""
    made = tmp_path_factory.mktemp("wheel")
    source = made / "source"
    shutil.copytree(ROOT / "components", source / "components", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--disable-pip-version-check"]
    subprocess.run([*pip, "--wheel-dir", str(made), str(source)], check=True)
    [found] = made.glob("*.whl")
    return found


def test_the_wheel_has_every_module_and_the_marker_of_types_and_nothing_else(wheel: Path) -> None:
    sources = [*(ROOT / "components").rglob("*.py"), ROOT / "components/py.typed"]
    modules = {f"dask_on_kubernetes/{file.relative_to(ROOT / 'components')}" for file in sources}

    held = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert held == modules


def test_the_wheels_metadata_is_what_an_index_takes(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        [name] = [it for it in archive.namelist() if it.endswith("/METADATA")]
        metadata = Metadata.from_email(archive.read(name), validate=True)
        licenses = [it for it in archive.namelist() if "/licenses/" in it]

    assert (metadata.name, metadata.license_expression) == ("dask-on-kubernetes", "BSD-3-Clause")
    assert metadata.description
    assert metadata.description_content_type == "text/markdown"
    assert "Typing :: Typed" in (metadata.classifiers or [])
    assert [it.rpartition("/")[2] for it in licenses] == ["LICENSE"]


def test_another_program_installs_the_components_and_has_all_that_they_need(wheel: Path, tmp_path: Path) -> None:
    install(tmp_path / "site", str(wheel))
    program = (
        "from importlib.metadata import version; from dask_on_kubernetes import DaskCluster, cluster;"
        "from dask_on_kubernetes.manifests.embedding import script;"
        "print(version('dask-on-kubernetes'), cluster.__file__, len(script('retire')) > 0)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert done.stdout.split() == [ours, str(tmp_path / "site/dask_on_kubernetes/cluster.py"), "True"]
