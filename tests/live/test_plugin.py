"""The component package for other languages, as the engine reads and runs it."""

import json
import shutil
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clusters import ROOT
from tests.support.kubectl import Kubectl
from tests.support.owner import Owner
from tests.support.stacks import Stack
from tests.support.work import computes

NAMESPACE = "plugged"
PROJECT = "name: lab\nruntime: {name: python, options: {toolchain: pip, virtualenv: ../.venv}}\n"
PROGRAM = """
import os
from pathlib import Path

import pulumi
from pulumi_dask_on_kubernetes import DaskCluster, Workspace

endpoint = {"type": "NodePort", "insecure": True}
cluster = {"workers": {"replicas": 1, "threads": 1}, "endpoint": endpoint, "ready_timeout": "9m"}
workspace = Workspace("lab", namespace={"name": "plugged", "pod_security": "restricted"})
after = pulumi.ResourceOptions(depends_on=[workspace])
kubeconfig = Path(os.environ["KUBECONFIG"]).read_text()
forecast = DaskCluster("forecast", namespace="plugged", cluster=cluster, kubeconfig=kubeconfig, opts=after)
pulumi.export("clusterName", forecast.cluster_name)
pulumi.export("schedulerAddress", forecast.scheduler_address)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program beside the plugin, with an environment of its own, into which the engine may install.

    All that the plugin requires is in the project's environment, which the new one sees.
    """
    made = tmp_path_factory.mktemp("lab")
    for name in ("components", "tools"):
        (made / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "plugin", made / "plugin", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "requirements.txt", made)
    (made / "app").mkdir()
    (made / "app" / "Pulumi.yaml").write_text(PROJECT)
    (made / "app" / "__main__.py").write_text(PROGRAM)
    (made / "app" / "requirements.txt").touch()
    venv.create(made / ".venv", with_pip=True)
    [packages] = (made / ".venv/lib").glob("python*/site-packages")
    (packages / "project.pth").write_text(next(path for path in sys.path if path.endswith("site-packages")))
    return made / "app"


@pytest.fixture(scope="module")
def stack(folder: Path, owner: Owner, backend: dict[str, str], kube: Kubectl) -> Iterator[Stack]:
    """The program's stack, beside one that owns the operator."""
    owner.up()
    made = Stack(folder, "lab", backend | {"KUBECONFIG": str(kube.kubeconfig)})
    yield made
    made.end()


def test_its_schema_names_the_components_with_their_inputs_and_outputs(stack: Stack) -> None:
    schema = json.loads(stack.cli("package", "get-schema", "../plugin", of_stack=False))

    component = schema["resources"]["dask-on-kubernetes:index:DaskCluster"]
    assert schema["name"] == "dask-on-kubernetes"
    assert {token.rpartition(":")[2] for token in schema["resources"]} == {
        *("DaskCluster", "DaskJob", "DaskOperator", "Workspace")
    }
    assert component["requiredInputs"] == ["namespace"]
    assert set(component["inputProperties"]) == {
        *("namespace", "cluster", "podSecurity", "context", "kubeconfig", "labels", "annotations")
    }
    assert {"clusterName", "schedulerAddress", "dashboardUrl", "clientTls"} <= set(component["properties"])
    assert schema["types"]["dask-on-kubernetes:index:Workers"]["properties"]["replicas"]["type"] == "integer"


def test_a_program_that_adds_it_gets_a_cluster_that_computes(stack: Stack, kube: Kubectl) -> None:
    stack.cli("package", "add", "../plugin", of_stack=False)

    said, done = stack.preview(), stack.up()

    assert done.changes == said.changes
    assert [kind for _, kind, _ in done.changes].count("DaskCluster") == 2  # the component and the custom resource
    assert [kind for _, kind, _ in done.changes].count("Namespace") == 1
    outputs = stack.outputs()
    assert kube.clusters(NAMESPACE) == [outputs["clusterName"]]
    assert computes(outputs["schedulerAddress"])
    stack.unchanged()


def test_a_kubeconfig_is_a_secret_in_the_state(stack: Stack) -> None:
    state = stack.cli("stack", "export")

    assert "forecast-kubernetes" in state
    assert "client-key-data" not in state
