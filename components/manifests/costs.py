"""Estimates what a cluster costs for each hour, from what its pods request and the prices of the stack."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..settings.formats.quantities import amount
from ..settings.prices import Prices

_GIB = 2**30
_SIZES = ("cpu", "memory")


@dataclass(frozen=True)
class Pods:
    """One kind of pods of a cluster."""

    name: str
    spec: Mapping[str, Any]
    minimum: int
    maximum: int


@dataclass(frozen=True)
class Cost:
    """The price of an hour, with the fewest and with the most workers."""

    minimum: float
    maximum: float
    currency: str | None = None
    left_out: tuple[str, ...] = ()
    """What has a price, and is requested by no pod of a kind: it counts as free."""

    def __str__(self) -> str:
        low, high = (f"{price:.2f}" for price in (self.minimum, self.maximum))
        price = " ".join(filter(None, (high if low == high else f"{low} to {high}", self.currency)))
        return f"{price} per hour" + (f", without {', '.join(self.left_out)}" if self.left_out else "")


def cost(kinds: Iterable[Pods], prices: Prices) -> Cost:
    """The cost of all pods together."""
    low = high = Decimal(0)
    left_out: list[str] = []
    for kind in kinds:
        wanted = requested(kind.spec)
        price = _price(wanted, prices)
        low, high = low + kind.minimum * price, high + kind.maximum * price
        missing = [name for name in _SIZES if not wanted.get(name) and getattr(prices, name)]
        if missing and kind.maximum:
            left_out.append(f"the {' and '.join(missing)} of {kind.name}")
    return Cost(round(float(low), 4), round(float(high), 4), prices.currency, tuple(left_out))


def requested(spec: Mapping[str, Any]) -> dict[str, Decimal]:
    """What Kubernetes reserves for a pod: the containers together, or the largest init container if that is more.

    https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
    """
    total: dict[str, Decimal] = {}
    for container in spec.get("containers", ()):
        for name, size in _requests(container).items():
            total[name] = total.get(name, Decimal(0)) + size
    for container in spec.get("initContainers", ()):
        for name, size in _requests(container).items():
            total[name] = max(total.get(name, Decimal(0)), size)
    return total


def _requests(container: Mapping[str, Any]) -> dict[str, Decimal]:
    """A limit without a request is a request too."""
    resources = container.get("resources") or {}
    written = (resources.get("limits") or {}) | (resources.get("requests") or {})
    return {name: amount(str(size)) for name, size in written.items()}


def _price(wanted: Mapping[str, Decimal], prices: Prices) -> Decimal:
    """Devices are the resources with a slash in their names (`nvidia.com/gpu`)."""
    devices = sum((size for name, size in wanted.items() if "/" in name), Decimal(0))
    memory = wanted.get("memory", Decimal(0)) / _GIB
    cpu, gib, device = (Decimal(str(price)) for price in (prices.cpu, prices.memory, prices.gpu))
    return wanted.get("cpu", Decimal(0)) * cpu + memory * gib + devices * device
