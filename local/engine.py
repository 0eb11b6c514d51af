"""Which way a stack is applied: by the Pulumi engine where it can be had, else by `local.apply`. In: a command.

    python -m local.engine up|preview|outputs|down|refresh --stack dev

ENGINE=pulumi refuses the fallback, ENGINE=none forces it. One stack stays with one way: before anything is done, the
field managers of its objects tell who made them, and the other way is refused (FORCE=1 overrides).
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from local import pulumicli
from local.cleanup import of_stack, ours
from local.live import ApiError, UnreachableError
from local.monitor import cluster_of, default_inputs
from local.refs import managers, ref_of
from local.stackfiles import Stack, StackError, homes, load, read_yaml

_COMMANDS: dict[str, list[str]] = {
    "up": ["up", "--yes", "--skip-preview"],
    "preview": ["preview", "--diff"],
    "outputs": ["stack", "output", "--json"],
    "down": ["destroy", "--yes", "--skip-preview"],
    "refresh": ["refresh", "--yes", "--skip-preview"],
}
_SALT = re.compile(r"^encryptionsalt:.*$", re.MULTILINE)
_WAYS = {"engine": "the Pulumi engine", "apply": "local.apply, without an engine"}


def main(arguments: list[str] | None = None) -> int:
    """Choose the way, check that the stack is not the other way's, and go."""
    parser = argparse.ArgumentParser(prog="python -m local.engine", description="Apply a stack, by the best way.")
    parser.add_argument("command", choices=tuple(_COMMANDS))
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--cwd", type=Path, default=Path(), help="the project's directory (default: here)")
    options, more = parser.parse_known_args(arguments)
    try:
        stack = load(options.cwd.resolve(), options.stack, refuse_secrets=False)
        cli = _choose(os.environ.get("ENGINE", ""))
        _refuse_the_other_way(stack, options.command, "engine" if cli.path else "apply")
    except (StackError, UnreachableError) as error:
        _say(f"error: {error}")
        return 1
    if cli.path:
        return _by_engine(cli.path, stack, options.command, more)
    if options.command == "refresh":
        _say("refresh: nothing to do without an engine: there is no state that could differ from the cluster")
        return 0
    from local.apply import main as apply

    return apply([options.command, "--stack", stack.name, "--cwd", str(stack.root), *more])


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _choose(wish: str) -> pulumicli.Found:
    """The CLI to use, or no path for `local.apply`. Says which in one line."""
    if wish not in ("", "auto", "none", "pulumi"):
        raise StackError(f"ENGINE={wish} is none of: auto (the default), pulumi, none")
    if wish == "none":
        _say("engine: none, because ENGINE=none")
        return pulumicli.Found("", "ENGINE=none")
    found = pulumicli.find(try_again=wish == "pulumi")
    if wish == "pulumi" and not found.path:
        raise StackError(f"ENGINE=pulumi, but {found.why}; install it: https://www.pulumi.com/docs/install/")
    _say(f"engine: {found.why}" if found.path else f"engine: none, because {found.why}")
    return found


def made_by(stack: Stack) -> Mapping[str, list[str]]:
    """The stack's objects on the cluster, by the way that made them."""
    cluster = cluster_of(default_inputs(stack.config))
    made: dict[str, list[str]] = {"engine": [], "apply": []}
    try:
        for obj in (obj for stage in of_stack(cluster, stack.part_of, homes(stack)) for obj in stage):
            if ours(obj):
                made["apply"].append(str(ref_of(obj)))
            elif any(name.startswith("pulumi-kubernetes") for name in managers(obj)):
                made["engine"].append(str(ref_of(obj)))
    finally:
        cluster.close()
    return made


