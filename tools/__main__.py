"""`python -m tools`: the commands of the Makefile. They prepare what the Pulumi CLI needs, and become it.

python -m tools up|preview|outputs|down|refresh|shell|status|drift|connect --stack dev [--cluster NAME] [more arguments]
"""

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from devcluster.shell import DevclusterError
from tools import backend, cli, target
from tools.failure import ToolError
from tools.project import Project, open_project
from tools.scratch import private

ROOT = Path(__file__).resolve().parents[1]
_CLI: dict[str, list[str]] = {
    "up": ["up", "--yes", "--skip-preview"],
    "preview": ["preview", "--diff"],
    "outputs": ["stack", "output", "--json"],
    "down": ["destroy", "--yes", "--skip-preview"],
    "refresh": ["refresh", "--yes", "--skip-preview"],
}
_LOOKS = {"status": "tools.status", "drift": "tools.drift", "connect": "tools.connect"}


@dataclass(frozen=True)
class Prepared:
    """What a command runs with."""

    project: Project
    backend: backend.Backend
    environment: dict[str, str]


def main(arguments: list[str] | None = None) -> int:
    """Prepare what the command needs, then become it."""
    parser = argparse.ArgumentParser(prog="python -m tools", description=__doc__)
    parser.add_argument("command", choices=(*_CLI, "shell", *_LOOKS))
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--cluster", default="", help="the local Kubernetes of this name, whatever else is configured")
    parser.add_argument("--cwd", type=Path, default=ROOT, help="the project's folder")
    options, more = parser.parse_known_args(arguments)
    try:
        prepared = prepare(options.cwd, options.stack, options.cluster, options.command)
        if options.command in _LOOKS:
            return _become([sys.executable, "-m", _LOOKS[options.command], "--stack", options.stack, *more], prepared)
        if options.command == "shell":
            return _shell(prepared)
        return _pulumi(options.command, more, prepared)
    except target.MissingClusterError as error:
        print(error, file=sys.stderr)
        return 0 if options.command in ("down", "status") else 1
    except (ToolError, DevclusterError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command continues from here", file=sys.stderr)
        return 130


def prepare(root: Path, stack: str, cluster: str, command: str) -> Prepared:
    """Find the Kubernetes cluster, the CLI and the state. `up` starts the local cluster and builds what is missing."""
    os.umask(0o022)  # nodes, pods and the images' own user read what is built here
    project = open_project(root, stack)
    cli.refuse_unusable(project.oldest_cli)
    where = target.choose(project, cluster)
    _say(f"kubernetes: {where.words}")
    os.environ.update(target.environment(where, start=command == "up", more=target.images(project)))
    found = cli.find(Path(os.environ.get("PULUMI_HOME") or backend.state_root() / "engine"))
    _say(f"engine: {found.words}")
    os.environ.update(found.environment)
    state = backend.choose(project, where.local)
    if state.words:
        _say(f"state: {state.words}")
    scratch = private(backend.state_root())
    return Prepared(project, state, {**os.environ, **state.environment, **scratch, "PULUMI_SKIP_UPDATE_CHECK": "true"})


def _pulumi(command: str, more: list[str], prepared: Prepared) -> int:
    """Select the stack, created where `up` or `preview` may create it, and hand over to the CLI."""
    project, folder = prepared.project, prepared.backend.folder
    file = backend.config_file(project, folder) if folder else project.stack_file
    select = ["pulumi", "stack", "select", project.stack, "--non-interactive"]
    select += ["--create"] if command in ("up", "preview") else []
    environment = prepared.environment
    selected = subprocess.run(select, cwd=file.parent, env=environment, capture_output=True, text=True, check=False)
    if selected.returncode:
        if command == "down" and "no stack named" in selected.stderr:
            _say(f"down: the engine knows no stack {project.stack}; nothing to do")
            return 0
        raise ToolError(selected.stderr.strip().removeprefix("error: ") or selected.stdout.strip())
    arguments = [*_CLI[command], "--stack", project.stack, *more]
    arguments += [] if sys.stdout.isatty() else ["--non-interactive"]
    if folder and command != "outputs":
        arguments += ["--config-file", str(file)]
    return _become(["pulumi", *arguments], prepared)


def _shell(prepared: Prepared) -> int:
    shell = os.environ.get("SHELL") or "/bin/sh"
    _say(f"{shell}: `pulumi` and `kubectl` are the ones in use, on stack {prepared.project.stack}; leave with `exit`")
    select = ["pulumi", "stack", "select", prepared.project.stack, "--non-interactive"]
    # A stack that `make up` has not created yet is no error here: `pulumi stack init` creates it.
    subprocess.run(select, cwd=prepared.project.root, env=prepared.environment, capture_output=True, check=False)
    return _become([shell], prepared)


def _become(command: list[str], prepared: Prepared) -> int:
    os.chdir(prepared.project.root)
    sys.stdout.flush()
    return os.execvpe(command[0], command, prepared.environment)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
