"""The first process inside a node. It runs the components of a JSON file (see `Spec`) and restarts them when they end.

Started by path inside fresh mount, pid, uts and ipc namespaces, so it imports nothing of this package. As pid 1 it also
reaps the orphans that containerd's shims leave; when it dies, the kernel ends every process of the node.
"""

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import TypedDict

RESTART_SECONDS = 1.0
POLL_SECONDS = 0.05


class Component(TypedDict):
    """One program. `after`: what must answer before it starts, a unix socket's path or an https address (with 200)."""

    name: str
    command: list[str]
    after: list[str]


class Spec(TypedDict):
    """What node.py writes. `cgroups`: directories to move to; `binds`: [source, target] pairs to mount;

    `ca`: the file that certifies https addresses.
    """

    hostname: str
    cgroups: list[str]
    binds: list[list[str]]
    environment: dict[str, str]
    logs: str
    ca: str
    components: list[Component]


def main(spec_file: str) -> None:
    """Mount, then run for ever; the node ends by SIGKILL from outside."""
    spec: Spec = json.loads(Path(spec_file).read_text())
    for cgroup in spec[
        "cgroups"
    ]:  # `unshare`, our parent, stays where it is: alone there, it shows that the node lives
        Path(cgroup, "cgroup.procs").write_text("0")
    socket.sethostname(spec["hostname"])
    for source, target in spec["binds"]:
        subprocess.run(["mount", "--bind", source, target], check=True)
    # Shared within this namespace only (`unshare` made it private), as pods with mountPropagation expect.
    subprocess.run(["mount", "--make-rshared", "/"], check=True)
    run(spec)


def run(spec: Spec) -> None:
    """Start each component when what it waits for answers, and again a second after it ended."""
    running: dict[int, str] = {}
    waiting = {component["name"]: 0.0 for component in spec["components"]}  # name -> not before (monotonic seconds)
    while True:
        for component in spec["components"]:
            name = component["name"]
            due = name in waiting and waiting[name] <= time.monotonic()
            if due and all(answers(address, spec["ca"]) for address in component["after"]):
                try:
                    running[spawn(component, spec)] = name
                except OSError as error:  # no room for its log, or for another process
                    report(f"{name} cannot be started: {error}")
                    waiting[name] = time.monotonic() + RESTART_SECONDS
                    continue
                del waiting[name]
                report(f"started {name}")
        while (ended := reap(block=not waiting)) is not None:
            pid, status = ended
            if pid in running:
                name = running.pop(pid)
                report(f"{name} ended with {os.waitstatus_to_exitcode(status)}; starting it again")
                waiting[name] = time.monotonic() + RESTART_SECONDS
        time.sleep(POLL_SECONDS)


def reap(*, block: bool) -> tuple[int, int] | None:
    """The next ended child as (pid, status), or None if none has ended since."""
    try:
        pid, status = os.waitpid(-1, 0 if block else os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


def spawn(component: Component, spec: Spec) -> int:
    """Start a component with its output appended to its log; return its pid."""
    log = f"{spec['logs']}/{component['name']}.log"
    command = component["command"]
    return os.posix_spawn(
        command[0],
        command,
        spec["environment"],
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )


def answers(address: str, ca: str) -> bool:
    """Whether a unix socket accepts, or an https address says 200."""
    try:
        if address.startswith("/"):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(address)
            return True
        host, _, path = address.removeprefix("https://").partition("/")
        connection = http.client.HTTPSConnection(host, timeout=2, context=ssl.create_default_context(cafile=ca))
        try:
            connection.request("GET", f"/{path}")
            return connection.getresponse().status == 200
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return False


def report(text: str) -> None:
    """One line in supervisor.log. A full disk must not end the first process, and with it the node."""
    with contextlib.suppress(OSError):
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
