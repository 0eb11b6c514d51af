"""The settings of encryption, under `tls` of a cluster or a job."""

from typing import Annotated

from pydantic import Field

from ..settings.fields import Hostname, Model, ObjectName


class Issuer(Model):
    """An issuer of cert-manager, which creates the certificates of a cluster or job and renews them."""

    name: Annotated[ObjectName, Field(examples=["cluster-ca"])]
    """The issuer's name. Its CA should sign for this cluster or job alone: everyone with a certificate of it can run
    code here."""
    kind: Annotated[str, Field(min_length=1, examples=["ClusterIssuer"])] = "Issuer"
    """The issuer's kind: an `Issuer` of the namespace, a `ClusterIssuer`, or one of another controller."""
    group: Hostname = "cert-manager.io"
    """The API group of that kind."""


class Tls(Model):
    """Encryption and mutual authentication for Dask's protocol."""

    enabled: bool = False
    """Whether the cluster accepts `tls://` connections only."""
    secret: ObjectName | None = None
    """An existing Secret with ca.crt, scheduler.crt/.key, worker.crt/.key and client.crt/.key. Default: generated."""
    issuer: Issuer | None = None
    """Has cert-manager create and renew the certificates. Default: the program generates them, with a CA of their
    own."""
    rotation: Annotated[int, Field(ge=1)] = 1
    """Increment it to issue new certificates. The cluster is then updated as for any other change of its pods."""
    valid_days: Annotated[int, Field(ge=1, le=3650)] = 825
    """Validity of new certificates in days. Takes effect when they are next issued: see `rotation`."""

    @property
    def generated(self) -> bool:
        """Whether this program generates the certificates itself."""
        return self.enabled and self.secret is None and self.issuer is None
