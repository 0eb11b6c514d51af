"""Runs other programs and returns their stdout. Raises a `DevclusterError` with a fix if one fails."""

import contextlib
import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path


class DevclusterError(Exception):
    """What failed, with which value, by which rule, and what to do about it; printed without a traceback."""


class NotRunningError(DevclusterError):
    """The cluster does not exist, or it has ended. Any other failure leaves the question open."""


def say(text: str) -> None:
    """Prints progress to stderr. Stdout has only results (a path, a status), so that scripts can capture it."""
    print(text, file=sys.stderr, flush=True)


def run(argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, stdin: str | None = None) -> str:
    """Run a program to its end and return its stdout; on failure raise with its last words."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [str(part) for part in argv],
        # What `su` without a dash, or cron, leaves out of PATH: nft, ip, mount.
        env=env or {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"},
        stdin=pipe if stdin is not None else None,
        stdout=pipe,
        stderr=pipe,
        text=True,
    ) as process:
        try:
            output, errors = process.communicate(stdin)
        except KeyboardInterrupt:
            process.communicate()  # it has got the Ctrl-C too; killed at once, apt-get would leave dpkg in the middle
            raise
    if process.returncode:
        words = (errors.strip() or output.strip())[-2000:]
        raise DevclusterError(f"`{' '.join(map(str, argv))}` ended with {process.returncode}:\n{words}")
    return output


def plain_environment(*, path: Path | None = None) -> dict[str, str]:
    """An environment without the caller's proxies or credentials: a node must not depend on who started it."""
    system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": f"{path}:{system}" if path else system, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}


@contextlib.contextmanager
def alive(what: str, progress: Callable[[], str] = str, every_seconds: float = 30) -> Iterator[None]:
    """Print the elapsed time and `progress()` every 30 s while the body runs, so that a long step is seen to live."""
    done = threading.Event()
    started = time.monotonic()

    def heartbeat() -> None:
        while not done.wait(every_seconds):
            minutes, seconds = divmod(int(time.monotonic() - started), 60)
            say(f"    {what}: {minutes} min {seconds:02} s {progress()}".rstrip())

    thread = threading.Thread(target=heartbeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold an exclusive lock on a file; wait, audibly, while another build holds it. Yields its descriptor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("==> waiting for another build on this machine to end")
            with alive("waiting"):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def require_root(command: str) -> None:
    """Raise unless root: namespaces, cgroups and apt all need it."""
    if os.geteuid() != 0:
        raise DevclusterError(
            f"`{command}` of the local Kubernetes runs as user {os.geteuid()}, but namespaces, cgroups and apt need "
            f"root; run `sudo make {'cluster-down' if command == 'down' else 'up'}`, or set KUBECONFIG for a cluster "
            "of your own"
        )
