"""Talking and waiting. In: what is awaited and how to look. Out: lines for people, and one error when time is up.

A wait ends early when the run is stopped, by Ctrl-C or by another resource's failure: nothing waits for ten minutes
beside something that has already failed.
"""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

# The SDK's default await of 10 minutes (pulumi-kubernetes, `await.DefaultAwaitTimeout`).
DEFAULT_TIMEOUT_SECONDS = 600.0
LINE_EVERY_SECONDS = 10.0
LOOK_EVERY_SECONDS = 0.3


class StoppedError(Exception):
    """The run was stopped while this was still being waited for."""


class NotInTimeError(Exception):
    """What was awaited did not come true in its time."""


@dataclass
class Progress:
    """Where lines go, and whether the run has been stopped."""

    say: Callable[[str], None]
    stop: threading.Event = field(default_factory=threading.Event)
    interrupted: bool = False
    look_every_seconds: float = LOOK_EVERY_SECONDS
    line_every_seconds: float = LINE_EVERY_SECONDS

    def until(self, what: str, look: Callable[[], str | None], timeout_seconds: float) -> None:
        """Call `look` until it returns None; else it returns what is still missing, for the lines and the error."""
        started = last_line = time.monotonic()
        while (missing := look()) is not None:
            now = time.monotonic()
            if now - started > timeout_seconds:
                raise NotInTimeError(f"{what} was not ready within {timeout_seconds:.0f} s: {missing}")
            if now - last_line >= self.line_every_seconds:
                last_line = now
                self.say(f"  waiting for {what}, {now - started:.0f} s: {missing}")
            if self.stop.wait(self.look_every_seconds):
                raise StoppedError(f"{what} was still being waited for: {missing}")


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(duration: str) -> float:
    """A Go duration such as '1h30m' or '90s', as `CustomTimeouts` takes them, in seconds."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration.strip():
        raise ValueError(f"'{duration}' is not a duration; write '90s', '10m' or '1h30m'")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
