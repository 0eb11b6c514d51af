"""Kubernetes objects and Helm releases as Pulumi resources, registered under the types of pulumi_kubernetes' classes.

Those classes take 0.4 s of processor time to import, in every command, and as much again for what they make of the
answers of a hundred objects. The manifests here are complete already, so nothing of the classes is needed.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions

_SECRET = ("data", "stringData")


class KubernetesObject(pulumi.CustomResource):
    """An object of any kind. Its outputs are as the API server answers."""

    spec: Output[Any]
    status: Output[Any]
    data: Output[Any]

    def __init__(self, name: str, body: Mapping[str, Any], opts: ResourceOptions | None = None) -> None:
        """`body` is the manifest: `apiVersion`, `kind`, and the rest, where Outputs may stand for values."""
        inputs = dict(body)
        if body["kind"] == "Secret":
            inputs |= {key: Output.secret(body[key]) for key in _SECRET if key in body}
            opts = ResourceOptions.merge(opts, ResourceOptions(additional_secret_outputs=list(_SECRET)))
        super().__init__(object_type(body), name, {"spec": None, "status": None, "data": None} | inputs, opts)


def name_of(body: Mapping[str, Any]) -> str:
    """The object's name in Kubernetes, which most objects have in the program too."""
    return body["metadata"]["name"]


def binding_of(role: pulumi.CustomResource, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a RoleBinding or ClusterRoleBinding whose role is not known before it exists.

    The API server looks up the role even in a dry run, unless the user has the permission to `bind` all roles. So a
    preview would fail for everyone but administrators if it asked about both at once.
    """
    return {**body, "roleRef": role.id.apply(lambda _: body["roleRef"])}


class HelmRelease(pulumi.CustomResource):
    """A release that the provider installs as Helm does."""

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: ResourceOptions | None = None) -> None:
        """`inputs` have the provider's own names, such as `skipCrds`."""
        super().__init__(RELEASE_TYPE, name, {"compat": "true", **inputs}, opts)


RELEASE_TYPE = "kubernetes:helm.sh/v3:Release"


def object_type(body: Mapping[str, Any]) -> str:
    """The type of the resource, which is a part of its URN: `kubernetes:core/v1:Service`."""
    api = body["apiVersion"]
    return f"kubernetes:{api if '/' in api else f'core/{api}'}:{body['kind']}"


def read(type_: str, name: str, id_: str, opts: ResourceOptions) -> None:
    """Reads what exists, `[<namespace>/]<name>`, as a resource that the stack does not manage."""
    pulumi.CustomResource(type_, name, {}, ResourceOptions.merge(opts, ResourceOptions(id=id_)))
