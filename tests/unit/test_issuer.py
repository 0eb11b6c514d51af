"""Certificates of cert-manager: what it is asked for, what pods mount, and what a client gets."""

from typing import Any

import pytest

from tests.support.declared import declared, declared_job
from tests.unit.conftest import Program
from tests.unit.registrations import Recording

TLS: dict[str, Any] = {"enabled": True, "issuer": {"name": "dask-ca", "kind": "ClusterIssuer"}, "validDays": 90}


def requests(recording: Recording) -> dict[str, Any]:
    """The specs of the Certificates, by role."""
    found = [it for it in recording.registrations if it.type == "kubernetes:cert-manager.io/v1:Certificate"]
    return {it.name.rpartition("-")[2]: it.inputs["spec"] for it in found}


def test_each_role_has_a_certificate_that_is_renewed_in_time(program: Program) -> None:
    recording = program(clusters={"a": {"tls": TLS}})

    made = requests(recording)
    assert set(made) == {"scheduler", "worker", "client"}
    assert made["worker"]["issuerRef"] == {"name": "dask-ca", "kind": "ClusterIssuer", "group": "cert-manager.io"}
    assert (made["worker"]["duration"], made["worker"]["renewBefore"]) == ("2160h", "720h")
    assert {"server auth", "client auth"} <= set(made["worker"]["usages"])
    assert not [it for it in recording.registrations if it.type.endswith(":Secret")]
    certificates = {it.name for it in recording.registrations if it.type.endswith(":Certificate")}
    assert certificates <= set(recording.only("DaskCluster").depends_on)


def test_a_short_life_is_renewed_after_two_thirds_of_it(program: Program) -> None:
    made = requests(program(clusters={"a": {"tls": TLS | {"validDays": 1}}}))

    assert (made["worker"]["duration"], made["worker"]["renewBefore"]) == ("24h", "8h")


def test_pods_mount_the_secrets_of_cert_manager_as_they_are() -> None:
    cluster = declared("a", {"tls": TLS})
    spec = cluster.dask_cluster["spec"]

    for role, holder in (("scheduler", spec["scheduler"]), ("worker", spec["worker"])):
        secret = mounted(holder["spec"])
        items = {it["key"]: it["path"] for it in secret["items"]}
        assert secret["secretName"] == cluster.context.tls_secrets[role]
        assert items == {"ca.crt": "ca.crt", "tls.crt": f"{role}.crt", "tls.key": f"{role}.key"}


def mounted(spec: dict[str, Any]) -> dict[str, Any]:
    """The Secret that the certificates of a pod are in."""
    [volume] = [it for it in spec["volumes"] if it["name"] == "dask-tls"]
    return volume["secret"]


@pytest.mark.parametrize("timing", [{}, {"schedule": "0 2 * * *"}], ids=["once", "scheduled"])
def test_a_job_waits_for_certificates_of_its_own_which_its_pods_mount(program: Program, timing: dict[str, str]) -> None:
    job = declared_job("a", {"runner": {"script": "pass"}, "tls": TLS} | timing)
    cluster = job.dask_job["spec"]["cluster"]["spec"]
    pods = {"client": job.dask_job["spec"]["job"], "scheduler": cluster["scheduler"], "worker": cluster["worker"]}

    recording = program(jobs={"a": {"runner": {"script": "pass"}, "tls": TLS} | timing})

    made = requests(recording)
    for role, pod in pods.items():
        secret = mounted(pod["spec"])
        assert secret["secretName"] == made[role]["secretName"] == job.context.tls_secrets[role]
        assert {it["key"]: it["path"] for it in secret["items"]} == {
            "ca.crt": "ca.crt",
            "tls.crt": f"{role}.crt",
            "tls.key": f"{role}.key",
        }
    certificates = {it.name for it in recording.registrations if it.type.endswith(":Certificate")}
    first = "ServiceAccount" if timing else "DaskJob"
    assert certificates <= set(recording.only(first).depends_on)
    assert not [it for it in recording.registrations if it.type.endswith(":Secret")]


def test_another_rotation_and_another_issuer_are_another_cluster() -> None:
    ways: list[dict[str, Any]] = [
        TLS,
        TLS | {"rotation": 2},
        TLS | {"issuer": {"name": "other-ca", "kind": "ClusterIssuer"}},
        TLS | {"issuer": {"name": "dask-ca"}},
        {"enabled": True},
    ]
    made = [declared("a", {"tls": tls}) for tls in ways]

    assert len({it.physical_name for it in made}) == len(ways)
    assert len({it.tls_secret for it in made}) == len(ways)
    assert declared("a", {"tls": TLS | {"validDays": 30}}).physical_name == made[0].physical_name
