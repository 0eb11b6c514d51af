"""Secrets stay secret in every place where the engine writes something down, and TLS is what clients have to speak."""

import base64
from pathlib import Path
from typing import Any

import pytest
from distributed.security import Security
from pulumi.automation import ConfigValue

from components.certificates import client_files, make
from tests.engine.runs import Run
from tests.engine.stacks import Stack
from tests.engine.work import client, computes
from tests.kubectl import Kubectl
from tests.live.tasks import variable

PASSWORD = "correct-horse-battery-staple"
NAMESPACE = "sealed"


@pytest.fixture(scope="module")
def brought_up(stack: Stack) -> Run:
    stack.automation.set_config("dask:secrets.store.PASSWORD", ConfigValue(PASSWORD, secret=True), path=True)
    endpoint = {"type": "NodePort", "nodePorts": {"scheduler": 30841, "dashboard": 30842}}
    main: dict[str, Any] = {"workers": {"replicas": 1, "threads": 1}, "tls": {"enabled": True}, "endpoint": endpoint}
    return stack.change(clusters={"main": main | {"envFrom": [{"secret": "store"}]}})


@pytest.fixture
def security(stack: Stack, brought_up: Run, tmp_path: Path) -> Security:
    """What the stack's output gives to a client."""
    return _security(stack.outputs()["clientTls"]["main"], tmp_path)


def _security(files: dict[str, str], folder: Path) -> Security:
    paths = {name: folder / f"{name}.pem" for name in files}
    for name, path in paths.items():
        path.write_text(files[name])
    return Security(
        tls_ca_file=str(paths["ca"]),
        tls_client_cert=str(paths["cert"]),
        tls_client_key=str(paths["key"]),
        require_encryption=True,
    )


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


def test_a_pod_gets_the_secret_and_a_client_computes_over_tls(stack: Stack, security: Security) -> None:
    address = stack.outputs()["schedulerAddress"]

    with client(address, security=security) as made:
        assert address.startswith("tls://")
        assert made.submit(variable, "PASSWORD", pure=False).result(timeout=60) == PASSWORD


def test_plain_tcp_is_refused(stack: Stack, brought_up: Run) -> None:
    address = stack.outputs()["schedulerAddress"].replace("tls://", "tcp://")

    with pytest.raises(OSError, match=r"[Tt]imed out|closed|[Cc]ould not connect"):
        computes(address, seconds=5)


def test_another_certificate_authority_is_refused(stack: Stack, brought_up: Run, tmp_path: Path) -> None:
    foreign = {key: base64.b64encode(value.encode()).decode() for key, value in make("main", 1).items()}

    with pytest.raises(OSError, match=r"[Tt]imed out|certificate|[Cc]ould not connect"):
        computes(stack.outputs()["schedulerAddress"], security=_security(client_files(foreign), tmp_path), seconds=5)


def test_the_certificates_stay_the_same_from_run_to_run(stack: Stack, brought_up: Run) -> None:
    assert set(stack.preview("--expect-no-changes").counts) == {"same"}