def _refuse_the_other_way(stack: Stack, command: str, way: str) -> None:
    if os.environ.get("FORCE") == "1":
        return
    try:
        made = made_by(stack)
    except UnreachableError:
        if way == "apply":  # it would wait for the same server once more
            raise
        return  # the CLI may reach it in ways of its own, and tells it better
    except ApiError:
        return
    other = "apply" if way == "engine" else "engine"
    if made[other]:
        choice = "none" if other == "apply" else "pulumi"
        raise StackError(
            f"stack {stack.name} was brought up by {_WAYS[other]} ({', '.join(made[other][:3])}, ...), and this "
            f"would be {_WAYS[way]}: the two know nothing of each other. Either go on as before: "
            f"`ENGINE={choice} make {command}`, or take it down first: `ENGINE={choice} make down`; "
            "FORCE=1 goes ahead nevertheless and takes the objects over"
        )


def _by_engine(cli: str, stack: Stack, command: str, more: list[str]) -> int:
    """Select the stack, made where `up` or `preview` may make it, and hand over to the CLI."""
    state = own_backend(stack.root)
    environment = {**os.environ, **(_variables(state) if state else {}), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    environment["PATH"] = os.pathsep.join([str(Path(cli).parent), environment.get("PATH", "")])
    project = _copy_for_salt(stack, state) if state else stack.root
    select = [cli, "stack", "select", stack.name, "--non-interactive"]
    select += ["--create"] if command in ("up", "preview") else []
    selected = subprocess.run(select, cwd=project, env=environment, capture_output=True, text=True, check=False)
    if selected.returncode:
        if command == "down" and "no stack named" in selected.stderr:
            _say(f"down: the engine knows no stack {stack.name}; nothing to do")
            return 0
        _say(selected.stderr.strip() or selected.stdout.strip())
        return 1
    arguments = [*_COMMANDS[command], "--stack", stack.name, *more]
    arguments += [] if sys.stdout.isatty() else ["--non-interactive"]
    if state and command != "outputs":
        arguments += ["--config-file", str(project / f"Pulumi.{stack.name}.yaml")]
    os.chdir(stack.root)
    sys.stdout.flush()
    return os.execve(cli, [cli, *arguments], environment)


def own_backend(root: Path) -> Path | None:
    """A directory of our own for the engine's state, when nobody has chosen a backend."""
    chosen = os.environ.get("PULUMI_BACKEND_URL") or os.environ.get("PULUMI_ACCESS_TOKEN") or _logged_in()
    if chosen or read_yaml(root / "Pulumi.yaml").get("backend"):
        return None
    state = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "dask-on-kubernetes" / "pulumi"
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    return state


def _variables(state: Path) -> dict[str, str]:
    variables, words = {"PULUMI_BACKEND_URL": f"file://{state}"}, ""
    if "PULUMI_CONFIG_PASSPHRASE" not in os.environ and "PULUMI_CONFIG_PASSPHRASE_FILE" not in os.environ:
        variables["PULUMI_CONFIG_PASSPHRASE"] = ""
        words = ", with an empty passphrase"
    _say(f"engine: state in {state}{words}, because no backend is chosen (`pulumi login`, or PULUMI_BACKEND_URL)")
    return variables


def _copy_for_salt(stack: Stack, state: Path) -> Path:
    """The CLI writes the salt of a passphrase into the stack's file. A copy takes it, so the checkout stays clean."""
    project = state / "projects" / stack.project
    project.mkdir(parents=True, exist_ok=True)
    (project / "Pulumi.yaml").write_bytes((stack.root / "Pulumi.yaml").read_bytes())
    copy = project / f"Pulumi.{stack.name}.yaml"
    before = copy.read_text(encoding="utf-8") if copy.exists() else ""
    text = (stack.root / copy.name).read_text(encoding="utf-8")
    if not _SALT.search(text) and (salt := _SALT.search(before)):
        text = f"{text.rstrip()}\n{salt[0]}\n"
    copy.write_text(text, encoding="utf-8")
    return project


def _logged_in() -> bool:
    home = Path(os.environ.get("PULUMI_HOME") or "~/.pulumi").expanduser()
    try:
        return bool(json.loads((home / "credentials.json").read_text(encoding="utf-8")).get("current"))
    except (OSError, ValueError):
        return False


if __name__ == "__main__":
    sys.exit(main())
