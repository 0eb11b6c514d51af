"""Waiting for something on the cluster: one loop with a deadline, and the clock that it reads."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class DeadlineError(Exception):
    """The time for a wait has passed."""


@dataclass(frozen=True)
class Clock:
    """A monotonic clock in seconds, and the way to let time pass on it."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep


# The clock of this process. Code that measures a wait reads the same clock as the wait itself.
CLOCK = Clock()


def now() -> float:
    """Seconds on the clock of this process."""
    return CLOCK.now()


async def sleep(seconds: float) -> None:
    """Lets time pass on the clock of this process."""
    await CLOCK.sleep(seconds)


async def wait_until(
    check: Callable[[], Awaitable[T | None]],
    seconds: float,
    *,
    pause: float | Callable[[], float] = 1.0,
    clock: Clock | None = None,
) -> T:
    """Asks `check` until it answers something true, which is returned. Raises `DeadlineError` after `seconds`.

    It asks at least once, and a last time when the time has passed. `pause` is in seconds. `clock` is by default
    that of the process.
    """
    watch = clock or CLOCK
    deadline = watch.now() + seconds
    while not (found := await check()):
        if watch.now() > deadline:
            raise DeadlineError
        await watch.sleep(pause() if callable(pause) else pause)
    return found


def growing(first: float, longest: float, factor: float = 1.5) -> Callable[[], float]:
    """Pauses that grow from `first` to `longest` seconds."""
    following = first

    def pause() -> float:
        nonlocal following
        taken, following = following, min(longest, following * factor)
        return taken

    return pause
