"""examples/yaml: a program without code, in which the component package makes a cluster."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import devcluster.engine
from devcluster import golang
from tests.support import foreign
from tests.support.kubectl import Kubectl
from tests.support.owner import Owner
from tests.support.security import security
from tests.support.stacks import Stack
from tests.support.work import computes

NAMESPACE = "yaml"


@pytest.fixture(scope="module")
def stack(
    owner: Owner, backend: dict[str, str], kube: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The example's stack, with one worker, in a namespace that exists."""
    owner.up()
    kube("create", "namespace", NAMESPACE)
    folder = foreign.copy_of_the_example("yaml", tmp_path_factory.mktemp("yaml"))
    host = golang.ensure(devcluster.engine.yaml_host()) / "bin"
    path = {"PATH": os.pathsep.join([str(host), os.environ["PATH"]])}
    made = Stack(folder, "dev", backend | path | {"KUBECONFIG": str(kube.kubeconfig)})
    made.cli("config", "set", "namespace", NAMESPACE)
    made.cli("config", "set", "workers", "1")
    yield made
    made.end()
    kube("delete", "namespace", NAMESPACE)


def test_a_program_in_yaml_has_a_cluster_that_computes(stack: Stack, kube: Kubectl, tmp_path: Path) -> None:
    said, done = stack.preview(), stack.up()

    assert done.changes == said.changes
    assert len(kube.pods(NAMESPACE, component="worker")) == 1
    outputs = stack.outputs()
    assert computes(outputs["schedulerAddress"], security=security(outputs["clientTls"], tmp_path))
    stack.unchanged()
