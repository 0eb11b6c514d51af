"""Fixtures for local.apply and local.engine: an API in memory, a small program, a CLI that only notes its calls."""

import os
import stat
from functools import partial
from pathlib import Path

import pytest
import yaml

from local import apply, engine
from local.progress import Progress
from tests.local.fixtures.fakeapi import FakeApi, serving

SMALL = Path(__file__).parent / "fixtures" / "small"
# What the CLI is asked is written down; `stack select` without --create fails as for an unknown stack.
CLI = """#!/bin/sh
case "$1 $2" in
  "version ") echo v3.260.0 ;;
  "stack select") echo "$@" >> "$CALLS"; echo "encryptionsalt: v1:made-by-cli" >> Pulumi.test.yaml
    case "$*" in *--create*) ;; *) echo "error: no stack named 'test' found" >&2; exit 255 ;; esac ;;
esac
"""


@pytest.fixture
def api(tmp_path, monkeypatch):
    api = FakeApi()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(apply, "Progress", partial(Progress, look_every_seconds=0.01))
    with serving(api, tmp_path) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", kubeconfig)
        yield api


@pytest.fixture
def stack(api, tmp_path, capsys):
    """Run a command on the fixture program with a config of its own: (exit code, stdout, stderr)."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("Pulumi.yaml", "__main__.py"):
        (project / name).write_bytes((SMALL / name).read_bytes())

    def run(action, *arguments, greeting="hello", **objects):
        config = {"small:namespace": "ns", "small:greeting": greeting, "small:objects": objects}
        (project / "Pulumi.test.yaml").write_text(yaml.safe_dump({"config": config}))
        code = apply.main([action, "--stack", "test", "--cwd", str(project), *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty home, an empty cluster, the fixture project with one stack, no CLI."""
    for name in ("PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE", "ENGINE", "FORCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "pulumi"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.chdir(tmp_path)
    project = tmp_path / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_bytes((SMALL / "Pulumi.yaml").read_bytes())
    (project / "Pulumi.test.yaml").write_text("config:\n  small:namespace: ns\n")
    return tmp_path


@pytest.fixture
def place_api(place, monkeypatch):
    with serving(api := FakeApi(), place) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", kubeconfig)
        yield api


@pytest.fixture
def cli(place, monkeypatch):
    """A CLI on PATH with the Kubernetes plugin beside it."""
    folder = place / "bin"
    folder.mkdir()
    for name, text in (("pulumi", CLI), ("pulumi-resource-kubernetes", "#!/bin/sh\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder / "pulumi"


@pytest.fixture
def run(place, monkeypatch):
    """Run a command; what it would become in the end: the CLI's argv and environment, or local.apply's arguments."""
    became = []
    monkeypatch.setattr(os, "execve", lambda path, argv, env: became.append((argv, env)) or 0)
    monkeypatch.setattr("local.apply.main", lambda arguments: became.append((arguments, {})) or 0)

    def call(command, *more):
        became.clear()
        code = engine.main([command, "--stack", "test", "--cwd", str(place / "project"), *more])
        return code, became

    return call
