"""Quantities and durations: what they stand for, and what is no quantity."""

from decimal import Decimal

import pytest

from components.settings.formats.quantities import amount, cpu, duration, memory, seconds
from components.settings.mistakes import Invalid


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        *(("500m", "0.5"), ("2", "2"), ("2.5", "2.5"), ("0", "0"), ("1k", "1000"), ("1Ki", "1024")),
        *(("512Mi", "536870912"), ("1.5Gi", "1610612736"), ("2M", "2000000"), ("1Ei", "1152921504606846976")),
    ],
)
def test_a_quantity_stands_for_its_number(quantity: str, number: str) -> None:
    assert amount(quantity) == Decimal(number)


@pytest.mark.parametrize(
    "text", ["", "Gi", "1gi", "1 Gi", "1Gi\n", "-1", "+1", "1e3", "1.", ".5", "\u0662", "1mi", "0x1"]
)
def test_what_kubernetes_or_a_reader_would_stumble_over_is_no_quantity(text: str) -> None:
    with pytest.raises(Invalid, match="must be a Kubernetes quantity"):
        amount(text)


@pytest.mark.parametrize(
    ("text", "fix"),
    [("2GB", "2Gi"), ("512 mb", "512Mi"), ("1.5gi", "1.5Gi"), ("100kib", "100Ki"), ("2 T", "2Ti"), ("2Gi ", "2Gi")],
)
def test_a_misspelt_quantity_is_corrected(text: str, fix: str) -> None:
    with pytest.raises(Invalid, match=f"try '{fix}'"):
        memory(text)


def test_amounts_that_mean_something_else_are_refused() -> None:
    with pytest.raises(Invalid, match="thousandths of a byte"):
        memory("512m")
    with pytest.raises(Invalid, match="number of cores"):
        cpu("2Gi")


@pytest.mark.parametrize(
    ("text", "count"),
    [("90s", 90), ("10m", 600), ("1h30m", 5400), ("7d", 604800), ("0s", 0), ("1d1h1m1s", 90061), ("007s", 7)],
)
def test_a_duration_stands_for_its_seconds(text: str, count: int) -> None:
    assert seconds(text) == count


@pytest.mark.parametrize("text", ["", "5", "1.5h", "30m1h", "-5s", "5s\n", "\u0665s", "1w", "s"])
def test_what_has_no_unit_or_another_order_is_no_duration(text: str) -> None:
    with pytest.raises(Invalid, match="must be a duration with a unit"):
        seconds(text)


@pytest.mark.parametrize(("text", "fix"), [("5", "5s"), ("5 min", "5m"), ("2 Hours", "2h"), ("10sec", "10s")])
def test_a_misspelt_duration_is_corrected(text: str, fix: str) -> None:
    with pytest.raises(Invalid, match=f"try '{fix}'"):
        duration(text)
