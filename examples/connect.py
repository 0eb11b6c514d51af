"""Connects a Dask client: to an address, to the one in an environment variable, or to a cluster of a stack.

A `tls://` address takes its certificates from Dask's own configuration if that names some
(`DASK_DISTRIBUTED__COMM__TLS__*`), and otherwise from the stack's secret output `clientTls`.
"""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dask.config
from distributed import Client
from distributed.security import Security

PROJECT = Path(__file__).parent.parent
TIMEOUT_SECONDS = 30


def connect(address: str | None = None, cluster: str | None = None) -> Client:
    """A client of `address`; else of DASK_SCHEDULER_ADDRESS; else of the cluster in the outputs of the stack.

    Exits with one readable line when nothing answers, or when functions could not be sent by value.
    """
    known = address or os.environ.get("DASK_SCHEDULER_ADDRESS")
    address = known or scheduler_address(stack_outputs(), cluster)
    security = None
    if address.startswith("tls://") and not dask.config.get("distributed.comm.tls.ca-file", None):
        security = client_security(stack_outputs(secrets=True), address, cluster)
    try:
        client = Client(address, security=security, timeout=TIMEOUT_SECONDS)
    except (OSError, TimeoutError) as error:
        raise SystemExit(
            f"{address}: no scheduler answered in {TIMEOUT_SECONDS} s ({error}); see `make -s outputs` for the "
            "address, and `kubectl get pods -A` for the pods"
        ) from None
    check_python(client)
    return client


def stack_outputs(*, secrets: bool = False) -> dict[str, Any]:
    """What `make -s outputs` prints for the stack in $STACK, with its secrets if they are wanted."""
    command = ["make", "-s", "outputs", *(["ARGS=--show-secrets"] if secrets else [])]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    try:
        return json.loads(ended.stdout)
    except json.JSONDecodeError:
        raise SystemExit(
            f"`{' '.join(command)}` printed no JSON (exit status {ended.returncode}): {ended.stderr.strip()[-500:]}\n"
            "Give --address, or set DASK_SCHEDULER_ADDRESS"
        ) from None


def scheduler_address(outputs: Mapping[str, Any], cluster: str | None) -> str:
    """The address of the named cluster, or of the only one."""
    clusters = outputs.get("clusters", {})
    name = cluster or (next(iter(clusters)) if len(clusters) == 1 else None)
    if name not in clusters:
        raise SystemExit(
            f"--cluster: {name!r} must be one of the stack's clusters: {', '.join(clusters) or 'it has none'}"
        )
    address = clusters[name]["schedulerAddress"]
    if not address:
        raise SystemExit(f"the cluster {name!r} has no address yet; run `make up`")
    return address


def client_security(outputs: Mapping[str, Any], address: str, cluster: str | None) -> Security:
    """The client's certificate for the cluster behind `address`, from the stack's outputs."""
    clusters, certificates = outputs.get("clusters", {}), outputs.get("clientTls", {})
    name = cluster or next((name for name, one in clusters.items() if one["schedulerAddress"] == address), None)
    pem = certificates.get(name) if isinstance(certificates, Mapping) else None
    if not isinstance(pem, Mapping):
        raise SystemExit(
            f"{address}: the stack's output `clientTls` holds no certificate for it; set "
            "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ..__CLIENT__CERT and ..__CLIENT__KEY to files of your own"
        )
    return Security(
        require_encryption=True, tls_ca_file=pem["ca"], tls_client_cert=pem["cert"], tls_client_key=pem["key"]
    )


def check_python(client: Client) -> None:
    """Functions travel as bytecode, which only the same minor version of Python reads."""
    here = platform.python_version()
    there = str(client.run_on_scheduler(platform.python_version))
    if here.split(".")[:2] != there.split(".")[:2]:
        raise SystemExit(
            f"the cluster runs Python {there} and this client {here}: functions cannot be sent between them; "
            f"use a client with Python {'.'.join(there.split('.')[:2])}"
        )
