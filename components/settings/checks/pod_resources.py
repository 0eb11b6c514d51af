"""What Kubernetes refuses in the `resources` of a rendered container, with the path within the pod."""

import re
from collections.abc import Iterator
from typing import Any

from ...settings.formats import quantities
from ...settings.formats.quantities import amount
from ...settings.mistakes import Mistake, Path

_ANY = r"([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?"
NATIVE = ("cpu", "memory", "ephemeral-storage")


def container_resources(path: Path, resources: dict[str, Any]) -> Iterator[Mistake]:
    """https://kubernetes.io/docs/concepts/configuration/manage-resources-containers."""
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    for field, given in (("requests", requests), ("limits", limits)):
        for name, value in given.items():
            yield from _single((*path, field, name), name, value)
    for name, request in requests.items():
        if not _is_plain(request) or not _is_plain(limits.get(name, "0")):
            continue
        if overcommitted(name):
            if name in limits and amount(str(limits[name])) < amount(str(request)):
                yield Mistake(
                    f"is less than the request of {request}", f"raise it to '{request}'", (*path, "limits", name)
                )
        elif name not in limits or amount(str(limits[name])) != amount(str(request)):
            kind = "devices" if "/" in name else "huge pages"
            rule = f"must have a limit that is the same, because {kind} are not shared"
            yield Mistake(rule, f"add `limits: {{{name}: '{request}'}}`", (*path, "requests", name))
    pages = [(field, name) for field, given in (("requests", requests), ("limits", limits)) for name in given]
    huge = next(((field, name) for field, name in pages if name.startswith("hugepages-")), None)
    if huge and not {"cpu", "memory"} & {*limits, *requests}:
        yield Mistake("needs cpu or memory as well", "add `memory`", (*path, *huge))


def overcommitted(name: str) -> bool:
    """Whether a request may be less than the limit: not so for devices and huge pages."""
    return name in NATIVE or "kubernetes.io/" in name


def _is_plain(value: Any) -> bool:
    """Whether the amount is written as `quantities.amount` reads it; Kubernetes takes `1e3` and `100u` as well."""
    return re.fullmatch(quantities.QUANTITY, str(value)) is not None


def _single(path: Path, name: str, value: Any) -> Iterator[Mistake]:
    if not re.fullmatch(_ANY, str(value)):
        yield Mistake("must be a quantity, such as '500m' or '2Gi'", "write one such as '2Gi'", path)
    elif "/" in name and _is_plain(value) and amount(str(value)) % 1:
        whole = max(1, round(amount(str(value))))
        yield Mistake("must be a whole number, because devices are not shared", f"try '{whole}'", path)
    elif "/" not in name and name not in NATIVE and not re.fullmatch(r"hugepages-[0-9]+[KMG]i", name):
        fix = "write one such as 'cpu', 'memory' or 'nvidia.com/gpu'"
        yield Mistake("is not a resource that Kubernetes knows", fix, path, None)
