"""examples/go: a program in Go, compiled against the SDK of the component package and run by the engine."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devcluster import golang
from tests.support import foreign
from tests.support.clusters import ROOT
from tests.support.kubectl import Kubectl
from tests.support.owner import Owner
from tests.support.security import security
from tests.support.work import computes

NAMESPACE = "go"
SDK = "example.com/pulumi-dask-on-kubernetes/sdk/go/dask-on-kubernetes"


@pytest.fixture(scope="module")
def program(
    owner: Owner, backend: dict[str, str], kube: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[foreign.Program]:
    """The example with its SDK, as `pulumi package add` would leave it, in a namespace that exists."""
    root = tmp_path_factory.mktemp("go")
    folder = foreign.copy_of_the_example("go", root)
    shutil.copy(ROOT / "tests/support/go/inline.go", folder)
    sdk = shutil.copytree(foreign.generated_sdk("go", root) / "daskonkubernetes", folder / "sdks/dask-on-kubernetes")
    (sdk / "go.mod").write_text(f"module {SDK}\n\ngo 1.24\n")
    go = golang.find_go(folder)
    settings = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", "GOWORK": "off"}
    made = foreign.Program(folder, backend | settings | {"KUBECONFIG": str(kube.kubeconfig)})
    made.run(go, "build", "-o", "forecast", ".")
    owner.up()
    kube("create", "namespace", NAMESPACE)
    yield made
    made.run("./forecast", "destroy")
    kube("delete", "namespace", NAMESPACE)


@pytest.mark.timeout(foreign.SECONDS)
def test_a_program_in_go_has_a_cluster_that_computes(program: foreign.Program, kube: Kubectl, tmp_path: Path) -> None:
    outputs: dict[str, Any] = json.loads(program.run("./forecast", "up", NAMESPACE))

    assert len(kube.pods(NAMESPACE, component="worker")) == 1
    assert computes(outputs["schedulerAddress"], security=security(outputs["clientTls"], tmp_path))
