"""A clock for tests on which time passes only where somebody sleeps."""

import asyncio
from dataclasses import dataclass

import pytest

from components.kube import wait
from components.kube.wait import Clock


@dataclass
class FakeClock:
    """`time` is in seconds. `step` is what a look at the clock takes."""

    time: float = 0.0
    step: float = 0.0

    def now(self) -> float:
        self.time += self.step
        return self.time - self.step

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)

    @property
    def clock(self) -> Clock:
        return Clock(self.now, self.sleep)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> "FakeClock":
        """Makes it the clock of the process until the test ends."""
        monkeypatch.setattr(wait, "CLOCK", self.clock)
        return self
