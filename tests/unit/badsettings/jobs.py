"""Mistakes in jobs and their schedules."""

from tests.unit.badsettings.cases import Case, job

_FIELDS = "(minute, hour, day of the month, month, day of the week)"
_WORDS = "@yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly"
_ADD = 'add `schedule: "0 2 * * *"`, or remove it'


def schedule(value: str) -> dict[str, object]:
    return job(schedule=value)


JOBS = [
    Case(
        "a job's name that a run makes too long",
        {"jobs": {"a" * 43: {"schedule": "@daily", "runner": {"script": "pass"}}}},
        (
            f"dask:jobs.{'a' * 43}: '{'a' * 43}' must have at most 42 characters, not 43, because the time and the "
            "number of the attempt are added to it ('-29400480-0') and the Service '…-scheduler' can have 63; try "
            f"'{'a' * 42}'"
        ),
        schema=False,
    ),
    Case(
        "a schedule of four fields",
        schedule("0 2 * *"),
        (
            f"dask:jobs.a.schedule: '0 2 * *' must be five fields with spaces between them {_FIELDS}, not 4; try "
            "'0 2 * * *'"
        ),
    ),
    Case(
        "a schedule that ends with a space",
        schedule("5 4 * * * "),
        (
            f"dask:jobs.a.schedule: '5 4 * * * ' must be five fields with spaces between them {_FIELDS}, not 5; try "
            "'5 4 * * *'"
        ),
    ),
    Case(
        "an interval",
        schedule("@every 5m"),
        f"dask:jobs.a.schedule: '@every 5m' must be five fields, or one of {_WORDS}; try '@daily'",
    ),
    Case(
        "a misspelt word for a schedule",
        schedule("@hour"),
        f"dask:jobs.a.schedule: '@hour' must be five fields, or one of {_WORDS}; try '@hourly'",
    ),
    Case(
        "a time zone in a schedule",
        schedule("TZ=UTC 0 2 * * *"),
        "dask:jobs.a.schedule: 'TZ=UTC 0 2 * * *' must not name a time zone; use `timeZone`",
    ),
    Case(
        "a minute of 61",
        schedule("0,61 2 * * *"),
        ("dask:jobs.a.schedule: '0,61 2 * * *' has '61' as its minute, which must be 0 to 59; try '0,59 2 * * *'"),
        schema=False,
    ),
    Case(
        "hours that end too late",
        schedule("0 8-24 * * *"),
        "dask:jobs.a.schedule: '0 8-24 * * *' has '8-24' as its hour, which must be 0 to 23; try '0 8-23 * * *'",
        schema=False,
    ),
    Case(
        "hours that end before they begin",
        schedule("0 22-6/2 * * *"),
        (
            "dask:jobs.a.schedule: '0 22-6/2 * * *' has '22-6/2' as its hour, which ends before it begins; try "
            "'0 6-22/2 * * *'"
        ),
        schema=False,
    ),
    Case(
        "a step of zero",
        schedule("*/0 * * * *"),
        "dask:jobs.a.schedule: '*/0 * * * *' has '*/0' as its minute, which has a step of 0; try '* * * * *'",
        schema=False,
    ),
    Case(
        "a Sunday of 7",
        schedule("0 2 * * 7"),
        (
            "dask:jobs.a.schedule: '0 2 * * 7' has '7' as its day of the week, which must be 0 to 6, or sun, mon, "
            "tue, wed, thu, fri, sat; try '0 2 * * 0'"
        ),
        schema=False,
    ),
    Case(
        "a month that is none",
        schedule("0 2 1 foo *"),
        (
            "dask:jobs.a.schedule: '0 2 1 foo *' has 'foo' as its month, which must be 1 to 12, or jan, feb, mar, apr, "
            "may, jun, jul, aug, sep, oct, nov, dec; try '0 2 1 1 *'"
        ),
        schema=False,
    ),
    Case(
        "a field that cron cannot read",
        schedule("0 2 * * L"),
        "dask:jobs.a.schedule: '0 2 * * L' has 'L' as its day of the week, which cron cannot read; try '0 2 * * *'",
    ),
    Case(
        "a day that never comes",
        schedule("0 2 31 feb,apr *"),
        (
            "dask:jobs.a.schedule: '0 2 31 feb,apr *' names a day that none of its months has, so the job would never "
            "run; try '0 2 30 feb,apr *'"
        ),
        schema=False,
    ),
    Case(
        "a time zone in lower case",
        job(schedule="@daily", timeZone="europe/berlin"),
        (
            "dask:jobs.a.timeZone: 'europe/berlin' must be a time zone of the tz database, such as 'Europe/Berlin'; "
            "did you mean 'Europe/Berlin'?"
        ),
        schema=False,
    ),
    Case(
        "a time zone that is none",
        job(schedule="@daily", timeZone="Mars/Phobos"),
        (
            "dask:jobs.a.timeZone: 'Mars/Phobos' must be a time zone of the tz database, such as 'Europe/Berlin'; see "
            "`timedatectl list-timezones`"
        ),
        schema=False,
    ),
    Case(
        "a time zone without a schedule",
        job(timeZone="Europe/Berlin"),
        f"dask:jobs.a.timeZone: 'Europe/Berlin' needs a `schedule`: it is the time zone of one; {_ADD}",
    ),
    Case(
        "a job without a schedule that is suspended",
        job(suspended=True),
        (
            "dask:jobs.a.suspended: true needs a `schedule`: a job without one runs once, in `up`; to keep it from "
            f"running, remove the job; {_ADD}"
        ),
    ),
    Case(
        "retries without a schedule",
        job(retries=1),
        (
            "dask:jobs.a.retries: 1 needs a `schedule`: `up` runs a job without one, and reports a failure at once; "
            f"{_ADD}"
        ),
    ),
    Case(
        "more retries than digits",
        job(schedule="@daily", retries=10),
        "dask:jobs.a.retries: 10 must be at most 9; use 9",
    ),
    Case(
        "a history without a schedule",
        job(history={"failed": 2}),
        f"dask:jobs.a.history: needs a `schedule`: a job without one has a single run, which is kept; {_ADD}",
    ),
    Case(
        "an end of runs without a schedule",
        job(ttl="7d"),
        f"dask:jobs.a.ttl: '7d' needs a `schedule`: `up` would create the run of a job without one again; {_ADD}",
    ),
]
