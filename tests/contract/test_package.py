"""The component package for programs in other languages: its schema is a contract, its messages the program's."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental.component import ComponentProvider

from components.settings.mistakes import ConfigError
from plugin.clusters import PACKAGE, DaskCluster, target, whole
from tests.contract.rendering import ROOT


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The package's schema, as `pulumi package get-schema ./plugin` prints it."""
    provider = ComponentProvider([DaskCluster], PACKAGE, None, "0.0.0")
    return json.loads(provider.schema or "")["resources"][f"{PACKAGE}:index:DaskCluster"]


def test_only_the_namespace_must_be_given(schema: dict[str, Any]) -> None:
    assert schema["isComponent"] is True
    assert schema["requiredInputs"] == ["namespace"]
    assert set(schema["inputProperties"]) == {"namespace", "cluster", "podSecurity", "context", "kubeconfig"}


def test_inputs_are_plain_because_names_are_made_of_them(schema: dict[str, Any]) -> None:
    assert all(item["plain"] is True for item in schema["inputProperties"].values())


def test_the_outputs_are_those_of_the_program(schema: dict[str, Any]) -> None:
    assert set(schema["properties"]) == {
        *("clusterName", "schedulerAddress", "dashboardUrl", "schedulerNodePort", "dashboardNodePort"),
        *("image", "clientTls"),
    }


def test_every_input_is_explained(schema: dict[str, Any]) -> None:
    assert all(item["description"] for item in schema["inputProperties"].values())


def test_numbers_come_as_floats_and_are_taken_as_they_were_meant() -> None:
    given = {"workers": {"replicas": 2.0, "extraArgs": ["a"]}, "daskConfig": {"target": 0.7}, "verify": False}

    assert repr(whole(given)) == repr(
        {"workers": {"replicas": 2, "extraArgs": ["a"]}, "daskConfig": {"target": 0.7}, "verify": False}
    )


def test_settings_lead_to_the_cluster_of_that_name() -> None:
    made = target("mine", {"namespace": "lab", "cluster": {"workers": {"replicas": 3.0}}}, "other-dev")

    assert (made.name, made.namespace, made.part_of, made.workspace.restricted) == ("mine", "lab", "other-dev", True)
    assert made.settings.workers.wanted == 3


def test_mistakes_are_told_as_in_a_stack_file() -> None:
    with pytest.raises(ConfigError, match=r"dask:clusters\.mine\.workers\.replicas: -1 must be at least 0"):
        target("mine", {"namespace": "lab", "cluster": {"workers": {"replicas": -1.0}}}, "other-dev")


def test_a_namespace_below_the_restricted_level_may_have_host_paths() -> None:
    volume = {"name": "data", "hostPath": "/srv/data", "mountPath": "/data"}

    made = target("mine", {"namespace": "lab", "pod_security": "privileged", "cluster": {"volumes": [volume]}}, "a-b")

    assert made.workspace.restricted is False


def test_another_program_installs_the_components_and_has_all_that_they_need(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(ROOT / "components", source / "components", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", str(tmp_path / "site"), str(source)], check=True)
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
