"""The one loop that waits: when it asks, when it gives up, and on which clock."""

import asyncio

import pytest

from components.kube import wait
from components.kube.wait import DeadlineError, growing, wait_until
from tests.support.clock import FakeClock


def asked_at(clock: FakeClock, true_from: float) -> tuple[list[float], object]:
    """When the check was asked, if it holds from this time on, and what came of a wait for 10 seconds."""
    times: list[float] = []

    async def check() -> str | None:
        times.append(clock.time)
        return "found" if clock.time >= true_from else None

    return times, asyncio.run(wait_until(check, 10, pause=4, clock=clock.clock))


def test_it_returns_what_the_check_finds() -> None:
    assert asked_at(FakeClock(), 8) == ([0, 4, 8], "found")


def test_what_holds_already_is_not_waited_for() -> None:
    assert asked_at(FakeClock(), 0) == ([0], "found")


def test_it_asks_a_last_time_when_the_time_has_passed() -> None:
    assert asked_at(FakeClock(), 12) == ([0, 4, 8, 12], "found")

    with pytest.raises(DeadlineError):
        asked_at(FakeClock(), 13)


def test_a_deadline_in_the_past_still_asks_once() -> None:
    async def check() -> bool:
        return True

    assert asyncio.run(wait_until(check, -1, clock=FakeClock().clock))


def test_an_error_of_the_check_ends_the_wait() -> None:
    async def check() -> bool:
        raise LookupError("a broken answer")

    with pytest.raises(LookupError):
        asyncio.run(wait_until(check, 10, clock=FakeClock().clock))


def test_pauses_grow_up_to_the_longest() -> None:
    pause = growing(1, 5, factor=2)

    assert [pause() for _ in range(5)] == [1, 2, 4, 5, 5]


def test_the_clock_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock().install(monkeypatch)

    async def check() -> bool:
        return wait.now() >= 3

    asyncio.run(wait_until(check, 10))

    assert clock.time == 3
