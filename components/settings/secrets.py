"""The types of the Secrets under `dask:secrets`, and the service accounts that pods use."""

from collections.abc import Mapping
from typing import Literal

from ..settings.fields import Annotations, Labels, Model, ObjectName

OPAQUE, PULL_SECRET = "Opaque", "kubernetes.io/dockerconfigjson"
PULL_KEY = ".dockerconfigjson"
SecretType = Literal[
    "Opaque",
    "kubernetes.io/dockerconfigjson",
    "kubernetes.io/basic-auth",
    "kubernetes.io/ssh-auth",
    "kubernetes.io/tls",
]
# The keys that Kubernetes demands of each type; of several groups, one.
# https://kubernetes.io/docs/concepts/configuration/secret/#secret-types
DEMANDED: dict[str, tuple[tuple[str, ...], ...]] = {
    PULL_SECRET: ((PULL_KEY,),),
    "kubernetes.io/basic-auth": (("username",), ("password",)),
    "kubernetes.io/ssh-auth": (("ssh-privatekey",),),
    "kubernetes.io/tls": (("tls.crt", "tls.key"),),
}


class ServiceAccount(Model):
    """A service account for pods to run under. It has no permissions in Kubernetes, and its token is not mounted."""

    annotations: Annotations = {}
    """Annotations, by which clouds give permissions to pods: `eks.amazonaws.com/role-arn` on EKS,
    `iam.gke.io/gcp-service-account` on GKE, `azure.workload.identity/client-id` on AKS."""
    labels: Labels = {}
    """Labels of the service account."""
    image_pull_secrets: tuple[ObjectName, ...] = ()
    """Secrets with registry credentials for every pod of the account: entries of `dask:secrets`, or existing ones."""


def type_of(data: Mapping[str, str], written: str | None = None) -> str:
    """The type of a Secret: the one that is written, or the one that its keys allow only for one purpose."""
    return written or (PULL_SECRET if PULL_KEY in data else OPAQUE)
