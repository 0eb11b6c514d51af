"""Checks cron schedules and time zones as Kubernetes reads them.

The rules are those of robfig/cron's ParseStandard (k8s.io/kubernetes/pkg/apis/batch/validation), without `@every`.
"""

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...settings.mistakes import invalid, nearest

WORDS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_VALUE = r"([0-9]{1,2}|[A-Za-z]{3})"
_ITEM = rf"([*?]|{_VALUE}(-{_VALUE})?)(/[0-9]{{1,2}})?"
_FIELD = rf"{_ITEM}(,{_ITEM})*"
SCHEDULE = rf"{_FIELD}( +{_FIELD}){{4}}|{'|'.join(WORDS)}"
TIME_ZONE = r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*"
UTC = "UTC"


@dataclass(frozen=True)
class _Field:
    """One field of a schedule."""

    name: str
    low: int
    high: int
    words: Mapping[str, int] = field(default_factory=dict)


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field("day of the week", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def cron(value: str) -> str:
    """A schedule of five fields, or one of `WORDS`."""
    if value in WORDS:
        return value
    if "TZ=" in value:
        raise invalid("must not name a time zone", "use `timeZone`")
    if value.startswith("@"):
        raise invalid(
            f"must be five fields, or one of {', '.join(WORDS)}", f"try '{nearest(value, WORDS) or '@daily'}'"
        )
    given = value.split()
    if not re.fullmatch(r"\S+( +\S+){4}", value):
        names = ", ".join(it.name for it in _FIELDS)
        rule = f"must be five fields with spaces between them ({names}), not {len(given)}"
        raise invalid(rule, f"try '{' '.join(given) if len(given) == len(_FIELDS) else '0 2 * * *'}'")
    for index, about in enumerate(_FIELDS):
        for item in given[index].split(","):
            if wrong := _wrong(item, about):
                rule, instead = wrong
                better = ",".join(instead if it == item else it for it in given[index].split(","))
                tried = " ".join([*given[:index], better, *given[index + 1 :]])
                raise invalid(f"has '{item}' as its {about.name}, which {rule}", f"try '{tried}'")
    last = max(_LONGEST_MONTHS[month - 1] for month in _numbers(given[3], _FIELDS[3]))
    if given[4][0] in "*?" and min(_numbers(given[2], _FIELDS[2])) > last:
        tried = " ".join([*given[:2], str(last), *given[3:]])
        raise invalid("names a day that none of its months has, so the job would never run", f"try '{tried}'")
    return value


def _wrong(item: str, about: _Field) -> tuple[str, str] | None:
    """The rule that one item of a field breaks, and an item that keeps it."""
    parts = _parts(item)
    if not parts:
        return "cron cannot read", "*"
    *bounds, every = parts
    step = f"/{every}" if every else ""
    values = [it for it in bounds if it]
    for text in values:
        number = _number(text, about)
        if number is None or not about.low <= number <= about.high:
            words = f", or {', '.join(about.words)}" if about.words else ""
            bound = about.high if number and number != 7 else about.low
            begun = f"{values[0]}-" if values[1:] == [text] and text != values[0] else ""
            return f"must be {about.low} to {about.high}{words}", f"{begun}{about.high if begun else bound}"
    if len(values) == 2 and (_number(values[0], about) or 0) > (_number(values[1], about) or 0):
        return "ends before it begins", f"{values[1]}-{values[0]}{step}"
    if step and int(every) == 0:
        return "has a step of 0", item.removesuffix(step)
    return None


def _numbers(text: str, about: _Field) -> set[int]:
    """The numbers that a field stands for, whose items break no rule."""
    found: set[int] = set()
    for item in text.split(","):
        first, last, step = (_number(part, about) for part in _parts(item) or ())
        low = about.low if first is None else first
        high = last if last is not None else low if first is not None and step is None else about.high
        found.update(range(low, high + 1, step or 1))
    return found


def _parts(item: str) -> tuple[str, str, str] | None:
    """The first value, the last one and the step of an item, empty where it has none; None for what is no item.

    By the numbers of the groups in `_ITEM`: editors read the same pattern, and theirs have no names in Python's way.
    """
    found = re.fullmatch(_ITEM, item)
    return (found[2] or "", found[4] or "", (found[5] or "").removeprefix("/")) if found else None


def _number(text: str, about: _Field) -> int | None:
    """A number, or a month's or day's name as one."""
    return about.words.get(text.lower(), int(text) if re.fullmatch("[0-9]{1,2}", text) else None)


def time_zone(value: str) -> str:
    """A name of the time zone database. Where the machine has no database, Kubernetes alone checks it."""
    if value == UTC:
        return value
    known = zoneinfo.available_timezones() - {"localtime"}
    if known - {UTC} and value not in known:
        near = nearest(value, sorted(known))
        rule = "must be a time zone of the tz database, such as 'Europe/Berlin'"
        raise invalid(rule, f"did you mean '{near}'?" if near else "see `timedatectl list-timezones`")
    return value
