"""Elapsed and processor seconds at each milestone, and the lines of a program as it prints them."""

import subprocess
import threading
import time
from collections.abc import Iterator

from bench.place import cpu_seconds


class Stopwatch:
    """Seconds since the start, by what had been reached."""

    def __init__(self) -> None:
        self.epoch = time.time()
        self._cpu = cpu_seconds()
        self.marks: dict[str, float] = {}
        self.lines: list[tuple[float, str]] = []

    def mark(self, step: str) -> None:
        """Records that a milestone is reached now."""
        self.marks.setdefault(step, self.passed())

    def cpu(self) -> dict[str, float]:
        """Processor seconds since the start, of the cluster and of what ran outside it."""
        return {where: round(now - self._cpu[where], 2) for where, now in cpu_seconds().items()}

    def passed(self) -> float:
        """Elapsed seconds since the start."""
        return round(time.time() - self.epoch, 2)


def lines(process: "subprocess.Popen[str]", seconds: float) -> Iterator[str]:
    """The lines of a program as it prints them. The program is killed when its time is up."""
    assert process.stdout is not None
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield from process.stdout
        process.wait()
    finally:
        timer.cancel()
