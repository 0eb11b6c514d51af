"""The stack that owns the operator and nothing else, as a platform team's would."""

from typing import Any

from tests.support.stacks import Stack


class Owner:
    """The stack, brought up when it is first needed, and again after a test has destroyed it."""

    CONFIG: dict[str, Any] = {"namespace": {"name": "platform"}, "operator": {"install": True}}

    def __init__(self, stack: Stack) -> None:
        self.stack = stack.configure(**self.CONFIG)
        self._runs = False

    def up(self) -> Stack:
        """The operator runs, as the file of this stack declares it."""
        if not self._runs:
            self.stack.up(**self.CONFIG)
            self._runs = True
        return self.stack

    def down(self) -> None:
        """No operator runs; the CRDs stay."""
        if self._runs:
            self.stack.destroy()
            self._runs = False
