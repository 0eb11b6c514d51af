"""A home, a project and a machine of the test's own, and a Pulumi CLI that notes what it is asked."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools import __main__ as entry

VARIABLES = (
    *("PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"),
    *("PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER", "ENGINE", "KUBECONFIG"),
)
# `stack select` writes a salt as the CLI does, and fails without --create as for an unknown stack.
CLI = """#!/bin/sh
case "$1 $2" in
  "version ") echo v3.260.0 ;;
  "stack select") echo "$@" >> "$CALLS"
    grep -q encryptionsalt Pulumi.test.yaml || echo "encryptionsalt: v1:made-by-cli" >> Pulumi.test.yaml
    case "$*" in *--create*) ;; *) echo "error: no stack named 'test' found" >&2; exit 255 ;; esac ;;
esac
"""


@dataclass(frozen=True)
class Became:
    """The program that a command has become."""

    argv: list[str]
    environment: dict[str, str]
    folder: Path


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, a project with one stack, no CLI, no kubeconfig; what a command exports ends with the test."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    for name in VARIABLES:
        os.environ.pop(name, None)
    homes = {"PULUMI_HOME": "pulumi", "XDG_STATE_HOME": "state", "XDG_CACHE_HOME": "cache", "CALLS": "calls"}
    os.environ.update({name: str(tmp_path / folder) for name, folder in homes.items()})
    os.environ.update({"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "Pulumi.yaml").write_text('name: own\nrequiredPulumiVersion: ">=3.226.0"\n')
    (tmp_path / "project" / "Pulumi.test.yaml").write_text("config:\n  own:greeting: hello\n")
    return tmp_path


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(stat.S_IRWXU)
    return path


@pytest.fixture
def cli(place: Path) -> Path:
    """A CLI on PATH, with the Kubernetes provider beside it."""
    program(place / "bin" / "pulumi-resource-kubernetes", "#!/bin/sh\n")
    os.environ["PATH"] = f"{place / 'bin'}:/usr/bin:/bin"
    return program(place / "bin" / "pulumi", CLI)


@pytest.fixture
def run(place: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, Became | None]]:
    """Run a command against a cluster that KUBECONFIG names; its exit code, and what it became."""
    became: list[Became] = []

    def become(file: str, argv: list[str], environment: dict[str, str]) -> int:
        became.append(Became(argv, environment, Path.cwd()))
        return 0

    monkeypatch.chdir(place)
    monkeypatch.setattr(os, "execvpe", become)
    os.environ["KUBECONFIG"] = str(place / "kubeconfig")

    def call(command: str, *more: str) -> tuple[int, Became | None]:
        became.clear()
        code = entry.main([command, "--stack", "test", "--cwd", str(place / "project"), *more])
        return code, (became or [None])[0]

    return call
