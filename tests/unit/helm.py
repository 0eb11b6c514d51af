"""Helm's records as a cluster holds them."""

import base64
import gzip
import json
from typing import Any

from components.lifecycle.releases import MARKER, RELEASE


def record(
    revision: int = 1,
    owner: str | None = None,
    part_of: str = "dask-dev",
    namespace: str = "dask-operator",
    values: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The Secret of one revision of the operator's release. Without an owner: one that this program did not install."""
    marker = {MARKER: {"owner": owner, "partOf": part_of}} if owner else {}
    content = {"name": RELEASE, "info": {"status": "deployed"}, "config": (values or {}) | marker}
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(content).encode()))).decode()
    labels = {"owner": "helm", "name": RELEASE, "version": str(revision), "status": "deployed"}
    name = f"sh.helm.release.v1.{RELEASE}.v{revision}"
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels}, "data": {"release": packed}}
