"""The Secret with the TLS material of one cluster, and the alert about its end."""

from collections.abc import Mapping

import pulumi

from .manifests.certificates import end, make
from .manifests.context import Spec
from .manifests.declared import DeclaredCluster
from .manifests.monitoring import certificate_rule
from .objects import KubernetesObject


def tls_secret(cluster: DeclaredCluster, opts: pulumi.ResourceOptions) -> KubernetesObject:
    """The Secret with ca.crt and `<role>.crt` and `<role>.key` for each role."""
    material = {
        key: pulumi.Output.secret(value) for key, value in make(cluster.name, cluster.settings.tls.valid_days).items()
    }
    own = pulumi.ResourceOptions(ignore_changes=["stringData", "data"])
    body = cluster.context.object("Secret", cluster.tls_secret) | {"stringData": material, "immutable": True}
    return KubernetesObject(cluster.tls_secret, body, pulumi.ResourceOptions.merge(opts, own))


def with_certificates(declared: DeclaredCluster, alerts: Spec, secret: KubernetesObject) -> pulumi.Output[Spec]:
    """The spec of a PrometheusRule with one more alert: about the end of the generated certificates."""

    def spec(data: Mapping[str, str] | None) -> Spec:
        if not data:
            return alerts
        [group] = alerts["groups"]
        return {"groups": [group | {"rules": [*group["rules"], certificate_rule(declared.name, end(data))]}]}

    # When certificates end is no secret: every connection shows it.
    return pulumi.Output.unsecret(secret.data).apply(spec)
