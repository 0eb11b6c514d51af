"""Checks quantities and durations as a stack file has them, and turns them into numbers."""

import re
from decimal import Decimal

from ...settings.mistakes import invalid

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL = {"m": Decimal("0.001"), "": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
_UNITS = _BINARY | _DECIMAL
_NUMBER = r"[0-9]+(\.[0-9]+)?"
# The JSON Schema has the same patterns: nothing that ECMAScript reads differently (`\d` is Unicode in Python).
QUANTITY = rf"{_NUMBER}(m|[kMGTPE]|[KMGTPE]i)?"
CPU = rf"(?=.*[1-9]){_NUMBER}m?"
MEMORY = rf"(?=.*[1-9])([0-9]{{7,}}|{_NUMBER}([MGTPE]|[KMGTPE]i)|[0-9]{{4,}}(\.[0-9]+)?k)"
DURATION = r"(?=.)([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?"
_SECONDS = (86400, 3600, 60, 1)
DAY_SECONDS = 86400
_LONGEST_DAYS = 365


def amount(quantity: str) -> Decimal:
    """The number that a Kubernetes quantity stands for: `500m` -> 0.5, `2Gi` -> 2147483648."""
    if not re.fullmatch(QUANTITY, quantity):
        raise invalid("must be a Kubernetes quantity, such as 500m, 2, 512Mi or 2Gi", _quantity_fix(quantity))
    number = quantity.rstrip("mkKMGTPEi")
    return Decimal(number) * _UNITS[quantity[len(number) :]]


def _quantity_fix(quantity: str) -> str:
    near = re.fullmatch(rf"({_NUMBER})\s*([kKmMgGtT])[iI]?[bB]?\s*", quantity)
    return f"try '{near[1]}{near[3].upper()}i'" if near else "write a number and one of m, Ki, Mi, Gi, Ti"


def quantity(value: str) -> str:
    """Any resource quantity."""
    amount(value)
    return value


def cpu(value: str) -> str:
    """Cores: `500m` or `2`."""
    cores = amount(value)
    if value[-1:].isalpha() and not value.endswith("m"):
        raise invalid("must be a number of cores", "try '2' or '500m'")
    if cores <= 0:
        raise invalid("must be more than zero", "try '500m'")
    if cores * 1000 % 1:
        raise invalid("is finer than the thousandth of a core that Kubernetes knows", "try '1m'")
    return value


def memory(value: str) -> str:
    """Bytes: `512Mi`, `2Gi`. Refuses `512m`, which Kubernetes takes as half a byte."""
    size = amount(value)
    if value.endswith("m"):
        raise invalid("means thousandths of a byte to Kubernetes", f"try '{value[:-1]}Mi'")
    if size <= 0:
        raise invalid("must be more than zero", "try '2Gi'")
    if size < 2**20:
        raise invalid("is less than one mebibyte", f"try '{value}Gi'" if value.isdigit() else "try '2Gi'")
    return value


def seconds(duration: str) -> int:
    """Whole seconds of a duration: `90s` -> 90, `1h30m` -> 5400."""
    match = re.fullmatch(DURATION, duration)
    if not match:
        raise invalid("must be a duration with a unit", _duration_fix(duration))
    return sum(int(count[:-1]) * unit for count, unit in zip(match.groups(), _SECONDS, strict=True) if count)


def _duration_fix(duration: str) -> str:
    near = re.fullmatch(r"\s*([0-9]+)\s*([smhd]?)[a-z]*\s*", duration, re.IGNORECASE)
    return f"try '{near[1]}{near[2].lower() or 's'}'" if near else "try '90s', '10m' or '1h30m'"


def duration(value: str) -> str:
    """A duration as written, checked."""
    if seconds(value) > _LONGEST_DAYS * DAY_SECONDS:
        raise invalid("is longer than a year", f"use '{_LONGEST_DAYS}d' at most")
    return value


def positive_duration(value: str) -> str:
    """A duration that is more than no time."""
    if seconds(duration(value)) == 0:
        raise invalid("must be more than zero", "try '10m'")
    return value
