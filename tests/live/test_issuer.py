"""Certificates of cert-manager: waited for, mounted as they are, renewed by a new version, and warned about before."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.certmanager import CRD, KIND, CertManager, create, near_its_end
from tests.support.kubectl import Kubectl
from tests.support.runs import Run
from tests.support.security import security
from tests.support.stacks import Stack
from tests.support.wait import wait_until
from tests.support.work import computes

NAMESPACE = "issuer"
SECONDS = 240
# The next time is years away.
NEVER = "0 0 29 2 *"
SUM_OF_SQUARES = """
from distributed import Client
with Client() as client:
    address = client.scheduler.address.partition("://")[0]
    print("computed", address, sum(client.gather(client.map(lambda i: i * i, range(10)))))
"""
WARNING = "the certificates that the cluster's pods use end on"


def declared(rotation: int = 1) -> dict[str, Any]:
    tls = {"enabled": True, "issuer": {"name": "dask-ca"}, "rotation": rotation, "validDays": 90}
    endpoint = {"type": "NodePort", "nodePorts": {"scheduler": 30921, "dashboard": 30922}}
    return {"main": {"workers": {"replicas": 1, "threads": 1}, "tls": tls, "endpoint": endpoint}}


def job(**timing: str) -> dict[str, Any]:
    small = {"workers": {"replicas": 1, "threads": 1}, "runner": {"script": SUM_OF_SQUARES}, "timeout": "4m"}
    return small | {"tls": {"enabled": True, "issuer": {"name": "dask-ca"}}} | timing


def certificates(kube: Kubectl) -> list[str]:
    """The names of the Certificates."""
    return sorted(it["metadata"]["name"] for it in kube.get(KIND, "-n", NAMESPACE))


def trusted(stack: Stack, folder: Path) -> Any:
    """What the stack's output gives to a client."""
    return security(stack.outputs()["clientTls"]["main"], folder)


@pytest.fixture(scope="module")
def brought_up(stack: Stack, kube: Kubectl) -> Run:
    """`up`, with an issuer that begins to work only after `up` has named what it waits for."""
    create(kube, CRD)
    kube("wait", "--for=condition=Established", f"crd/{KIND}", "--timeout=60s")
    up = stack.configure(clusters=declared()).start_up()
    wait_until(lambda: up.says("pods wait for it: cert-manager creates it"), SECONDS, "`up` names a Secret")
    with CertManager(kube, NAMESPACE):
        run = up.wait(SECONDS)
    assert run.code == 0, run.text
    return run


def test_a_client_computes_with_the_certificate_of_the_output(stack: Stack, brought_up: Run, tmp_path: Path) -> None:
    assert stack.address().startswith("tls://")
    computes(stack.address(), security=trusted(stack, tmp_path))
    assert WARNING not in brought_up.text
    stack.unchanged()


def test_without_a_certificate_nobody_is_let_in(stack: Stack, brought_up: Run) -> None:
    with pytest.raises(OSError, match=r"[Tt]imed out|closed|[Cc]ould not connect"):
        computes(stack.address().replace("tls://", "tcp://"), seconds=5)


def test_what_ends_soon_is_warned_about_and_another_rotation_is_another_cluster(
    stack: Stack, brought_up: Run, kube: Kubectl, tmp_path: Path
) -> None:
    before, cluster = certificates(kube), stack.cluster()["name"]
    near_its_end(kube, NAMESPACE, next(name for name in before if name.endswith("-client")))
    assert WARNING in stack.preview().text

    with CertManager(kube, NAMESPACE):
        stack.change(clusters=declared(rotation=2))

    assert stack.cluster()["name"] != cluster
    assert WARNING not in stack.preview().text
    computes(stack.address(), security=trusted(stack, tmp_path))
    after = certificates(kube)
    assert len(after) == 3
    assert not {*before} & {*after}


def test_jobs_compute_with_certificates_of_the_issuer(stack: Stack, brought_up: Run, kube: Kubectl) -> None:
    with CertManager(kube, NAMESPACE):
        stack.change(jobs={"once": job(), "nightly": job(schedule=NEVER)})
        kube("create", "job", "-n", NAMESPACE, "--from=cronjob/nightly", "tonight")
        kube("wait", "-n", NAMESPACE, "--for=condition=Complete", "job/tonight", f"--timeout={SECONDS}s")

    for run in (stack.outputs()["jobs"]["once"]["name"], "tonight-0"):
        assert "computed tls 285" in kube("logs", "-n", NAMESPACE, f"{run}-runner")
    stack.unchanged()
