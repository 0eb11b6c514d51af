"""The Secret with the TLS material of one cluster."""

from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import Secret

from .manifests.certificates import make
from .manifests.cluster import Target


def tls_secret(target: Target, opts: pulumi.ResourceOptions) -> Secret:
    """The Secret with ca.crt and `<role>.crt` and `<role>.key` for each role."""
    material = {
        key: pulumi.Output.secret(value) for key, value in make(target.name, target.cluster.tls.valid_days).items()
    }
    metadata: Any = {"name": target.tls_secret, "namespace": target.namespace, "labels": target.labels}
    own = pulumi.ResourceOptions(ignore_changes=["stringData", "data"])
    return Secret(
        target.tls_secret,
        metadata=metadata,
        string_data=material,
        immutable=True,
        opts=pulumi.ResourceOptions.merge(opts, own),
    )
