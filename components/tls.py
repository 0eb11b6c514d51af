"""The Secret with the TLS material of one cluster."""

from typing import Any

import pulumi

from .manifests.certificates import make
from .manifests.declared import DeclaredCluster
from .objects import KubernetesObject


def tls_secret(cluster: DeclaredCluster, opts: pulumi.ResourceOptions) -> KubernetesObject:
    """The Secret with ca.crt and `<role>.crt` and `<role>.key` for each role."""
    material = {
        key: pulumi.Output.secret(value) for key, value in make(cluster.name, cluster.settings.tls.valid_days).items()
    }
    metadata: Any = {"name": cluster.tls_secret, "namespace": cluster.namespace, "labels": cluster.labels}
    own = pulumi.ResourceOptions(ignore_changes=["stringData", "data"])
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": material, "immutable": True}
    return KubernetesObject(cluster.tls_secret, body, pulumi.ResourceOptions.merge(opts, own))
