"""What one run has done or would do. In: steps and failures from many threads. Out: lines for people, and the sums."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from local.changes import Change, lines
from local.live import Cluster
from local.progress import Progress

_SIGNS = {"create": "+", "update": "~", "replace": "+-", "delete": "-"}


@dataclass
class Record:
    """The record of one run; `registered` holds the keys of Refs, `namespaces` where they live."""

    progress: Progress
    failures: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    registered: set[tuple[str, str, str, str]] = field(default_factory=set)
    releases: set[tuple[str, str]] = field(default_factory=set)
    namespaces: set[str] = field(default_factory=set)
    clusters: list[Cluster] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    secret_outputs: set[str] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)

    def note(
        self, action: str, what: str, changes: Sequence[Change] = (), note: str = "", secret: bool = False
    ) -> None:
        """Count the step and print it, with one line per changed field; unchanged things are only counted."""
        self.counts[action] = self.counts.get(action, 0) + 1
        if action != "same":
            head = f"{_SIGNS[action]:>2} {action:<8}{what}" + (f"  ({note})" if note else "")
            self.progress.say("\n".join([head, *(f"       {line}" for line in lines(changes, secret))]))

    def fail(self, what: str, error: BaseException | str) -> None:
        """Keep the failure for the end and stop what has not begun, and every wait."""
        self.failures.append(f"{what}: {error}")
        self.progress.stop.set()

    def summary(self) -> str:
        """`2 create, 1 update, 9 unchanged`."""
        words = [f"{count} {action}" for action, count in self.counts.items() if action != "same"]
        return ", ".join([*words, f"{self.counts.get('same', 0)} unchanged"])
