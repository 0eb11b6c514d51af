"""What a cluster costs for each hour."""

from decimal import Decimal
from typing import Any

import pytest

from components.manifests.costs import Cost, Pods, cost, requested
from components.settings.prices import Prices

PRICES = Prices(cpu=0.04, memory=0.005, gpu=1.5)


def pod(*containers: dict[str, Any], init: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {
        "containers": [{"resources": it} for it in containers],
        "initContainers": [{"resources": it} for it in init],
    }


def asks(**sizes: str) -> dict[str, Any]:
    return {"requests": sizes}


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        (pod(asks(cpu="500m", memory="1Gi")), {"cpu": Decimal("0.5"), "memory": Decimal(2**30)}),
        (pod({"limits": {"cpu": "2"}}), {"cpu": Decimal(2)}),
        (pod({"limits": {"cpu": "2"}, "requests": {"cpu": "1"}}), {"cpu": Decimal(1)}),
        (pod(asks(cpu="1"), asks(cpu="250m")), {"cpu": Decimal("1.25")}),
        (pod(asks(cpu="1"), init=(asks(cpu="3"),)), {"cpu": Decimal(3)}),
        (pod({}), {}),
    ],
)
def test_a_pod_requests_what_kubernetes_reserves(spec: dict[str, Any], wanted: dict[str, Decimal]) -> None:
    assert requested(spec) == wanted


def test_fixed_workers_cost_one_price() -> None:
    size = pod(asks(cpu="1", memory="4Gi"))

    found = cost([Pods("scheduler", size, 1, 1), Pods("workers", size, 3, 3)], PRICES)

    assert found == Cost(0.24, 0.24)
    assert str(found) == "0.24 per hour"


def test_autoscaled_workers_cost_a_range() -> None:
    scheduler, worker = pod(asks(cpu="1", memory="2Gi")), pod(asks(cpu="2", memory="8Gi"))
    prices = Prices(cpu=0.04, memory=0.005, currency="EUR")

    found = cost([Pods("scheduler", scheduler, 1, 1), Pods("workers", worker, 0, 10)], prices)

    assert found == Cost(0.05, 1.25, "EUR")
    assert str(found) == "0.05 to 1.25 EUR per hour"


def test_every_device_has_the_price_of_a_gpu() -> None:
    size = pod({"limits": {"nvidia.com/gpu": "2", "cpu": "1", "memory": "1Gi"}})

    assert cost([Pods("workers", size, 1, 1)], PRICES).maximum == 3.045


def test_what_requests_nothing_is_named() -> None:
    kinds = [Pods("scheduler", pod(asks(cpu="1")), 1, 1), Pods("workers", pod({}), 2, 2), Pods("none", pod({}), 0, 0)]

    assert str(cost(kinds, PRICES)) == ("0.04 per hour, without the memory of scheduler, the cpu and memory of workers")


def test_what_has_no_price_is_not_missed() -> None:
    assert str(cost([Pods("workers", pod(asks(cpu="1")), 1, 1)], Prices(cpu=0.04))) == "0.04 per hour"
