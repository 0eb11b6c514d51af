"""examples/go: a program in Go, compiled against the SDK of the component package and run by the engine."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import devcluster.engine
from devcluster import golang
from plugin.package import Package
from tests.support.clusters import ROOT
from tests.support.kubectl import Kubectl
from tests.support.owner import Owner
from tests.support.security import security
from tests.support.work import computes

NAMESPACE = "go"
# The first compilation of Pulumi's SDK takes minutes on a busy machine.
SECONDS = 1800
# What the package needs around it: a package that was added from git has the whole repository.
BESIDE = (".venv", "components", "tools", "plugin", "requirements.txt")
SDK = "example.com/pulumi-dask-on-kubernetes/sdk/go/dask-on-kubernetes"


class Program:
    """The compiled example."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, os.environ | environment

    def run(self, *command: str) -> str:
        """The standard output of a command in the program's folder."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def program(
    owner: Owner, backend: dict[str, str], kube: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    """The example with its SDK, as `pulumi package add` would leave it, in a namespace that exists."""
    root = tmp_path_factory.mktemp("go")
    for name in BESIDE:
        (root / name).symlink_to(ROOT / name)
    folder = root / "examples/go"
    shutil.copytree(ROOT / "examples/go", folder)
    shutil.copy(ROOT / "tests/support/go/inline.go", folder)
    _generate(folder, root)
    go = golang.find_go(folder)
    settings = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", "GOWORK": "off"}
    made = Program(folder, backend | settings | {"KUBECONFIG": str(kube.kubeconfig)})
    made.run(go, "build", "-o", "forecast", ".")
    owner.up()
    kube("create", "namespace", NAMESPACE)
    yield made
    made.run("./forecast", "destroy")
    kube("delete", "namespace", NAMESPACE)


def _generate(folder: Path, scratch: Path) -> None:
    schema = scratch / "schema.json"
    schema.write_text(Package().schema or "")
    generator = golang.ensure(devcluster.engine.sdks()) / "bin/sdks"
    subprocess.run([generator, "go", schema, scratch / "sdk"], check=True)
    shutil.copytree(scratch / "sdk/daskonkubernetes", folder / "sdks/dask-on-kubernetes")
    (folder / "sdks/dask-on-kubernetes/go.mod").write_text(f"module {SDK}\n\ngo 1.24\n")


@pytest.mark.timeout(SECONDS)
def test_a_program_in_go_has_a_cluster_that_computes(program: Program, kube: Kubectl, tmp_path: Path) -> None:
    outputs: dict[str, Any] = json.loads(program.run("./forecast", "up", NAMESPACE))

    assert len(kube.pods(NAMESPACE, component="worker")) == 1
    assert computes(outputs["schedulerAddress"], security=security(outputs["clientTls"], tmp_path))
