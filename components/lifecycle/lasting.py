"""Remembers since when each trouble lasts: a wait ends for one that does not pass, and warns once of one that may."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi

from ..kube import wait
from ..kube.pods import Trouble

# How long a reason has to last: one more kubelet retry, and a quota that a replaced cluster is just giving back.
CERTAIN_SECONDS = 12


@dataclass
class Lasting:
    """The troubles that a wait for the cluster or job `name` has seen."""

    name: str
    troubles: list[Trouble] = field(default_factory=list)
    """Those of the last look."""
    _since: dict[tuple[str, str], float] = field(default_factory=dict)
    _told: set[tuple[str, str]] = field(default_factory=set)

    def judge(self, troubles: Sequence[Trouble]) -> Trouble | None:
        """The first fatal trouble that lasts. Warns once of each other that does."""
        now, self.troubles = wait.now(), list(troubles)
        keys = {(trouble.where, trouble.reason) for trouble in troubles}
        self._since = {key: self._since.get(key, now) for key in keys}
        for trouble in troubles:
            key = (trouble.where, trouble.reason)
            if now - self._since[key] < CERTAIN_SECONDS:
                continue
            if trouble.fatal:
                return trouble
            if key not in self._told:
                self._told.add(key)
                pulumi.log.warn(f"{self.name}: still waiting: {trouble}")
        return None
