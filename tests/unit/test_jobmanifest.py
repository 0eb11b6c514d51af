"""When a job is the same job, which has run already, and when it is another one."""

from typing import Any

import pytest

from components.manifests import pod as podspec
from components.manifests.declared_job import DeclaredJob
from tests.support.declared import declared_job
from tests.unit.conftest import Program

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
        {"tls": {"enabled": True}},
    ],
)
def test_what_the_person_changes_is_another_job(change: dict[str, Any]) -> None:
    assert target(change).physical_name != target().physical_name


def test_with_tls_every_pod_of_a_job_has_the_certificate_of_its_role() -> None:
    spec = target({"tls": {"enabled": True}}).dask_job["spec"]
    roles = {"scheduler": "scheduler", "worker": "worker", "job": "client"}
    pods = {role: spec["cluster"]["spec"][role]["spec"] for role in ("scheduler", "worker")} | {
        "job": spec["job"]["spec"]
    }

    for role, pod in pods.items():
        [volume] = [it["secret"] for it in pod["volumes"] if it["name"] == "dask-tls"]
        keys = {"ca.crt", f"{roles[role]}.crt", f"{roles[role]}.key"}
        assert (volume["secretName"], {it["key"] for it in volume["items"]}) == ("monthly-tls-1", keys)
        [box] = pod["containers"]
        env = {it["name"]: it.get("value") for it in box["env"]}
        assert env["DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"] == "True"
        if role != "scheduler":
            assert env["DASK_SCHEDULER_ADDRESS"].startswith("tls://monthly-")


def test_a_jobs_certificates_exist_before_it_runs(program: Program) -> None:
    recording = program(jobs={"monthly": MONTHLY | {"tls": {"enabled": True}}})
    given = program(jobs={"monthly": MONTHLY | {"tls": {"enabled": True, "secret": "theirs"}}})

    assert "monthly-tls-1" in recording.only("DaskJob").depends_on
    assert recording.only("Secret").name == "monthly-tls-1"
    assert given.of_kind("Secret") == []


def test_what_says_nothing_of_the_program_is_the_same_job() -> None:
    source = {"envFrom": [{"secret": "db"}]}

    secured, longer = ({"tls": {"enabled": True} | it} for it in ({}, {"validDays": 90}))

    assert target({"timeout": "2h"}).physical_name == target().physical_name
    assert target(longer).physical_name == target(secured).physical_name
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
