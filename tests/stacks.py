"""A stack of the program, applied without an engine, as tests use it. In: a configuration. Out: what happened."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from tests.clusters import ROOT
from tests.kubectl import Kubectl

IMAGE = "ghcr.io/dask/dask:2026.8.0-py3.11"
SECONDS = 300.0
T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds: float = 60, what: str = "") -> T:
    """The first true result of `condition`; fails with what was waited for when `seconds` are over."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition.__name__}"
        time.sleep(0.2)
    return result


@dataclass
class Result:
    """The end of one command."""

    code: int
    text: str
    """Standard output and error as a person sees them."""
    seconds: float
    out: str = ""


@dataclass
class Stack:
    """A copy of the project with a stack file of its own."""

    folder: Path
    name: str
    kubeconfig: Path
    config: dict[str, Any] = field(default_factory=dict)
    _outputs: dict[str, Any] = field(default_factory=dict)
    """Those of the last command that changed something, once asked for; none while one runs beside the test."""
    _beside: bool = False

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for part in ("components", ".venv"):
            (self.folder / part).symlink_to(ROOT / part)
        for part in ("__main__.py", "Pulumi.yaml"):
            shutil.copy(ROOT / part, self.folder / part)

    def configure(self, **keys: Any) -> "Stack":
        """Sets top-level `dask:` keys; the others stay."""
        self.config |= keys
        body = {"config": {f"dask:{key}": value for key, value in self.config.items()}}
        (self.folder / f"Pulumi.{self.name}.yaml").write_text(yaml.safe_dump(body))
        return self

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"KUBECONFIG": str(self.kubeconfig), "PYTHONPATH": str(ROOT)}

    def start(self, command: str) -> "subprocess.Popen[str]":
        """The command running beside the test."""
        self._outputs, self._beside = {}, True
        return subprocess.Popen(
            [sys.executable, "-m", "local.apply", command, "--stack", self.name, "--cwd", str(self.folder)],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str, *arguments: str, seconds: float = SECONDS) -> Result:
        if command in ("up", "down"):
            self._outputs, self._beside = {}, False
        begin = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "local.apply", command, "--stack", self.name, "--cwd", str(self.folder), *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return Result(done.returncode, done.stdout + done.stderr, time.monotonic() - begin, done.stdout)

    def up(self, **keys: Any) -> Result:
        """`up` with changed keys. Fails the test with the whole output when it fails."""
        result = self.configure(**keys).run("up")
        assert result.code == 0, result.text
        return result

    def failing_up(self, **keys: Any) -> Result:
        """`up` that has to fail."""
        result = self.configure(**keys).run("up")
        assert result.code != 0, result.text
        return result

    def outputs(self) -> dict[str, Any]:
        if self._outputs:
            return self._outputs
        result = self.run("outputs", "--show-secrets")
        assert result.code == 0, result.text
        found = json.loads(result.out)
        if not self._beside:
            self._outputs = found
        return found

    def address(self, cluster: str) -> str:
        return self.outputs()["clusters"][cluster]["schedulerAddress"]

    def down(self) -> Result:
        return self.run("down")

    @property
    def kube(self) -> Kubectl:
        return Kubectl(self.kubeconfig)

    def kubectl(self, *arguments: str) -> Any:
        """The objects that kubectl prints, or its text for commands without `-o json`."""
        text = self.kube(*arguments)
        return json.loads(text) if "json" in arguments else text
