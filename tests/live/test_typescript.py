"""examples/typescript: a program in TypeScript, checked by tsc against the package's SDK and run by the engine."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import foreign
from tests.support.clusters import ROOT
from tests.support.kubectl import Kubectl
from tests.support.owner import Owner
from tests.support.security import security
from tests.support.work import computes

NAMESPACE = "typescript"


@pytest.fixture(scope="module")
def program(
    owner: Owner, backend: dict[str, str], kube: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[foreign.Program]:
    """The example, compiled, in a namespace that exists."""
    root = tmp_path_factory.mktemp("typescript")
    made = foreign.typescript("typescript", root, backend | {"KUBECONFIG": str(kube.kubeconfig)})
    shutil.copy(ROOT / "tests/support/typescript/inline.js", made.folder)
    made.run("node_modules/.bin/tsc")
    owner.up()
    kube("create", "namespace", NAMESPACE)
    yield made
    made.run("node", "inline.js", "destroy")
    kube("delete", "namespace", NAMESPACE)


@pytest.mark.timeout(foreign.SECONDS)
def test_a_program_in_typescript_has_a_cluster_that_computes(
    program: foreign.Program, kube: Kubectl, tmp_path: Path
) -> None:
    outputs: dict[str, Any] = json.loads(program.run("node", "inline.js", "up", NAMESPACE))

    assert len(kube.pods(NAMESPACE, component="worker")) == 1
    assert computes(outputs["schedulerAddress"], security=security(outputs["clientTls"], tmp_path))


WRONG = {
    "replicas: 1": ('replicas: "one"', "Type 'string' is not assignable to type 'number'"),
    "enabled: true": ("enable: true", "'enable' does not exist in type 'TlsArgs'"),
    'type: "NodePort"': ('dashboard: "yes"', "Type 'string' is not assignable to type 'boolean | DashboardArgs"),
    "namespace: settings": ("namespce: settings", "'namespce' does not exist in type 'DaskClusterArgs'"),
}


@pytest.mark.parametrize("right", WRONG)
def test_tsc_refuses_what_a_stack_file_would_not_allow(program: foreign.Program, right: str) -> None:
    wrong, message = WRONG[right]
    text = (program.folder / "index.ts").read_text()
    assert right in text
    (program.folder / "wrong.ts").write_text(text.replace(right, wrong))
    (program.folder / "wrong.json").write_text('{"extends": "./tsconfig.json", "files": ["wrong.ts"]}')

    assert message in program.refused("node_modules/.bin/tsc", "--noEmit", "--project", "wrong.json")
