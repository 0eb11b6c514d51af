"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL_SECONDS = 0.2


def wait_until(condition: Callable[[], T], seconds: float = 60, what: str = "") -> T:
    """The first true result of `condition`. Fails the test with what it waited for after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition.__name__}"
        time.sleep(POLL_SECONDS)
    return result
