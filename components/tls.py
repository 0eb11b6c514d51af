"""The certificates of a cluster or job, generated or requested from cert-manager, and the alert about their end."""

from collections.abc import Callable, Mapping

import pulumi
from pulumi import Output, Resource

from .kube import client as kube
from .kube.client import Connection
from .kube.errors import ClusterError
from .lifecycle import expiry
from .manifests.certificates import client_files, end, make, requests
from .manifests.context import Spec
from .manifests.declared import DeclaredCluster
from .manifests.declared_job import DeclaredJob
from .manifests.monitoring import certificate_rule
from .objects import KubernetesObject, name_of

Child = Callable[[], pulumi.ResourceOptions]


class Certificates:
    """The certificates of a cluster: generated in a Secret, requested from cert-manager, or the user's own."""

    def __init__(self, cluster: DeclaredCluster, connection: Connection, child: Child) -> None:
        """Registers them. Warns of those that end soon, in previews too. `child` makes the options of each object."""
        self._cluster, self._connection = cluster, connection
        self.generated = tls_secret(cluster, child())
        self.resources: list[Resource] = [self.generated] if self.generated else [*_asked(cluster, child)]
        if cluster.settings.tls.enabled:
            Output.from_input(expiry.warn(connection, cluster))

    def of_client(self, service: KubernetesObject) -> Output[dict[str, str]]:
        """The files of a client. cert-manager's exist when the cluster has computed, and so before `service`."""
        if self.generated:
            return Output.secret(self.generated.data.apply(client_files))
        if not self.resources:
            return Output.secret({})
        return Output.secret(service.spec.apply(lambda _: self._issued()))

    async def _issued(self) -> dict[str, str]:
        """cert-manager's certificate for clients; empty if it cannot be read."""
        url = self._cluster.path("Secret", self._cluster.context.tls_secrets["client"])
        try:
            found = await kube.unless_forbidden(kube.find(await kube.api(self._connection), url))
        except ClusterError:
            return {}
        return client_files((found or {}).get("data"))


def certificates_of(job: DeclaredJob, connection: Connection, child: Child) -> list[KubernetesObject]:
    """What the pods of a job wait for: the generated Secret, or what cert-manager is asked for.

    Warns of certificates that end soon, which the runs of a schedule meet.
    """
    generated = tls_secret(job, child())
    if job.settings.tls.enabled and job.settings.schedule:
        Output.from_input(expiry.warn(connection, job))
    return [generated] if generated else _asked(job, child)


def _asked(owner: DeclaredCluster | DeclaredJob, child: Child) -> list[KubernetesObject]:
    return [KubernetesObject(name_of(body), body, child()) for body in requests(owner.context)]


def tls_secret(owner: DeclaredCluster | DeclaredJob, opts: pulumi.ResourceOptions) -> KubernetesObject | None:
    """The Secret with ca.crt and `<role>.crt` and `<role>.key` for each role, if this program generates them."""
    tls = owner.settings.tls
    if not tls.generated:
        return None
    material = {key: pulumi.Output.secret(value) for key, value in make(owner.name, tls.valid_days).items()}
    own = pulumi.ResourceOptions(ignore_changes=["stringData", "data"])
    body = owner.context.object("Secret", owner.tls_secret) | {"stringData": material, "immutable": True}
    return KubernetesObject(owner.tls_secret, body, pulumi.ResourceOptions.merge(opts, own))


def with_certificates(declared: DeclaredCluster, alerts: Spec, secret: KubernetesObject) -> pulumi.Output[Spec]:
    """The spec of a PrometheusRule with one more alert: about the end of the generated certificates."""

    def spec(data: Mapping[str, str] | None) -> Spec:
        if not data:
            return alerts
        [group] = alerts["groups"]
        return {"groups": [group | {"rules": [*group["rules"], certificate_rule(declared.name, end(data))]}]}

    # When certificates end is no secret: every connection shows it.
    return pulumi.Output.unsecret(secret.data).apply(spec)
