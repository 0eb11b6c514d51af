"""Connects a client to a cluster of a stack: finds a way to it, and prints what to paste into a program.

    python -m tools connect --stack dev [CLUSTER]

Where the endpoint cannot be reached from this machine, it forwards local ports to it until Ctrl-C.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.kube import client as kube
from components.kube import session
from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.kube.private_files import PrivateFiles
from tools import declared
from tools.connect import environment, files, show
from tools.connect.environment import Inventory
from tools.connect.forward import Forwards, Goal
from tools.connect.place import Place, choose
from tools.connect.reach import Reached, Ways, answers, reach
from tools.failure import ToolError


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 1, with the reason on stderr, for what the user can do something about."""
    options = _options(arguments)
    try:
        place = choose(declared.outputs(options.cwd, options.stack), options.stack, options.name)
        asyncio.run(_connect(place, declared.connection(options.cwd, options.stack), options))
    except (ToolError, ClusterError, kube.ServerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools connect", description=__doc__)
    parser.add_argument("name", nargs="?", default="", metavar="CLUSTER", help="the cluster, if the stack has several")
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--cwd", type=Path, default=Path(), help="the project's folder (default: here)")
    parser.add_argument("--forward", action="store_true", help="forward ports even if the endpoint can be reached")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--python", default="", help="the client's Python (default: the active environment's)")
    parser.add_argument("--write-config", action="store_true", help="let `Client()` connect: a file in ~/.config/dask")
    parser.add_argument(
        "--environment", type=Path, metavar="FOLDER", help="write environment.yml and requirements.txt of the cluster"
    )
    return parser.parse_args(arguments)


class Session:
    """The Kubernetes API and the forwards of one command, created when they are first needed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._forwards: Forwards | None = None

    async def client(self) -> Any:
        return await kube.api(self._connection)

    async def open(self, goal: Goal, wanted: int) -> int:
        """A local port that leads to `goal`."""
        if self._forwards is None:
            self._forwards = Forwards(await self.client(), _say)
        return await self._forwards.open(goal, wanted)

    async def close(self) -> None:
        if self._forwards:
            await self._forwards.close()
        await session.close()


async def _connect(place: Place, connection: Connection, options: argparse.Namespace) -> None:
    ended, kubernetes, kept = _ended(), Session(connection), PrivateFiles()
    try:
        pem = place.certificates
        if not pem and (place.encrypted or not place.address):
            pem = await files.certificates(place, await kubernetes.client())
        if pem and options.write_config:
            folder = files.config_folder() / "dask-on-kubernetes" / f"{options.stack}-{place.name}"
            tls = files.write_private(folder, pem)
        else:
            tls = {name: kept.write(f"{name}.pem", text.encode()) for name, text in pem.items()}
        reached = await reach(place, tls, Ways(answers, _ask, kubernetes.open), forward=options.forward)
        report = await asyncio.to_thread(_report, place, reached, tls, options)
        print(show.as_json(report) if options.json else show.as_text(report), flush=True)
        if lasting := _lasting(reached, tls, options):
            _say(f"{lasting} until Ctrl-C")
            await ended.wait()
    finally:
        await kubernetes.close()
        kept.remove()


def _ended() -> asyncio.Event:
    """Set by Ctrl-C, and when another process ends this one. A shell's background job would ignore Ctrl-C."""
    event = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, event.set)
    return event


async def _ask(address: str, tls: Mapping[str, str]) -> Inventory:
    return await asyncio.to_thread(environment.of_cluster, address, tls)


def _report(place: Place, reached: Reached, tls: Mapping[str, str], options: argparse.Namespace) -> show.Report:
    """Compares the environments, and writes the requested files."""
    python = options.python or environment.interpreter()
    here, there = environment.of_interpreter(python), reached.inventory
    written = []
    if options.environment:
        of = f"the packages of the Dask cluster '{place.name}' of the stack {options.stack}"
        written += environment.write(options.environment, of, there)
    if options.write_config:
        written.append(files.write_config(files.config_folder(), reached.address, tls))
    found = list(environment.differences(here, there))
    return show.Report(place, reached, python, here, found, environment.others(here, there), tls, written)


def _lasting(reached: Reached, tls: Mapping[str, str], options: argparse.Namespace) -> str:
    """What ends with this command."""
    parts = ["the forward is open"] if reached.forwarded else []
    parts += ["the certificates are kept"] if tls and not options.write_config else []
    return " and ".join(parts)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
