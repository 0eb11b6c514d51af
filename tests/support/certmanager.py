"""A stand-in for cert-manager: its kind Certificate, and a controller that issues what is missing.

It knows nothing of issuers and of renewal. The layout of the Secrets is that of cert-manager: `tls.crt`, `tls.key` and
`ca.crt`, of the type `kubernetes.io/tls`.
"""

import json
import tempfile
import threading
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from components.manifests.certificates import make
from tests.support.kubectl import Kubectl

KIND = "certificates.cert-manager.io"
CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": KIND},
    "spec": {
        "group": "cert-manager.io",
        "scope": "Namespaced",
        "names": {"kind": "Certificate", "plural": "certificates", "singular": "certificate"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        ],
    },
}


class CertManager:
    """Issues, as long as the block runs, a Secret for every Certificate that has none."""

    def __init__(self, kube: Kubectl, namespace: str, days: int = 90) -> None:
        self.kube, self.namespace, self.days = kube, namespace, days
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "CertManager":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._stopped.wait(0.5):
            secrets = {it["metadata"]["name"] for it in self.kube.get("secrets", "-n", self.namespace)}
            for certificate in self.kube.get(KIND, "-n", self.namespace):
                name = certificate["spec"]["secretName"]
                if name not in secrets:
                    issue(self.kube, self.namespace, name, self.days)


def issue(kube: Kubectl, namespace: str, name: str, days: int) -> None:
    """Writes a Secret of one role."""
    family, _, role = name.rpartition("-")
    files = _family(family, days)
    content = {"ca.crt": files["ca.crt"], "tls.crt": files[f"{role}.crt"], "tls.key": files[f"{role}.key"]}
    metadata = {"name": name, "namespace": namespace}
    create(
        kube,
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": metadata,
            "stringData": content,
        },
    )


def near_its_end(kube: Kubectl, namespace: str, name: str) -> None:
    """Gives a Secret a certificate of 90 days of which 10 are left."""
    key, nobody, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
    begin, end = now - timedelta(days=80), now + timedelta(days=10)
    builder = x509.CertificateBuilder(nobody, nobody, key.public_key(), 1, begin, end)
    pem = builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
    kube("patch", "secret", "-n", namespace, name, "-p", json.dumps({"data": {"tls.crt": b64encode(pem).decode()}}))


def create(kube: Kubectl, body: dict[str, Any]) -> None:
    """`kubectl apply` of one object."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "object.json"
        file.write_text(json.dumps(body))
        kube("apply", "-f", str(file))


@cache
def _family(name: str, days: int) -> dict[str, str]:
    """A CA and the certificates of the three roles that belong together."""
    return make(name, days)
