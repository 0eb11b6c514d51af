"""The example programs: what they register is valid, restricted, and leads to the cluster that they mean."""

from typing import Any

import kubernetes_validate
import pytest
import yaml

from policy.guardrails.podsecurity import violations
from tests.contract import crdschema
from tests.contract.rendering import kubernetes, pods
from tests.unit.registrations import ROOT, Body, registered

PLAIN = {
    "schedulerAddress": "tcp://192.0.2.1:30786",
    "image": "ghcr.io/dask/dask:2026.8.0-py3.11",
    "name": "analytics-1a2b3c4d",
}
CERTIFICATES = {"ca": "CA", "cert": "CERTIFICATE", "key": "KEY"}


def config(folder: str) -> dict[str, Any]:
    """The config of an example's only stack file."""
    return yaml.safe_load((ROOT / folder / "Pulumi.dev.yaml").read_text())["config"]


@pytest.fixture(scope="module")
def made() -> dict[str, list[Body]]:
    """What each example registers: the consumer with a plain and with an encrypted cluster."""
    own, consumer = "examples/own_program", "examples/consumer"
    encrypted = PLAIN | {"schedulerAddress": "tls://192.0.2.1:30786"}
    outputs = {"namespace": "analytics", "clusters": {"analytics": PLAIN}}
    secure = outputs | {"clusters": {"analytics": encrypted}, "clientTls": {"analytics": CERTIFICATES}}
    with kubernetes():
        recordings = {
            "own_program": registered(config(own), f"{own}/__main__.py", project="forecast"),
            "consumer": registered(config(consumer), f"{consumer}/__main__.py", project="nightly", referenced=outputs),
            "consumer with tls": registered(
                config(consumer), f"{consumer}/__main__.py", project="nightly", referenced=secure
            ),
        }
    return {name: recording.objects for name, recording in recordings.items()}


def of_kind(bodies: list[Body], kind: str) -> list[Body]:
    return [body for body in bodies if body["kind"] == kind]


def test_every_object_is_valid(made: dict[str, list[Body]]) -> None:
    for body in (body for bodies in made.values() for body in bodies):
        if body["apiVersion"].startswith("kubernetes.dask.org"):
            assert crdschema.violations(body) == []
        else:
            kubernetes_validate.validate(body, "1.34", strict=True)


def test_every_pod_is_restricted(made: dict[str, list[Body]]) -> None:
    found = [pod for bodies in made.values() for body in bodies for _, pod in pods(body)]

    assert len(found) == 5
    assert [text for pod in found for text in violations(pod, "restricted")] == []


def test_the_own_program_makes_a_cluster_in_a_namespace_that_it_does_not_make(made: dict[str, list[Body]]) -> None:
    bodies = made["own_program"]

    [cluster] = of_kind(bodies, "DaskCluster")

    assert cluster["metadata"]["namespace"] == "analytics"
    assert cluster["metadata"]["labels"]["app.kubernetes.io/part-of"] == "forecast-dev"
    assert {body["kind"] for body in bodies} == {"DaskCluster", "PodDisruptionBudget", "Job", "Service", "ConfigMap"}


def test_the_consumer_computes_where_the_other_stack_says(made: dict[str, list[Body]]) -> None:
    [job] = of_kind(made["consumer"], "CronJob")
    [(_, pod)] = pods(job)
    source = pod["containers"][0]["envFrom"][0]["configMapRef"]["name"]
    [settings] = [body for body in of_kind(made["consumer"], "ConfigMap") if body["metadata"]["name"] == source]

    assert settings["data"] == {"DASK_SCHEDULER_ADDRESS": PLAIN["schedulerAddress"]}
    assert pod["containers"][0]["image"] == PLAIN["image"]
    assert job["metadata"]["namespace"] == "analytics"


def test_the_consumer_of_an_encrypted_cluster_has_its_certificate(made: dict[str, list[Body]]) -> None:
    bodies = made["consumer with tls"]
    [secret] = of_kind(bodies, "Secret")
    [(_, pod)] = pods(*of_kind(bodies, "CronJob"))
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in pod["containers"][0]["volumeMounts"]}

    [settings] = [body for body in of_kind(bodies, "ConfigMap") if "DASK_SCHEDULER_ADDRESS" in body["data"]]

    assert secret["stringData"] == CERTIFICATES
    assert mounts["/tls"]["secret"]["secretName"] == secret["metadata"]["name"]
    files = {path for key, path in settings["data"].items() if "TLS__" in key}
    assert files == {f"/tls/{name}" for name in CERTIFICATES}
