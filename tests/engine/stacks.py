"""A stack on the real engine. In: a configuration. Out: runs of `preview`, `up`, `refresh` and `destroy`."""

import shutil
from pathlib import Path
from typing import Any

import yaml
from pulumi import automation

from tests.clusters import ROOT
from tests.engine.runs import Run, Running, start

SECONDS = 300.0


class Stack:
    """A copy of the project with one stack file, as somebody who edits it would have it."""

    def __init__(self, folder: Path, name: str, environment: dict[str, str]) -> None:
        self.folder, self.name, self.environment = folder, name, environment
        folder.mkdir(parents=True, exist_ok=True)
        for part in ("components", ".venv"):
            (folder / part).symlink_to(ROOT / part)
        for part in ("__main__.py", "Pulumi.yaml"):
            shutil.copy(ROOT / part, folder / part)
        workspace = automation.LocalWorkspace(work_dir=str(folder), env_vars=environment)
        self.automation = automation.Stack.create_or_select(name, workspace)
        self._applied = ""

    @property
    def file(self) -> Path:
        return self.folder / f"Pulumi.{self.name}.yaml"

    def configure(self, **keys: Any) -> None:
        """Sets top-level `dask:` keys; the others stay, and so does what the CLI has written into the file."""
        document = yaml.safe_load(self.file.read_text()) if self.file.exists() else {}
        document.setdefault("config", {}).update({f"dask:{key}": value for key, value in keys.items()})
        self.file.write_text(yaml.safe_dump(document))

    def start(self, *arguments: str) -> Running:
        """The command running beside the test."""
        return start([*arguments, "--stack", self.name], self.folder, self.environment)

    def run(self, *arguments: str, seconds: float = SECONDS) -> Run:
        return self.start(*arguments).wait(seconds)

    def preview(self, *arguments: str) -> Run:
        return _good(self.run("preview", *arguments))

    def up(self, *arguments: str) -> Run:
        run = _good(self.start_up(*arguments).wait(SECONDS))
        self._applied = self.file.read_text()
        return run

    def start_up(self, *arguments: str) -> Running:
        self._applied = ""
        return self.start("up", "--yes", "--skip-preview", *arguments)

    def settle(self, **keys: Any) -> None:
        """Brings the stack to where a test begins. Does nothing where the test before has left it there."""
        self.configure(**keys)
        if self.file.read_text() != self._applied:
            self.up()

    def failing_up(self, seconds: float = SECONDS) -> Run:
        run = self.start_up().wait(seconds)
        assert run.code != 0, run.text
        return run

    def change(self, **keys: Any) -> Run:
        """Edits the file, previews, and goes `up`. Fails when `up` did anything else than the preview said."""
        self.configure(**keys)
        said, done = self.preview(), self.up()
        assert done.changes == said.changes, f"{said.text}\n{done.text}"
        return done

    def refresh(self) -> Run:
        return _good(self.run("refresh", "--yes", "--skip-preview"))

    def destroy(self) -> Run:
        self._applied = ""
        return _good(self.run("destroy", "--yes", "--skip-preview"))

    def lose_state(self) -> None:
        """As if somebody had deleted the file in which the engine keeps the stack's state."""
        self.cli("stack", "rm", "--yes", "--force", "--preserve-config")
        self.automation = automation.Stack.create(self.name, self.automation.workspace)
        self._applied = ""

    def cli(self, *arguments: str) -> str:
        """What a command that changes no resources prints."""
        run = self.automation.workspace.pulumi_command.run
        return run([*arguments, "--stack", self.name], str(self.folder), self.environment).stdout

    def outputs(self) -> dict[str, Any]:
        return {key: output.value for key, output in self.automation.outputs().items()}

    def cluster(self, name: str) -> dict[str, Any]:
        """The outputs of one cluster."""
        return self.outputs()["clusters"][name]

    @property
    def checkpoint(self) -> Path:
        """The file in which the engine keeps the stack's state."""
        [found] = Path(self.environment["PULUMI_BACKEND_URL"].removeprefix("file://")).rglob(f"{self.name}.json")
        return found


def _good(run: Run) -> Run:
    assert run.code == 0, run.text
    return run
