"""A change of the pods, from the edit to an endpoint that answers from new ones: this project, kubectl and helm.

    .venv/bin/python -m bench.change --rounds 3

It writes every measurement to bench/results/change-<date>.json, and the table to change.md.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from distributed import Client, Future
from distributed.versions import VersionMismatchWarning

from bench import rounds
from bench.change_report import markdown
from bench.change_ways import VARIABLE, WAYS, Way
from bench.place import Place, empty
from bench.results import failure
from bench.stopwatch import Stopwatch

TIMEOUT_SECONDS = 240
PROBE_SECONDS = 10
WORK_SECONDS = 15
Answer = str | None


def ask(address: str) -> Answer:
    """The generation of the pods behind an address, from a task that runs on one; None without an answer."""
    with contextlib.suppress(Exception), Client(address, timeout=PROBE_SECONDS, set_as_default=False) as client:
        return client.submit(os.getenv, VARIABLE, pure=False).result(timeout=PROBE_SECONDS)
    return None


def watch_endpoint(
    watch: Stopwatch, address: Callable[[], str | None], wanted: str, ask: Callable[[str], Answer] = ask
) -> float:
    """Ask without a pause until the new pods answer, and mark that. The longest time in seconds without an answer."""
    last, longest, told = 0.0, 0.0, ""
    while told != wanted:
        if watch.passed() > TIMEOUT_SECONDS:
            raise TimeoutError(f"the endpoint answered {told or 'nothing'} for {TIMEOUT_SECONDS} s")
        where = address()
        if where and (answer := ask(where)):
            told, now = answer, watch.passed()
            longest, last = max(longest, now - last), now
    watch.mark("endpoint moved")
    return round(longest, 2)


def run(place: Place, watch: Stopwatch, commands: Sequence[Sequence[str]]) -> threading.Thread:
    """Runs the commands of the change while another thread watches the endpoint. Failures are in `watch.lines`."""

    def work() -> None:
        for command in commands:
            try:
                place.run(*command, timeout=TIMEOUT_SECONDS)
            except subprocess.SubprocessError as error:
                watch.lines.append((watch.passed(), f"{' '.join(command)}: {failure(error)}"))
                return
        watch.mark("command returned")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def change(place: Place, way: Way) -> dict[str, Any]:
    """One change under a running task. `work` is whether the task has ended well."""
    way.start(place, "1")
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not ((where := way.address(place)) and ask(where) == "1"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the first pods did not answer in {TIMEOUT_SECONDS} s")
    with Client(where, timeout=PROBE_SECONDS, set_as_default=False) as client:
        task = client.submit(time.sleep, WORK_SECONDS, pure=False)
        watch = Stopwatch()
        thread = run(place, watch, way.change(place, "2"))
        silent = watch_endpoint(watch, lambda: way.address(place), "2")
        work = _end(task)
    # Only now: `pulumi up` returns when the clients of the replaced cluster are done.
    thread.join(TIMEOUT_SECONDS)
    if "command returned" not in watch.marks:
        raise RuntimeError("; ".join(line for _, line in watch.lines) or "the command did not return")
    return {"marks": watch.marks, "silent": silent, "work": work, "cpu": watch.cpu()}


def _end(task: Future) -> str:
    try:
        task.result(timeout=2 * WORK_SECONDS)
    except Exception as error:
        return f"lost: {type(error).__name__}"
    return "finished"


def measure(place: Place, way: str, number: int) -> dict[str, Any]:
    """One measurement from nothing. A failure is a result too."""
    empty(place)
    result: dict[str, Any] = {"round": number, "way": way, "loadBefore": round(os.getloadavg()[0], 2)}
    try:
        result |= change(place, WAYS[way])
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        result["failure"] = failure(error)
    print(f"round {number}, ({way}): {result}", flush=True)
    return result


def main(argv: list[str] | None = None) -> int:
    """Runs the rounds and writes the report."""
    # The host's Python and the image's may differ in the patch version, which is harmless.
    warnings.simplefilter("ignore", VersionMismatchWarning)
    return rounds.run("change", "A change of the pods.", measure, markdown, argv)


if __name__ == "__main__":
    sys.exit(main())
