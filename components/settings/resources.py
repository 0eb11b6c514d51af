"""The `resources` of a container: CPU, memory and devices, as requests and limits."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue

from ..settings.checks.messages import Rule, Rules, nearest
from ..settings.checks.pod_resources import container_resources
from ..settings.fields import Cpu, Memory, Model, Quantity
from ..settings.formats import quantities
from ..settings.formats.names import LABEL_KEY

_CHECKS = {"cpu": quantities.cpu, "memory": quantities.memory, "ephemeral-storage": quantities.memory}
_PATTERNS = {"cpu": quantities.CPU, "memory": quantities.MEMORY, "ephemeral-storage": quantities.MEMORY}
# Kubernetes refuses other names without a '/' (validation.go, validateContainerResourceName).
_OTHER = rf"hugepages-[0-9]+[KMG]i|(?=.*/){LABEL_KEY}"


def _named(resources: dict[str, str]) -> dict[str, str]:
    """Each amount as its name wants it: `memory: 512m` is half a byte."""
    broken: list[Rule] = []
    for name, value in resources.items():
        if name not in _CHECKS and not re.fullmatch(_OTHER, name):
            near = nearest(name, list(_CHECKS))
            fix = (
                f"did you mean '{near}'?" if near else f"use {', '.join(_CHECKS)}, or a device such as 'nvidia.com/gpu'"
            )
            broken.append(Rule("is not a resource that Kubernetes knows", fix, (name,), None))
            continue
        try:
            _CHECKS.get(name, quantities.quantity)(value)
        except Rule as rule:
            context = rule.context or {}
            broken.append(Rule(context["rule"], context["fix"], (name,), value))
    if broken:
        raise Rules(broken)
    return resources


class _Schema:
    """The same rules for editors."""

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        made = handler(core)
        known = {name: {"type": "string", "pattern": f"^(?:{pattern})$"} for name, pattern in _PATTERNS.items()}
        names = {"pattern": f"^(?:{'|'.join(_CHECKS)}|{_OTHER})$"}
        return made | {"properties": known, "propertyNames": names}


Amounts = Annotated[dict[str, Quantity], AfterValidator(_named), _Schema()]


def _kubernetes_takes_it(resources: "Resources") -> Iterator[Rule]:
    """The rules of a container, each where it is written: `cpu: "1"` is request and limit."""
    rendered = {"requests": resources.all_requests(), "limits": resources.all_limits()}
    for rule in container_resources((), rendered):
        context = rule.context or {}
        field, name = context["path"]
        place = (field, name) if name in getattr(resources, field) else (name,)
        yield Rule(context["rule"], context["fix"], place)


class Resources(Model):
    """`cpu` and `memory` are both request and limit; `requests` and `limits` say them apart, and name others."""

    cpu: Cpu | None = None
    """Cores, requested and limited."""
    memory: Memory | None = None
    """Bytes, requested and limited."""
    requests: Amounts = {}
    """What the scheduler of Kubernetes reserves, by resource. Overrides `cpu` and `memory` for the request."""
    limits: Amounts = {}
    """The most that a container gets, by resource. Overrides `cpu` and `memory` for the limit."""

    checks = (_kubernetes_takes_it,)

    def all_requests(self) -> dict[str, str]:
        return self._shorthand() | self.requests

    def all_limits(self) -> dict[str, str]:
        return self._shorthand() | self.limits

    def _shorthand(self) -> dict[str, str]:
        return {name: value for name, value in (("cpu", self.cpu), ("memory", self.memory)) if value}
