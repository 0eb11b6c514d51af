"""The stack that owns the operator. In: its configuration. Out: a running stack, and the record of how it came up."""

from dataclasses import dataclass
from typing import Any

from tests.engine.runs import Run
from tests.engine.stacks import Stack
from tests.kubectl import Kubectl

WATCHED = ("namespaces", "customresourcedefinitions.apiextensions.k8s.io", "services", "deployments.apps")


@dataclass(frozen=True)
class Birth:
    """How the stack came up from nothing."""

    before: dict[str, list[str]]
    """The names of some objects before anything."""
    preview: Run
    after_preview: dict[str, list[str]]
    up: Run
    outputs: dict[str, Any]


class Owner:
    """The stack, brought up when it is first needed, and again after a test has destroyed it."""

    def __init__(self, stack: Stack, kube: Kubectl) -> None:
        self.stack, self.kube = stack, kube
        self._birth: Birth | None = None

    def up(self) -> Birth:
        if self._birth is None:
            before = self._objects()
            preview = self.stack.preview()
            after_preview = self._objects()
            up = self.stack.up()
            self._birth = Birth(before, preview, after_preview, up, self.stack.outputs())
        return self._birth

    def down(self) -> Run:
        self._birth = None
        return self.stack.destroy()

    def _objects(self) -> dict[str, list[str]]:
        kinds = {kind: self.kube.get(kind, "--all-namespaces") for kind in WATCHED}
        return {
            kind: sorted(f"{item['metadata'].get('namespace')}/{item['metadata']['name']}" for item in items)
            for kind, items in kinds.items()
        }
