"""Certificates that end soon are warned about in previews, in `up` and by the drift command, whoever issues them."""

import argparse
import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from components.configuration import parse
from components.kube.client import Connection
from components.kube.errors import UnknownClusterError
from components.lifecycle import expiry
from components.manifests.declared import DeclaredCluster
from components.manifests.declared_job import DeclaredJob
from tests.support.declared import declared, declared_job
from tests.unit.api import FakeApi
from tests.unit.conftest import Program
from tools import drift

NOW = datetime.now(UTC)
ISSUER = {"issuer": {"name": "own"}}
RUNNER: dict[str, Any] = {"runner": {"script": "pass"}}


def day(offset: float) -> datetime:
    return NOW + timedelta(days=offset)


def pem(begins: float, ends: float) -> bytes:
    """A certificate that is valid from one day to another, counted from today."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, day(begins), day(ends))
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def secret(**files: bytes) -> dict[str, Any]:
    return {"data": {f"{name}.crt": base64.b64encode(it).decode() for name, it in files.items()} | {"some.key": ""}}


def made(**tls: Any) -> DeclaredCluster:
    return declared("a", {"tls": {"enabled": True} | tls})


def scheduled(name: str, **tls: Any) -> DeclaredJob:
    """A job that runs every night."""
    return declared_job(name, RUNNER | {"schedule": "0 2 * * *", "tls": {"enabled": True} | tls})


def secrets_of(owner: DeclaredCluster | DeclaredJob, *secrets: Any) -> dict[str, Any]:
    """The Secrets of the roles, by their paths."""
    names = dict.fromkeys(owner.context.tls_secrets.values())
    return {owner.path("Secret", name): it for name, it in zip(names, secrets, strict=True)}


def api(cluster: DeclaredCluster, started: float, *secrets: Any) -> FakeApi:
    """A Kubernetes on which the cluster's scheduler has run since a day, with the Secrets of its roles."""
    running = {"running": {"startedAt": day(started).isoformat()}}
    pods = [{"status": {"containerStatuses": [{"state": running}, {"state": {"waiting": {}}}]}}, {"status": {}}]
    return FakeApi(secrets_of(cluster, *secrets) | {cluster.path("Pod"): {"items": pods}})


def words(cluster: DeclaredCluster | DeclaredJob, found: FakeApi) -> str | None:
    return asyncio.run(expiry.warning(found, cluster))  # type: ignore[arg-type]


@pytest.mark.parametrize("life", [9, 30, 60])
def test_a_short_life_is_near_its_end_in_its_last_third(life: float) -> None:
    cluster = made()
    young, old = (pem(-share * life, (1 - share) * life) for share in (0.6, 0.7))

    assert words(cluster, api(cluster, 0, secret(scheduler=young))) is None
    assert words(cluster, api(cluster, 0, secret(scheduler=old)))


@pytest.mark.parametrize("left", [31, 400])
def test_nothing_is_said_while_there_is_time(left: float) -> None:
    cluster = made()

    assert words(cluster, api(cluster, -10, secret(ca=pem(-400, left), scheduler=pem(-400, left)))) is None


@pytest.mark.parametrize(("left", "verb"), [(29.9, "end"), (0.1, "end"), (-3, "have ended")])
def test_the_first_of_the_certificates_counts(left: float, verb: str) -> None:
    cluster = made(rotation=4)

    said = words(
        cluster, api(cluster, -10, secret(ca=pem(-400, 400), scheduler=pem(-400, left), client=pem(-400, 400)))
    )

    assert said == (
        f"dask:clusters.a.tls: the certificates that the cluster's pods use {verb} on {day(left):%Y-%m-%d}, and pods "
        "that start or connect after that are refused; write `rotation: 5`, and the next `up` moves the cluster to "
        "new ones"
    )


def test_a_young_authority_says_nothing_of_an_old_certificate() -> None:
    cluster = made(**ISSUER)
    mixed = secret(ca=pem(-1, 400), tls=pem(-80, 10))

    assert words(cluster, api(cluster, -0.5, mixed, mixed, mixed))


def test_of_an_own_secret_the_fix_is_another_one() -> None:
    cluster = made(secret="mine")

    said = words(cluster, api(cluster, -10, secret(ca=pem(-400, 400), scheduler=pem(-400, 3))))

    assert said is not None
    assert said.endswith("create a Secret of another name with new certificates, and write its name into `tls.secret`")


