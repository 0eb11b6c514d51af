"""Which object, and whose. In: a live object. Out: its Ref, and who has written to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The field manager of local.apply. What it has written and nobody owns is the stack's.
MANAGER = "local-apply"


@dataclass(frozen=True)
class Ref:
    """Which object: its type, its namespace ("" for cluster-wide kinds) and its name."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The same for every version of an API group."""
        return (self.api_version.rpartition("/")[0], self.kind, self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"


def ref_of(obj: Mapping[str, Any]) -> Ref:
    """The Ref of a live object."""
    metadata = obj["metadata"]
    return Ref(obj["apiVersion"], obj["kind"], metadata.get("namespace", ""), metadata["name"])


def managers(obj: Mapping[str, Any]) -> set[str]:
    """Who has written to this object, by its managedFields."""
    return {entry.get("manager", "") for entry in obj["metadata"].get("managedFields", [])}
