"""A resource as the rules see it: plain values instead of the policy SDK's objects."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Props = dict[str, Any]
Pod = dict[str, Any]
UNKNOWN = "<unknown until the update>"


@dataclass(frozen=True)
class Resource:
    """One resource of the stack."""

    type: str
    """The type token, such as `kubernetes:core/v1:Service`."""
    props: Props
    urn: str = ""
    protect: bool = False

    @property
    def kind(self) -> str:
        """`Service`, whatever the API group."""
        return self.type.rpartition(":")[2]

    @property
    def name(self) -> str:
        """The object's name in Kubernetes."""
        return self.metadata.get("name", "")

    @property
    def namespace(self) -> str:
        """The namespace, `default` if none is set."""
        return self.metadata.get("namespace", "default")

    @property
    def labels(self) -> dict[str, str]:
        """The labels; empty if there are none."""
        return self.metadata.get("labels") or {}

    @property
    def metadata(self) -> Props:
        """The `metadata` of the object; empty without one."""
        return self.props.get("metadata") or {}

    @property
    def spec(self) -> Props:
        """The `spec` of the object; empty without one."""
        return self.props.get("spec") or {}

    def __str__(self) -> str:
        return f"{self.kind} '{self.name}'"

    def pods(self) -> Iterator[tuple[str, Pod]]:
        """Every pod spec in the object, with its path, and in what the pod of a CronJob creates."""
        yield from _pods(self.spec, "spec")
        if self.kind == "CronJob":
            for path, pod in _pods(self.spec, "spec"):
                for body in _created_by(pod):
                    yield from _pods(body, f"{path}.{body.get('kind')}")


def _pods(node: Any, path: str) -> Iterator[tuple[str, Pod]]:
    if isinstance(node, dict):
        if isinstance(node.get("containers"), list):
            yield path, node
        for key, value in node.items():
            yield from _pods(value, f"{path}.{key}")


def _created_by(pod: Pod) -> list[Any]:
    """The objects in the variables of a schedule's pod, where Kubernetes takes `$$` for a `$`; none in other pods."""
    variables = {it.get("name"): it.get("value") for box in pod["containers"] for it in box.get("env") or []}
    texts = [str(variables.get(name)).replace("$$", "$") for name in ("JOB", "AUTOSCALER")]
    found = [json.loads(text) for text in texts if text.startswith(("{", "["))]
    return [body for one in found for body in (one if isinstance(one, list) else [one])]


@dataclass(frozen=True)
class Violation:
    """What is wrong, and with which resource."""

    message: str
    urn: str = ""


@dataclass(frozen=True)
class Stack:
    """All resources of the stack, with what the rules keep looking up."""

    resources: Sequence[Resource]
    config: Mapping[str, Any] = field(default_factory=dict)

    def of(self, *kinds: str) -> list[Resource]:
        """The Kubernetes objects of these kinds."""
        return [item for item in self.resources if item.type.startswith("kubernetes:") and item.kind in kinds]


def plain(value: Any) -> Any:
    """Dicts and lists of the policy SDK's proxies, which raise when something unknown is read."""
    if isinstance(value, Mapping):
        return {key: _read(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_read(value, index) for index in range(len(value))]
    return value


def _read(holder: Any, key: Any) -> Any:
    from pulumi_policy.proxy import UnknownValueError

    try:
        return plain(holder[key])
    except UnknownValueError:
        return UNKNOWN
