"""`python3 -m local`: the Makefile's entry. In: a command and a stack. Out: that command, with a Kubernetes under it.

    python3 -m local up|preview|outputs|down|refresh|status --stack dev
    python3 -m local cluster
    python3 -m local with-cluster --name test -- COMMAND ...

Where neither KUBECONFIG nor `kubernetes:context` in the stack names a cluster, the local one is used: started, and its
images imported, before `up`. This file runs on the standard library; the rest runs in .venv.
"""

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"
_STACK_COMMANDS = ("up", "preview", "outputs", "down", "refresh", "status", "drift")
_DOES_NOT_RUN = 3  # exit code of local.kubernetes
_LOOKS = {"status": "local.status", "drift": "local.drift"}
_NAMED = re.compile(r"""^[^#\n]*[\s{,]["']?kubernetes:(context|kubeconfig)["']?\s*:""", re.MULTILINE)


# SIGINTs of this preparation, see `patience`.
_interrupts: list[int] = []


class PreparationError(Exception):
    """A step before the command failed; it has said why itself, on stderr."""


class NothingThereError(PreparationError):
    """There is no Kubernetes that the command could look at."""


def main(arguments: list[str] | None = None) -> int:
    """Prepare what the command needs, then become it."""
    parser = argparse.ArgumentParser(prog="python3 -m local", description=__doc__)
    parser.add_argument("command", choices=(*_STACK_COMMANDS, "cluster", "with-cluster"))
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--cwd", type=Path, default=ROOT)
    parser.add_argument("--name", default=os.environ.get("CLUSTER") or "dev", help="the local cluster (default: dev)")
    options, more = parser.parse_known_args(arguments)
    try:
        if options.command == "with-cluster":
            return with_cluster(options.name, more[more[:1] == ["--"] :])
        if options.command == "cluster":
            with patience():
                print(start(options.name))
            return 0
        if not PYTHON.exists():
            print("error: there is no .venv; `make up` makes it", file=sys.stderr)
            return 1
        with patience():
            environment = {**os.environ, **kubeconfig(options.command, options.stack, options.cwd, options.name)}
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except NothingThereError as error:
        print(error, file=sys.stderr)
        return 0 if options.command in ("down", "status") else 1
    except PreparationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    module = [_LOOKS[options.command]] if options.command in _LOOKS else ["local.engine", options.command]
    command = ["-m", *module, "--stack", options.stack, "--cwd", str(options.cwd), *more]
    os.chdir(ROOT)
    return os.execve(PYTHON, [str(PYTHON), *command], environment)


@contextlib.contextmanager
def patience() -> Iterator[None]:
    """Ctrl-C reaches the step that runs as well. It ends by itself and says so; `subprocess.run` would kill it.

    No further step begins, see `_run`.
    """
    before = signal.signal(signal.SIGINT, lambda number, _: _interrupts.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        interrupted = bool(_interrupts)
        _interrupts.clear()
    if interrupted:
        raise KeyboardInterrupt


def kubeconfig(command: str, stack: str, project: Path, name: str) -> dict[str, str]:
    """KUBECONFIG of the local cluster where the stack needs one; nothing where another cluster is chosen."""
    file = project / f"Pulumi.{stack}.yaml"
    if not file.is_file():
        stacks = ", ".join(sorted(path.name.split(".")[1] for path in project.glob("Pulumi.*.yaml")))
        raise PreparationError(f"there is no {file.name} in {project}; STACK is one of: {stacks or '(there is none)'}")
    if os.environ.get("KUBECONFIG") or _NAMED.search(file.read_text(encoding="utf-8")):
        return {}
    if command == "up":
        return {"KUBECONFIG": start(name)}
    found = _run("local.kubernetes", "kubeconfig", "--name", name, quiet=True)
    if found.returncode == _DOES_NOT_RUN:
        raise NothingThereError(
            f"the local Kubernetes '{name}' does not run, so `{command}` finds nothing; `make up` starts it, "
            "KUBECONFIG or `kubernetes:context` in the stack chooses another cluster"
        )
    if found.returncode:  # it may run, so this is no answer
        raise PreparationError(f"whether the local Kubernetes '{name}' runs cannot be told: {found.stderr.strip()}")
    return {"KUBECONFIG": found.stdout.strip()}


def start(name: str) -> str:
    """The local cluster, running and with the images in it; its kubeconfig's path."""
    path = _required("local.kubernetes", "up", "--name", name)
    built = _run("local.images", "archives", quiet=True)
    archives = _required("local.images", "build") if built.returncode else built.stdout.strip()
    _required("local.kubernetes", "import", "--name", name, *archives.splitlines())
    return path


def with_cluster(name: str, command: list[str]) -> int:
    """Run a command with a cluster of its own, and take the cluster down afterwards, unless KEEP=1."""
    # tests/clusters.py takes the cluster of that name as it is, and with KEEP leaves it for the next tier.
    try:
        with patience():
            environment = {**os.environ, "KUBECONFIG": start(name), "DASK_TEST_CLUSTER": name, "KEEP": "1"}
            code = subprocess.run(command, env=environment, check=False).returncode
    except (KeyboardInterrupt, OSError):  # but one that did not start is left: its logs say why
        _leave(name)
        raise
    _leave(name)
    return code if code >= 0 else 128 - code


def _leave(name: str) -> None:
    if os.environ.get("KEEP") == "1":
        print(f"kept: cluster {name}; `python3 -m local.kubernetes down --name {name}`", file=sys.stderr)
        return
    with patience():
        _required("local.kubernetes", "down", "--name", name)


def _run(*arguments: str, quiet: bool = False) -> subprocess.CompletedProcess[str]:
    """`python3 -m ...` to its end; its stderr is shown unless `quiet`."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if quiet else None,
        text=True,
        check=False,
    )
    if _interrupts:
        raise KeyboardInterrupt
    return done


def _required(*arguments: str) -> str:
    done = _run(*arguments)
    if done.returncode:
        raise PreparationError(f"`python3 -m {' '.join(arguments[:2])}` failed; see above")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
