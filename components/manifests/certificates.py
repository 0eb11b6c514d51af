"""TLS material of one cluster: a CA of its own, and one leaf each for scheduler, workers and clients, in a Secret.

With an issuer, cert-manager creates a Secret for each of them instead.

Dask checks no host names, so any leaf of the CA gives full access: hence one CA per cluster, whose key is discarded.
The material is generated in every run and ignored (`ignore_changes`) once the Secret exists, so that it stays the same
without a provider of its own; `tls.rotation` gives the Secret a new name, and so new material.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ..settings.tls import Issuer
from .context import PodContext, Spec, service_host

ROLES = ("scheduler", "worker", "client")
# How long before its end a certificate is renewed or reported; of a short one, a third of its life.
SOON = timedelta(days=30)


def soon(life: timedelta) -> timedelta:
    """How long before its end a certificate has to be replaced."""
    return min(SOON, life / 3)


def client_files(data: Mapping[str, str] | None) -> dict[str, str]:
    """What a client needs, from the data of a Secret of ours or of cert-manager: `ca`, `cert` and `key` as PEM."""
    if not data:
        return {}
    own = "tls" if "tls.crt" in data else "client"
    names = {"ca": "ca.crt", "cert": f"{own}.crt", "key": f"{own}.key"}
    return {name: base64.b64decode(data[key]).decode() for name, key in names.items() if key in data}


def end(data: Mapping[str, str]) -> datetime:
    """When the first of the certificates in a Secret's data ends, in UTC."""
    return min(last for _, last in lives(data))


def lives(data: Mapping[str, str]) -> list[tuple[datetime, datetime]]:
    """From when until when each of the certificates in a Secret's data is valid, in UTC."""
    from cryptography import x509

    files = (base64.b64decode(value) for name, value in data.items() if name.endswith(".crt"))
    found = (it for pem in files for it in x509.load_pem_x509_certificates(pem))
    return [(it.not_valid_before_utc, it.not_valid_after_utc) for it in found]


def requests(context: PodContext) -> list[Spec]:
    """cert-manager's Certificates, one for each role, whose Secrets have their names. None without an issuer."""
    issuer = context.tls.issuer
    return [_request(context, role, issuer) for role in ROLES] if issuer and context.tls.enabled else []


def _request(context: PodContext, role: str, issuer: Issuer) -> Spec:
    life = timedelta(days=context.tls.valid_days)
    body = context.object("Certificate", context.tls_secrets[role])
    return body | {
        "spec": {
            "secretName": context.tls_secrets[role],
            "secretTemplate": {"labels": body["metadata"]["labels"]},
            "issuerRef": issuer.model_dump(),
            "commonName": f"{context.name} {role}"[:64],
            # Dask checks no names; clients of other kinds do, and some issuers demand one.
            "dnsNames": [service_host(context.name, context.namespace)],
            "duration": _hours(life),
            "renewBefore": _hours(soon(life)),
            "usages": ["digital signature", "key encipherment", "server auth", "client auth"],
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
        }
    }


def _hours(time: timedelta) -> str:
    return f"{time // timedelta(hours=1)}h"


def make(cluster: str, valid_days: int) -> dict[str, str]:
    """A new CA and a leaf for each role, as PEM by file name. EC P-256."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    start = datetime.now(UTC) - timedelta(minutes=5)

    def name(role: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{cluster} {role}"[:64])])

    def certificate(role: str, public_key: Any, signer: Any, *, is_ca: bool) -> x509.Certificate:
        builder = x509.CertificateBuilder(
            issuer_name=name("CA"),
            subject_name=name(role),
            public_key=public_key,
            serial_number=x509.random_serial_number(),
            not_valid_before=start,
            not_valid_after=start + timedelta(days=valid_days),
        )
        constraints = x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None)
        builder = builder.add_extension(constraints, critical=True)
        # Python 3.13 and newer demand these (ssl.VERIFY_X509_STRICT, RFC 5280 4.2.1).
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(issuer, critical=False)
        return builder.add_extension(_usage(is_ca), critical=True).sign(signer, hashes.SHA256())

    ca_key = ec.generate_private_key(ec.SECP256R1())
    files = {"ca.crt": _pem(certificate("CA", ca_key.public_key(), ca_key, is_ca=True))}
    for role in ROLES:
        key = ec.generate_private_key(ec.SECP256R1())
        files[f"{role}.crt"] = _pem(certificate(role, key.public_key(), ca_key, is_ca=False))
        files[f"{role}.key"] = _key_pem(key)
    return files


def _usage(is_ca: bool) -> Any:
    """Key usage: the CA signs, a leaf authenticates."""
    from cryptography.x509 import KeyUsage

    never = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "encipher_only", "decipher_only"), False
    )
    return KeyUsage(digital_signature=not is_ca, key_agreement=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca, **never)


def _pem(certificate: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def _key_pem(key: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