class TestIssuer:
    def test_each_role_has_a_secret_and_the_first_end_counts(self) -> None:
        cluster = made(**ISSUER)
        fresh = secret(ca=pem(-400, 400), tls=pem(-12, 80))

        assert words(cluster, api(cluster, -9, fresh, fresh, fresh)) is None
        assert words(cluster, api(cluster, -9, fresh, secret(ca=pem(-400, 400), tls=pem(-82, 8)), fresh))

    def test_pods_that_started_before_a_renewal_use_what_it_has_replaced(self) -> None:
        """The Secret has been renewed a day ago, 30 days before the end of what the pods have read."""
        cluster = made(**ISSUER)
        renewed = secret(ca=pem(-500, 400), tls=pem(-1, 89))

        said = words(cluster, api(cluster, -61, renewed, renewed, renewed))

        assert said is not None
        assert f"end on {day(29):%Y-%m-%d}" in said
        assert words(cluster, api(cluster, -0.5, renewed, renewed, renewed)) is None


class TestSchedule:
    def test_the_next_runs_use_what_is_generated_for_another_rotation(self) -> None:
        job = scheduled("nightly", rotation=2)

        said = words(job, FakeApi(secrets_of(job, secret(ca=pem(-400, 3), worker=pem(-400, 3)))))

        assert said == (
            f"dask:jobs.nightly.tls: the certificates that the runs of the job use end on {day(3):%Y-%m-%d}, and runs "
            "fail after that; write `rotation: 3`, and the runs after the next `up` use new ones"
        )

    def test_an_issuer_that_renews_is_not_mentioned(self) -> None:
        job = scheduled("nightly", **ISSUER)
        renewed, late = (secret(ca=pem(-500, 400), tls=it) for it in (pem(-1, 89), pem(-82, 8)))

        assert words(job, FakeApi(secrets_of(job, renewed, renewed, renewed))) is None
        said = words(job, FakeApi(secrets_of(job, renewed, late, renewed)))

        assert said is not None
        assert said.endswith(f"`kubectl describe certificate -n {job.namespace} {job.tls_secret}-worker` says why")

    @pytest.mark.parametrize("timing", [{"schedule": "0 2 * * *"}, {}], ids=str)
    def test_a_run_of_the_program_warns_of_it_where_there_is_a_next_one(
        self, program: Program, kubernetes: FakeApi, logged: list[str], timing: dict[str, str]
    ) -> None:
        kubernetes.answers["api/v1/namespaces/dask/secrets/nightly-tls-1"] = secret(worker=pem(-400, 4))

        program(jobs={"nightly": RUNNER | timing | {"tls": {"enabled": True}}})

        assert any("dask:jobs.nightly.tls" in line for line in logged) == bool(timing)


@pytest.mark.parametrize("status", [403, 404])
def test_what_cannot_be_read_is_not_guessed(status: int) -> None:
    cluster = made()

    assert words(cluster, api(cluster, -10, status)) is None
    assert words(declared("a"), FakeApi()) is None


def test_a_run_warns_of_it_and_no_failure_of_the_look_stops_one(
    program: Program, kubernetes: FakeApi, logged: list[str]
) -> None:
    ending = secret(ca=pem(-400, 400), scheduler=pem(-400, 3))
    kubernetes.answers["api/v1/namespaces/dask/secrets/a-tls-1"] = ending

    program(clusters={"a": {"tls": {"enabled": True}}})

    assert [line for line in logged if f"end on {day(3):%Y-%m-%d}" in line]
    kubernetes.answers["api/v1/namespaces/dask/secrets/a-tls-1"] = {"data": {"ca.crt": "bm9uZQ=="}}
    program(clusters={"a": {"tls": {"enabled": True}}})
    assert [line for line in logged if line.startswith("a: the end of its certificates is not known: ")]


def test_an_unknown_kubernetes_is_no_reason_for_a_warning(monkeypatch: pytest.MonkeyPatch, logged: list[str]) -> None:
    async def unknown(_: Any) -> Any:
        raise UnknownClusterError

    monkeypatch.setattr("components.kube.client.api", unknown)

    asyncio.run(expiry.warn(Connection(), made()))

    assert logged == []


def test_the_drift_command_shows_it_and_its_exit_code_is_about_drift(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = made()

    class Declared:
        clusters = {"a": cluster}
        scheduled_jobs = (scheduled("nightly"),)
        settings = parse({"namespace": {"name": cluster.namespace}})

    async def nothing(*_: Any) -> list[str]:
        return []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drift, "examine", nothing)
        found = api(cluster, -10, secret(ca=pem(-400, 400), scheduler=pem(-400, 3)))
        found.answers |= secrets_of(Declared.scheduled_jobs[0], secret(worker=pem(-400, 4)))
        code = asyncio.run(drift._say(found, Declared(), argparse.Namespace(stack="dev")))  # type: ignore[arg-type]

    assert code == drift.NONE
    shown = capsys.readouterr().out
    assert "warning: dask:clusters.a.tls: the certificates" in shown
    assert "warning: dask:jobs.nightly.tls: the certificates" in shown
