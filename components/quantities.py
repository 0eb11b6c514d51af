"""Quantities and durations as people write them in a stack file. In: a string. Out: a number, or a `Rule`."""

import re
from decimal import Decimal

from components.errors import Rule

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL = {"m": Decimal("0.001"), "": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
_QUANTITY = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<suffix>[A-Za-z]*)")
_DURATION = re.compile(r"(?=.)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_SECONDS = (86400, 3600, 60, 1)
DAY_SECONDS = 86400


def amount(quantity: str) -> Decimal:
    """The number that a Kubernetes quantity stands for: `500m` -> 0.5, `2Gi` -> 2147483648."""
    match = _QUANTITY.fullmatch(quantity)
    suffixes = _BINARY | _DECIMAL
    if not match or match["suffix"] not in suffixes:
        raise Rule("must be a Kubernetes quantity, such as 500m, 2, 512Mi or 2Gi", _quantity_fix(quantity))
    return Decimal(match["number"]) * suffixes[match["suffix"]]


def _quantity_fix(quantity: str) -> str:
    near = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kKmMgGtT])(?:i?[bB]|I)", quantity)
    return f"try '{near[1]}{near[2].upper()}i'" if near else "write a number and one of m, Ki, Mi, Gi, Ti"


def quantity(value: str) -> str:
    """Any resource quantity."""
    amount(value)
    return value


def cpu(value: str) -> str:
    """Cores: `500m` or `2`."""
    if amount(value) <= 0:
        raise Rule("must be more than zero", "try '500m'")
    if value[-1:].isalpha() and not value.endswith("m"):
        raise Rule("must be a number of cores", "try '2' or '500m'")
    return value


def memory(value: str) -> str:
    """Bytes: `512Mi`, `2Gi`. Refuses `512m`, which Kubernetes takes as half a byte."""
    if value.endswith("m"):
        raise Rule("means thousandths of a byte to Kubernetes", f"try '{value[:-1]}Mi'")
    if amount(value) <= 0:
        raise Rule("must be more than zero", "try '2Gi'")
    if amount(value) < 2**20:
        raise Rule("is less than one mebibyte", f"try '{value}Gi'" if value.isdigit() else "try '2Gi'")
    return value


def seconds(duration: str) -> int:
    """Whole seconds of a duration: `90s` -> 90, `1h30m` -> 5400."""
    match = _DURATION.fullmatch(duration)
    if not match:
        unit = f"try '{duration}s'" if duration.isdigit() else "try '90s', '10m' or '1h30m'"
        raise Rule("must be a duration with a unit", unit)
    return sum(int(count) * unit for count, unit in zip(match.groups(), _SECONDS, strict=True) if count)


def duration(value: str) -> str:
    """A duration as written, checked."""
    seconds(value)
    return value
