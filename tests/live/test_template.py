"""`pulumi new` with the template, and the program of another team that reads the new stack's outputs."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.clusters import ROOT
from tests.support.kubectl import Kubectl
from tests.support.owner import Owner
from tests.support.security import security
from tests.support.stacks import Stack, good
from tests.support.wait import wait_until
from tests.support.work import computes

PROJECT, NAMESPACE = "forecast", "forecast"
NIGHTLY_SECONDS = 180


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, backend: dict[str, str]) -> Path:
    """A new project, with the components installed from this repository, and all else taken from its `.venv`."""
    made = tmp_path_factory.mktemp("template") / PROJECT
    words = ("--name", PROJECT, "--description", "Forecasts on Dask", "--generate-only", "--yes")
    template = str(ROOT / "templates/python")
    subprocess.run(["pulumi", "new", template, "--dir", str(made), *words], env=os.environ | backend, check=True)
    venv.create(made / ".venv", with_pip=True)
    [packages] = (made / ".venv/lib").glob("python*/site-packages")
    (packages / "project.pth").write_text(next(path for path in sys.path if path.endswith("site-packages")))
    pip = [
        str(made / ".venv/bin/python"),
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        "install",
        "--no-deps",
    ]
    address = {"DASK_ON_KUBERNETES": f"file://{ROOT}"}
    subprocess.run([*pip, "-r", "requirements.txt"], cwd=made, env=os.environ | address, check=True)
    return made


@pytest.fixture(scope="module")
def stack(folder: Path, owner: Owner, backend: dict[str, str], kube: Kubectl) -> Iterator[Stack]:
    """The project's stack, with the operator that it installs by default."""
    owner.down()
    made = Stack(folder, "dev", backend | {"KUBECONFIG": str(kube.kubeconfig)})
    asked: dict[str, Any] = yaml.safe_load((ROOT / "templates/python/Pulumi.yaml").read_text())["template"]["config"]
    answers = {key: it["default"] for key, it in asked.items()} | {"namespace": NAMESPACE, "workers": "1"}
    for key, answer in answers.items():
        made.cli("config", "set", key, answer)
    yield made
    made.end()


@pytest.fixture
def consumer(stack: Stack, tmp_path: Path) -> Iterator[Stack]:
    """examples/consumer as it is, but for the stack whose outputs it reads."""
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    folder = tmp_path / "examples/consumer"
    shutil.copytree(ROOT / "examples/consumer", folder, ignore=shutil.ignore_patterns("__pycache__"))
    made = Stack(folder, "dev", stack.environment)
    made.cli("config", "set", "stack", f"organization/{PROJECT}/dev")
    yield made
    made.end()


def test_a_new_project_has_a_cluster_that_computes(stack: Stack, tmp_path: Path) -> None:
    said, done = stack.preview(), stack.up()

    assert done.changes == said.changes
    assert [op for op, _, _ in done.of("Release", "Namespace")] == ["create", "create", "create"]
    outputs = stack.outputs()
    assert computes(outputs["schedulerAddress"], security=security(outputs["clientTls"]["analytics"], tmp_path))
    stack.unchanged()


def test_another_program_finds_the_cluster_by_the_stacks_outputs(stack: Stack, consumer: Stack, kube: Kubectl) -> None:
    good(consumer.run("up", "--yes", "--skip-preview"))

    kube(*consumer.outputs()["runNow"].split()[1:])

    def words() -> str:
        return kube.run("logs", "-n", NAMESPACE, "job/now").stdout

    wait_until(lambda: "the sum of 1000 squares is 332833500" in words(), NIGHTLY_SECONDS, "the job's result")
