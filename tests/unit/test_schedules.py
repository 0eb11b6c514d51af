"""Cron schedules and time zones, as the cron of Kubernetes takes them (robfig/cron, parser_test.go)."""

import zoneinfo

import pytest

from components.settings.formats import schedules
from components.settings.mistakes import Invalid


@pytest.mark.parametrize(
    "schedule",
    [
        "* * * * *",
        "0  2 * * *",
        "*/15 9-17 * * mon-fri",
        "5/10 * * * *",
        "*/90 * * * *",
        "0 0 1,15,31 JAN,feb,12 ?",
        "59 23 31 12 6",
        "0 0 29 2 *",
        # Either day counts, because both are given.
        "0 0 30 2 mon",
        *schedules.WORDS,
    ],
)
def test_what_kubernetes_takes_is_accepted(schedule: str) -> None:
    assert schedules.cron(schedule) == schedule


@pytest.mark.parametrize(
    "schedule",
    [
        *(
            "",
            "*",
            "* * * * * *",
            "\t* * * * *",
            "*\t* * * *",
            "1,,2 * * * *",
            "1- * * * *",
            "*-5 * * * *",
            "1/ * * * *",
        ),
        *("-1 * * * *", "* * 0 * *", "* * * 0 *", "* * * 13 *", "1-2-3 * * * *", "1/2/3 * * * *", "* * * * sunday"),
        *("CRON_TZ=UTC * * * * *", "@reboot", "@Daily", "0 0 31 4,6,9,11 *", "0 0 30-31 feb *"),
    ],
)
def test_what_kubernetes_refuses_or_would_never_run_is_refused(schedule: str) -> None:
    with pytest.raises(Invalid):
        schedules.cron(schedule)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_time_zones_of_the_database_are_accepted(name: str) -> None:
    assert schedules.time_zone(name) == name


@pytest.mark.parametrize("name", ["", "localtime", "../UTC", "Europe", "Europe/Atlantis", "/usr/share/zoneinfo/UTC"])
def test_others_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        schedules.time_zone(name)


def test_without_a_database_kubernetes_alone_checks_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoneinfo, "available_timezones", set)

    assert schedules.time_zone("Europe/Berlin") == "Europe/Berlin"
