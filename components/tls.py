"""The Secret with the TLS material of one cluster."""

from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import Secret

from .manifests.certificates import make
from .manifests.declared import DeclaredCluster


def tls_secret(cluster: DeclaredCluster, opts: pulumi.ResourceOptions) -> Secret:
    """The Secret with ca.crt and `<role>.crt` and `<role>.key` for each role."""
    material = {
        key: pulumi.Output.secret(value) for key, value in make(cluster.name, cluster.settings.tls.valid_days).items()
    }
    metadata: Any = {"name": cluster.tls_secret, "namespace": cluster.namespace, "labels": cluster.labels}
    own = pulumi.ResourceOptions(ignore_changes=["stringData", "data"])
    return Secret(
        cluster.tls_secret,
        metadata=metadata,
        string_data=material,
        immutable=True,
        opts=pulumi.ResourceOptions.merge(opts, own),
    )
