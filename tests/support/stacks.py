"""A stack of the program on the real engine, as somebody who edits its file would have it."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.support.clusters import ROOT
from tests.support.kubectl import Kubectl
from tests.support.runs import Run, Running, start

IMAGE = "ghcr.io/dask/dask:2026.8.0-py3.11"
"""The image that the local Kubernetes has under the name of the upstream one."""
ML_IMAGE = f"{IMAGE}-ml"
"""The same with scikit-learn and optuna in it."""
MISSING_IMAGE = "ghcr.io/dask/dask:0.0.0-missing"
SECONDS = 300.0
PROJECT = ("__main__.py", "Pulumi.yaml")
LINKED = ("components", "policy", ".venv")


def copy_of_the_project(folder: Path) -> Path:
    """The folder, with the program in it: `up` writes into the stack file, so it must not be the repository's."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in LINKED:
        (folder / part).symlink_to(ROOT / part)
    for part in PROJECT:
        shutil.copy(ROOT / part, folder / part)
    return folder


class Stack:
    """A stack of the program in a folder."""

    def __init__(self, folder: Path, name: str, environment: dict[str, str]) -> None:
        """`environment` holds KUBECONFIG and PULUMI_BACKEND_URL, a `file://` address, at least."""
        self.folder, self.name, self.environment = folder, name, environment
        self._applied = ""
        self._outputs: dict[str, Any] | None = None
        self._commands = 0
        self.cli("stack", "init")

    @property
    def file(self) -> Path:
        return self.folder / f"Pulumi.{self.name}.yaml"

    @property
    def config(self) -> dict[str, Any]:
        """The values under `dask:` in the stack's file."""
        values = self._document().get("config", {})
        return {key.removeprefix("dask:"): value for key, value in values.items() if key.startswith("dask:")}

    @property
    def kube(self) -> Kubectl:
        return Kubectl(Path(self.environment["KUBECONFIG"]))

    def configure(self, **keys: Any) -> "Stack":
        """Sets top-level `dask:` keys; the others stay, and so does what the CLI has written into the file."""
        document = self._document()
        document.setdefault("config", {}).update({f"dask:{key}": value for key, value in keys.items()})
        self.file.write_text(yaml.safe_dump(document))
        return self

    def start(self, *arguments: str) -> Running:
        """The command running beside the test."""
        self._commands += 1
        log = self.folder / f"events-{self._commands}.json"
        return start([*arguments, "--stack", self.name], self.folder, self.environment, log)

    def run(self, *arguments: str, seconds: float = SECONDS) -> Run:
        return self.start(*arguments).wait(seconds)

    def preview(self, *arguments: str) -> Run:
        return good(self.run("preview", *arguments))

    def start_up(self, *arguments: str) -> Running:
        """`up` running beside the test. The outputs are asked for anew from now on."""
        self._applied, self._outputs = "", None
        return self.start("up", "--yes", "--skip-preview", *arguments)

    def up(self, *arguments: str, **keys: Any) -> Run:
        """`up` with changed keys."""
        self.configure(**keys)
        run = good(self.start_up(*arguments).wait(SECONDS))
        self._applied, self._outputs = self.file.read_text(), None
        return run

    def failing_up(self, seconds: float = SECONDS, **keys: Any) -> Run:
        """`up` that has to fail, without a traceback."""
        self.configure(**keys)
        run = self.start_up().wait(seconds)
        assert run.code != 0, run.text
        assert "Traceback" not in run.text, run.text
        return run

    def settle(self, **keys: Any) -> None:
        """Brings the stack to where a test begins. Does nothing where the test before has left it there."""
        self.configure(**keys)
        if self.file.read_text() != self._applied:
            self.up()

    def change(self, **keys: Any) -> Run:
        """Edits the file, previews, and goes `up`. Fails when `up` did anything else than the preview said."""
        self.configure(**keys)
        said, done = self.preview(), self.up()
        assert done.changes == said.changes, f"{said.text}\n{done.text}"
        return done

    def unchanged(self) -> None:
        """Holds an `up` of the same file to no change."""
        run = self.up("--expect-no-changes")
        assert set(run.counts) == {"same"}, run.text

    def try_destroy(self) -> Run:
        self._applied, self._outputs = "", None
        return self.run("destroy", "--yes", "--skip-preview")

    def destroy(self) -> Run:
        return good(self.try_destroy())

    def end(self) -> None:
        """Destroys what the tests have left, whatever state they left it in."""
        if self.try_destroy().code:
            self.cancel()
            self.cli("state", "unprotect", "--all", "--yes")
            self.destroy()

    def cancel(self) -> None:
        """Releases the lock of a command that was killed."""
        self.cli("cancel", "--yes")

    def lose_state(self) -> None:
        """As if somebody had deleted the file in which the engine keeps the stack's state."""
        self.cli("stack", "rm", "--yes", "--force", "--preserve-config")
        self._applied, self._outputs = "", None
        self.cli("stack", "init")

    def cli(self, *arguments: str, of_stack: bool = True) -> str:
        """What a command that changes no resources prints on its standard output."""
        whose = ["--stack", self.name] if of_stack else []
        command = ["pulumi", "--non-interactive", "--color", "never", *arguments, *whose]
        environment = os.environ | self.environment
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs in plain text."""
        found = self._outputs
        if found is None:
            found = self._outputs = json.loads(self.cli("stack", "output", "--json", "--show-secrets"))
        return found

    def cluster(self, name: str = "main") -> dict[str, Any]:
        """The outputs of one cluster."""
        return self.outputs()["clusters"][name]

    def address(self, cluster: str = "main") -> str:
        """The address that clients connect to."""
        return self.cluster(cluster)["schedulerAddress"]

    def scheduler(self, cluster: str = "main") -> str:
        """The identity of a cluster's scheduler pod, with its restarts."""
        outputs = self.cluster(cluster)
        return self.kube.scheduler(outputs["namespace"], outputs["name"])

    @property
    def checkpoint(self) -> Path:
        """The file in which the engine keeps the stack's state."""
        [found] = Path(urlsplit(self.environment["PULUMI_BACKEND_URL"]).path).rglob(f"{self.name}.json")
        return found

    def _document(self) -> dict[str, Any]:
        return (yaml.safe_load(self.file.read_text()) or {}) if self.file.exists() else {}


def good(run: Run) -> Run:
    """The run itself. Fails the test with everything that it printed when it failed."""
    assert run.code == 0, run.text
    return run
