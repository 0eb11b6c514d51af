"""Measures how long a block of code takes."""

import contextlib
import time
from collections.abc import Iterator


class Clock:
    """The seconds that a `with timed()` block took; 0 until it ends."""

    seconds = 0.0


@contextlib.contextmanager
def timed() -> Iterator[Clock]:
    """A clock that stops when the block ends."""
    clock, started = Clock(), time.monotonic()
    yield clock
    clock.seconds = time.monotonic() - started
