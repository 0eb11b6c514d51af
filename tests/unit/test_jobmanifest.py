"""When a job is the same job, which has run already, and when it is another one."""

from typing import Any

import pytest

from components.manifests import pod as podspec
from components.manifests.declared import DeclaredJob
from tests.support.declared import declared_job

MONTHLY = {"runner": {"script": "pay()"}}


def target(job: dict[str, Any] | None = None, part_of: str = "dask-dev", secret: str = "db-1") -> DeclaredJob:
    return declared_job("monthly", MONTHLY | (job or {}), part_of=part_of, secrets=(("db", secret),))


@pytest.mark.parametrize(
    "change",
    [
        {"image": "ghcr.io/dask/dask:2026.7.1-py3.11"},
        {"env": {"A": "1"}},
        {"workers": {"replicas": 2}},
        {"scheduler": {"resources": {"cpu": "1"}}},
        {"runner": {"script": "pay(); report()"}},
        {"envFrom": [{"secret": "db"}]},
    ],
)
def test_what_the_person_changes_is_another_job(change: dict[str, Any]) -> None:
    assert target(change).physical_name != target().physical_name


def test_what_says_nothing_of_the_program_is_the_same_job() -> None:
    source = {"envFrom": [{"secret": "db"}]}

    assert target({"timeout": "2h"}).physical_name == target().physical_name
    assert target(part_of="dask-other").physical_name == target().physical_name
    assert target(source, secret="db-2").physical_name == target(source).physical_name


def test_a_new_version_of_this_program_is_no_new_job(monkeypatch: pytest.MonkeyPatch) -> None:
    before = target()
    bodies = [before.dask_job]
    name = before.physical_name

    monkeypatch.setattr(podspec, "script", lambda _: "another_script()")
    monkeypatch.setattr(podspec, "RETIRE_MARGIN_SECONDS", 6)
    bodies.append(target().dask_job)

    assert bodies[0] != bodies[1]
    assert target().physical_name == name
    assert target().record["data"]["job"] == name
