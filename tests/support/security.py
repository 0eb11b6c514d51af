"""Files of a TLS client, from the stack's output `clientTls`."""

from pathlib import Path

from distributed.security import Security


def security(files: dict[str, str], folder: Path) -> Security:
    """What a client gives as `security=`. `files` holds `ca`, `cert` and `key` as PEM."""
    paths = {name: folder / f"{name}.pem" for name in files}
    for name, path in paths.items():
        path.write_text(files[name])
    return Security(
        tls_ca_file=str(paths["ca"]),
        tls_client_cert=str(paths["cert"]),
        tls_client_key=str(paths["key"]),
        require_encryption=True,
    )
