"""Certificates for servers of a test's own: a CA, and what it has signed for some names."""

import base64
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM."""

    certificate: str
    key: str

    @property
    def encoded(self) -> tuple[str, str]:
        """Both as a kubeconfig has them."""
        return encoded(self.certificate), encoded(self.key)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Authority:
    """A CA. Its name makes it different from others."""

    def __init__(self, name: str = "test") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._signed(self._name, self._key.public_key(), is_ca=True, names=[])

    def issue(self, subject: str, *names: str) -> Pair:
        """A leaf for hosts and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return Pair(self._signed(name, key.public_key(), is_ca=False, names=list(names)), private)

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, is_ca: bool, names: list[str]) -> str:
        start = datetime.now(UTC) - timedelta(minutes=5)
        builder = x509.CertificateBuilder(self._name, subject, key, x509.random_serial_number())
        builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        if names:
            alternatives = [
                x509.IPAddress(ip_address(it)) if it[0].isdigit() or ":" in it else x509.DNSName(it) for it in names
            ]
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def server_context(folder: Path, pair: Pair, clients: Authority | None = None) -> ssl.SSLContext:
    """TLS of a server; it asks for certificates of `clients`, as a Kubernetes API server does: they are optional."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    file = folder / f"{abs(hash(pair.certificate))}.pem"
    file.write_text(pair.certificate + pair.key)
    context.load_cert_chain(file)
    if clients:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=clients.certificate)
    return context
