"""What the build asks of the machine: Debian packages, one build at a time, long commands that show they live."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from devcluster.shell import DevclusterError, say

ALIVE_EVERY_SECONDS = 15


def run(step: str, argv: Sequence[str | Path], usual_seconds: int, log: Path, lock: int | None = None) -> None:
    """Run one command, its output in `log`: a line at the start, alive-signs meanwhile, a line at the end.

    The command inherits the lock's descriptor: if this process is killed, the lock stays until the command has ended.
    """
    say(f"{step} (usually {usual_seconds} s)")
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=() if lock is None else (lock,),
            env=environment(),
        )
        try:
            while (status := _wait(process, ALIVE_EVERY_SECONDS)) is None:
                say(f"  still running, {time.monotonic() - started:.0f} s")
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if status:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
        raise DevclusterError(
            f"{step} failed with exit status {status}: {' '.join(map(str, argv))}\n{tail}\n"
            f"The whole output is in {log}; run the same command again to continue from here."
        )
    say(f"  done in {time.monotonic() - started:.0f} s")


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def environment() -> Mapping[str, str]:
    """The environment for commands. /usr/sbin is not on every PATH, and mmdebstrap's maintainer scripts need it."""
    return {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}


def need(packages: Mapping[str, Sequence[str]], log: Path) -> None:
    """Install the Debian packages (name -> a command that shows that it is installed) that are missing."""
    missing = sorted(package for package, probe in packages.items() if not _works(probe))
    if not missing:
        return
    command = f"apt-get install --yes --no-install-recommends {' '.join(missing)}"
    if os.geteuid() != 0:
        raise DevclusterError(f"building images needs the Debian packages {', '.join(missing)}; run: sudo {command}")
    if not shutil.which("apt-get"):
        raise DevclusterError(f"building images needs {', '.join(missing)}, and apt-get is missing")
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-q"]
    # One that was interrupted refuses all else. What it cannot repair, apt-get says better.
    run("dpkg --configure -a", ["sh", "-c", "DEBIAN_FRONTEND=noninteractive dpkg --configure -a || :"], 1, log)
    run("apt-get update", [*apt, "update"], 5, log)
    run(command, ["env", "DEBIAN_FRONTEND=noninteractive", *apt, *command.split()[1:]], 15, log)


def _works(probe: Sequence[str]) -> bool:
    try:
        return subprocess.run(probe, capture_output=True, env=environment(), check=False).returncode == 0
    except FileNotFoundError:
        return False
