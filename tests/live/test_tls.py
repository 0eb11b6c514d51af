"""One setting encrypts all that speaks Dask's protocol and keeps strangers out; secrets stay secret everywhere."""

import base64
from pathlib import Path
from typing import Any

import pytest
from distributed.security import Security

from components.manifests.certificates import client_files, make
from tests.support.kubectl import Kubectl
from tests.support.runs import Run, names
from tests.support.security import security
from tests.support.stacks import Stack
from tests.support.wait import wait_until
from tests.support.work import Work, client, computes, variable

PASSWORD = "correct-horse-battery-staple"
NAMESPACE = "tls"


def cluster(replicas: int) -> dict[str, Any]:
    endpoint = {"type": "NodePort", "nodePorts": {"scheduler": 30841, "dashboard": 30842}}
    workers = {"replicas": replicas, "threads": 1}
    main = {"workers": workers, "tls": {"enabled": True}, "endpoint": endpoint, "envFrom": [{"secret": "store"}]}
    return {"main": main}


@pytest.fixture(scope="module")
def brought_up(stack: Stack) -> Run:
    stack.cli("config", "set", "--secret", "--path", "dask:secrets.store.PASSWORD", PASSWORD)
    return stack.change(clusters=cluster(2))


@pytest.fixture
def trusted(stack: Stack, brought_up: Run, tmp_path: Path) -> Security:
    """What the stack's output gives to a client."""
    return security(stack.outputs()["clientTls"]["main"], tmp_path)


def hidden(kube: Kubectl) -> list[str]:
    """Everything that must not be readable: the password, and the private keys as Kubernetes has them."""
    [tls] = [item for item in kube.get("secrets", "-n", NAMESPACE) if "ca.crt" in item.get("data", {})]
    keys = [base64.b64decode(value).decode() for name, value in tls["data"].items() if name.endswith(".key")]
    assert len(keys) == 3
    middles = ["".join(key.splitlines()[1:2]) for key in keys]
    encoded = [value[60:120] for name, value in tls["data"].items() if name.endswith(".key")]
    return [PASSWORD, base64.b64encode(PASSWORD.encode()).decode(), *middles, *encoded]


def test_nothing_that_the_engine_keeps_or_prints_can_be_read(stack: Stack, brought_up: Run, kube: Kubectl) -> None:
    places = {
        "the stack file": stack.file.read_text(),
        # Not the Automation API's, which asks for the secrets.
        "the exported state": stack.cli("stack", "export"),
        "the checkpoint": stack.checkpoint.read_text(),
        "the outputs": stack.cli("stack", "output", "--json"),
        "what `up` printed": brought_up.text,
    }

    readable = [place for place, text in places.items() for secret in hidden(kube) if secret in text]

    assert readable == []
    assert "secure:" in places["the stack file"]
    assert "[secret]" in places["the outputs"]


def test_a_pod_gets_the_secret_and_a_client_computes_over_tls(stack: Stack, trusted: Security) -> None:
    with client(stack.address(), security=trusted) as connected:
        assert stack.address().startswith("tls://")
        assert connected.submit(variable, "PASSWORD", pure=False).result(timeout=60) == PASSWORD


def test_plain_tcp_is_refused(stack: Stack, brought_up: Run) -> None:
    with pytest.raises(OSError, match=r"[Tt]imed out|closed|[Cc]ould not connect"):
        computes(stack.address().replace("tls://", "tcp://"), seconds=5)


def test_another_certificate_authority_is_refused(stack: Stack, brought_up: Run, tmp_path: Path) -> None:
    foreign = {key: base64.b64encode(value.encode()).decode() for key, value in make("main", 1).items()}

    with pytest.raises(OSError, match=r"[Tt]imed out|certificate|[Cc]ould not connect"):
        computes(stack.address(), security=security(client_files(foreign), tmp_path), seconds=5)


def test_the_certificates_stay_the_same_from_run_to_run(stack: Stack, brought_up: Run) -> None:
    before = stack.outputs()["clientTls"]

    stack.unchanged()

    assert stack.outputs()["clientTls"] == before


def test_a_scale_down_loses_nothing(stack: Stack, trusted: Security, kube: Kubectl) -> None:
    with client(stack.address(), security=trusted) as connected:
        work = Work(connected, running=24)

        run = stack.change(clusters=cluster(1))
        wait_until(lambda: len(kube.pods(NAMESPACE, component="worker")) == 1, 60, "one worker is left")

        assert names(run.of("DaskCluster")) == [f"update DaskCluster {stack.cluster()['name']}"]
        assert work.intact()
