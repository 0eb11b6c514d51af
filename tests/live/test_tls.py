"""One setting encrypts everything that speaks Dask's protocol, and keeps strangers out."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from distributed import Client
from distributed.security import Security

from components import certificates
from tests.live.conftest import Connect
from tests.live.tasks import executed, executions
from tests.stacks import Stack, wait_until


def cluster(replicas: int) -> dict[str, Any]:
    endpoint = {"type": "NodePort"}
    return {"main": {"tls": {"enabled": True}, "endpoint": endpoint, "workers": {"replicas": replicas}}}


@pytest.fixture(scope="module")
def address(stack: Stack) -> str:
    stack.up(clusters=cluster(2))
    return stack.address("main")


def security(folder: Path, ca: str, cert: str, key: str) -> Security:
    for name, pem in (("ca", ca), ("cert", cert), ("key", key)):
        (folder / name).write_text(pem)
    return Security(
        tls_ca_file=str(folder / "ca"),
        tls_client_cert=str(folder / "cert"),
        tls_client_key=str(folder / "key"),
        require_encryption=True,
    )


def test_the_output_certificates_compute_and_a_scale_down_loses_nothing(
    stack: Stack, address: str, connect: Connect, tmp_path: Path
) -> None:
    client = connect(address, security=security(tmp_path, **stack.outputs()["clientTls"]["main"]))
    futures = client.map(executed, range(100), pure=False)
    client.gather(futures)

    stack.up(clusters=cluster(1))
    wait_until(lambda: len(stack.kube.pods("tls", component="worker")) == 1, 60, "one worker left")

    assert address.startswith("tls://")
    assert sorted(client.gather(futures)) == [(i, i * i) for i in range(100)]
    assert executions(client) == 100


def test_plain_tcp_is_refused(address: str) -> None:
    with pytest.raises(OSError, match=r"Timed out|closed|TLS|handshake"):
        Client(address.replace("tls://", "tcp://"), timeout=5, set_as_default=False)


def test_another_ca_is_refused(address: str, tmp_path: Path) -> None:
    files = certificates.make("stranger", 1)
    stranger = security(tmp_path, files["ca.crt"], files["client.crt"], files["client.key"])

    with pytest.raises((OSError, ssl.SSLError)):
        Client(address, security=stranger, timeout=5, set_as_default=False)


def test_up_again_keeps_the_certificates(stack: Stack) -> None:
    before = stack.outputs()["clientTls"]

    stack.up()

    assert stack.outputs()["clientTls"] == before
