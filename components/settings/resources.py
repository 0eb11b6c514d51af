"""The `resources` of a container: CPU, memory and devices, as requests and limits."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue

from ..settings.fields import Cpu, Memory, Model, Quantity
from ..settings.formats import quantities
from ..settings.formats.names import LABEL_KEY
from ..settings.mistakes import Invalid, Mistake, nearest

_CHECKS = {"cpu": quantities.cpu, "memory": quantities.memory, "ephemeral-storage": quantities.memory}
_PATTERNS = {"cpu": quantities.CPU, "memory": quantities.MEMORY, "ephemeral-storage": quantities.MEMORY}
# Kubernetes refuses other names without a '/' (validation.go, validateContainerResourceName).
_OTHER = rf"hugepages-[0-9]+[KMG]i|(?=.*/){LABEL_KEY}"


def _named(resources: dict[str, str]) -> dict[str, str]:
    """Checks each amount in the unit of its resource: `memory: 512m` would be half a byte."""
    if mistakes := [found for name, value in resources.items() if (found := _mistake(name, value))]:
        raise Invalid(*mistakes)
    return resources


def _mistake(name: str, value: str) -> Mistake | None:
    if name not in _CHECKS and not re.fullmatch(_OTHER, name):
        near = nearest(name, list(_CHECKS))
        fix = f"did you mean '{near}'?" if near else f"use {', '.join(_CHECKS)}, or a device such as 'nvidia.com/gpu'"
        return Mistake("is not a resource that Kubernetes knows", fix, (name,), None)
    try:
        _CHECKS.get(name, quantities.quantity)(value)
    except Invalid as error:
        return error.mistakes[0].at((name,))
    return None


class _Schema:
    """The same rules for editors."""

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        made = handler(core)
        known = {name: {"type": "string", "pattern": f"^(?:{pattern})$"} for name, pattern in _PATTERNS.items()}
        names = {"pattern": f"^(?:{'|'.join(_CHECKS)}|{_OTHER})$"}
        return made | {"properties": known, "propertyNames": names}


Amounts = Annotated[dict[str, Quantity], AfterValidator(_named), _Schema()]


class Resources(Model):
    """`cpu` and `memory` set request and limit; `requests` and `limits` set them apart, and other resources."""

    cpu: Cpu | None = None
    """Cores, requested and limited."""
    memory: Memory | None = None
    """Bytes, requested and limited."""
    requests: Amounts = {}
    """What the scheduler of Kubernetes reserves, by resource. Overrides `cpu` and `memory` for the request."""
    limits: Amounts = {}
    """The most that a container gets, by resource. Overrides `cpu` and `memory` for the limit."""

    def all_requests(self) -> dict[str, str]:
        """Quantities by resource, `cpu` and `memory` included."""
        return self._shorthand() | self.requests

    def all_limits(self) -> dict[str, str]:
        """Quantities by resource, `cpu` and `memory` included."""
        return self._shorthand() | self.limits

    def _shorthand(self) -> dict[str, str]:
        return {name: value for name, value in (("cpu", self.cpu), ("memory", self.memory)) if value}
