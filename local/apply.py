"""The program without a Pulumi engine. In: a command and a stack. Out: a cluster as the program wants it.

    python -m local.apply up|preview|outputs|down --stack dev [--cwd DIR]

The unchanged `__main__.py` runs under the SDK's mock monitor, with a monitor that really applies: server-side apply for
objects, helm for releases, live objects as outputs. No state, no history: what a stack owns is read from the cluster.
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.changes import has_unknown
from local.cleanup import CleanupError, down, prune
from local.helm import HelmError
from local.hooks import Hooks
from local.live import ApiError, UnreachableError
from local.monitor import cluster_of, default_inputs
from local.program import run_program
from local.progress import NotInTimeError, Progress, StoppedError
from local.record import Record
from local.resources import Run
from local.stackfiles import Stack, StackError, homes, load

NO_ENGINE = (
    "No Pulumi engine: the program is applied directly, without state or history. The engine is the Pulumi CLI "
    "(https://www.pulumi.com/docs/install/); where it is installed, `make` uses it."
)
_EXPECTED = (StackError, UnreachableError, ApiError, HelmError, CleanupError, NotInTimeError)


def main(arguments: list[str] | None = None) -> int:
    """Run one command: 0 when it did what was asked, 1 when not, 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    to_stderr = options.command == "outputs"
    progress = Progress(lambda line: print(line, flush=True, file=sys.stderr if to_stderr else sys.stdout))
    record = Record(progress)
    _stop_on_interrupt(progress)
    started = time.monotonic()
    progress.say(NO_ENGINE)
    try:
        stack = load(options.cwd.resolve(), options.stack)
        with _alone(stack) if options.command in ("up", "down") else contextlib.nullcontext():
            if options.command == "down":
                record.clusters.append(cluster_of(default_inputs(stack.config)))
                record.namespaces |= homes(stack)
                down(record.clusters[0], stack.part_of, record, options.force_finalizers)
            else:
                _run(stack, record, options.command)
        if options.command == "outputs" and not record.failures:
            _print_outputs(record, options.show_secrets)
    except _EXPECTED as error:
        record.fail("", error)
    except StoppedError as error:
        progress.say(f"  stopped: {error}")
    finally:
        for cluster in record.clusters:
            cluster.close()
    return _end(record, options.command, time.monotonic() - started)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.apply", description="Run __main__.py without an engine.")
    parser.add_argument("command", choices=("up", "preview", "outputs", "down"))
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--cwd", type=Path, default=Path(), help="the project's directory (default: here)")
    parser.add_argument("--show-secrets", action="store_true", help="outputs: print secret values too")
    parser.add_argument(
        "--force-finalizers",
        action="store_true",
        help="down: clear the finalizers of Dask resources, when their operator is gone for good",
    )
    return parser


def _stop_on_interrupt(progress: Progress) -> None:
    """The first Ctrl-C ends every wait and starts nothing new; the second one ends at once."""

    def handle(_number: int, _frame: Any) -> None:
        if progress.interrupted:
            os._exit(130)
        progress.interrupted = True
        progress.stop.set()

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)


@contextlib.contextmanager
def _alone(stack: Stack) -> Iterator[None]:
    """One `up` or `down` of a stack on a cluster at a time on this machine; the lock goes with the process."""
    inputs = default_inputs(stack.config)
    where = inputs.get("kubeconfig") or os.environ.get("KUBECONFIG"), inputs.get("context")
    lock = f"{stack.part_of}-{hashlib.sha256(repr(where).encode()).hexdigest()[:8]}.lock"
    directory = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "dask-on-kubernetes"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / lock).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StackError(f"another up or down of {stack.name} runs on this machine; wait for its end") from None
        yield


def _run(stack: Stack, record: Record, command: Any) -> None:
    """Run the program; then, when nothing failed, take away what it no longer registers."""
    run = Run(command, stack.part_of, record, Hooks(record.progress, preview=command != "up"))
    with contextlib.redirect_stdout(sys.stderr) if command == "outputs" else contextlib.nullcontext():
        run_program(stack, run)
    if command in ("up", "preview") and not record.progress.stop.is_set():
        for cluster in record.clusters:
            prune(cluster, stack.part_of, record, preview=command == "preview")


def _print_outputs(record: Record, show_secrets: bool) -> None:
    unknown = sorted(key for key, value in record.outputs.items() if has_unknown(value))
    if unknown or len(record.missing) == len(record.registered) + len(record.releases):
        missing = f"{', '.join(record.missing[:3])}{', ...' if len(record.missing) > 3 else ''}"
        words = f"; so these outputs are unknown: {', '.join(unknown)}" if unknown else ""
        raise StackError(f"not on the cluster: {missing}{words}; run `make up`")
    print(json.dumps(_shown(record, show_secrets), indent=2, sort_keys=True))


def _shown(record: Record, show_secrets: bool) -> dict[str, Any]:
    hidden = set() if show_secrets else record.secret_outputs
    return {key: "[secret]" if key in hidden else value for key, value in record.outputs.items()}


def _end(record: Record, command: str, took_seconds: float) -> int:
    say = record.progress.say
    for failure in record.failures:
        say(f"\nerror: {failure.removeprefix(': ')}")
    if record.progress.interrupted:
        say("\nInterrupted. What was applied stays, nothing was pruned; the same command goes on from here.")
        return 130
    if record.failures:
        if command in ("up", "down") and record.counts:
            say("\nWhat was done before stays as it is, and nothing was pruned. The same command goes on from here.")
        return 1
    if command == "up" and record.outputs:
        say("\nOutputs:")
        for key, value in sorted(_shown(record, show_secrets=False).items()):
            say(f"  {key}: {value if isinstance(value, str) else json.dumps(value, sort_keys=True)}")
    if command != "outputs":
        say(f"\n{command}: {record.summary()} ({took_seconds:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
