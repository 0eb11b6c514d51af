"""A Pulumi stack of the bench: a program in a folder of its own, and what a command on it takes."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.place import PROJECT, Place
from bench.stopwatch import Stopwatch, lines

NAME = "bench"
TIMEOUT_SECONDS = 300
_OWN_TYPES = ("pulumi:pulumi:Stack", "pulumi:providers:")


@dataclass(frozen=True)
class Stack:
    """One stack, with its state in the scratch folder of the bench."""

    place: Place
    folder: Path

    def create(self) -> None:
        """Create the stack in the state, without resources."""
        self.place.run("pulumi", "stack", "init", NAME, f"--cwd={self.folder}", "--non-interactive")

    def configure(self, config: dict[str, Any]) -> None:
        """Write the stack's file anew."""
        (self.folder / f"Pulumi.{NAME}.yaml").write_text(yaml.safe_dump({"config": config}))

    def command(self, *arguments: str) -> list[str]:
        """The CLI with these arguments, on this stack."""
        return ["pulumi", *arguments, "--non-interactive", f"--stack={NAME}", f"--cwd={self.folder}"]

    def up(self, watch: Stopwatch, *options: str) -> str:
        """Run `pulumi up`, keep its lines with their times in `watch`, and return them. Raises `RuntimeError`."""
        process = subprocess.Popen(
            self.command("up", "--yes", "--skip-preview", *options),
            env=self.place.environment,
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with process:
            for line in lines(process, TIMEOUT_SECONDS):
                watch.lines.append((watch.passed(), line.rstrip()))
        output = "\n".join(line for _, line in watch.lines)
        if process.returncode:
            raise RuntimeError(f"up ended with {process.returncode} after {watch.passed():.0f} s: {output[-1500:]}")
        return output

    def spent(self, *options: str) -> dict[str, float]:
        """`seconds` of one `pulumi up`, and `cpu`: processor seconds of the CLI, its plugins and the program."""
        watch = Stopwatch()
        self.up(watch, *options)
        return {"seconds": watch.passed(), "cpu": watch.cpu()["clients"]}

    def resources(self) -> int:
        """How many resources the state holds, without the stack itself and the providers."""
        state = json.loads(self.place.run(*self.command("stack", "export")))
        return sum(not it["type"].startswith(_OWN_TYPES) for it in state["deployment"].get("resources", []))


def ours(place: Place) -> Stack:
    """This project's program, copied so that no lock and no file is shared with the checkout."""
    folder = place.scratch / "project"
    if not folder.exists():
        shutil.copytree(PROJECT / "components", folder / "components")
        for name in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(PROJECT / name, folder / name)
        (folder / ".venv").symlink_to(PROJECT / ".venv")
        place.run(sys.executable, "-m", "compileall", "-q", str(folder / "components"))
    return Stack(place, folder)


def bare(place: Place) -> Stack:
    """A program with ConfigMaps and nothing else: see bench/bare."""
    folder = place.scratch / "bare"
    if not folder.exists():
        shutil.copytree(PROJECT / "bench/bare", folder)
        (folder / ".venv").symlink_to(PROJECT / ".venv")
    return Stack(place, folder)


def dev_config() -> dict[str, Any]:
    """The configuration of Pulumi.dev.yaml."""
    return yaml.safe_load((PROJECT / "Pulumi.dev.yaml").read_text())["config"]
