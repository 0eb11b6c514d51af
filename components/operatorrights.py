"""Gives an operator that watches a list of namespaces the permissions that its chart leaves out.

The chart grants a namespaced operator permissions in its own namespace only, and none of those that kopf needs when it
starts. So every watched namespace gets a Role, and one ClusterRole covers the start.
"""

from collections.abc import Callable, Iterator
from typing import Any

from pulumi import Resource, ResourceOptions

from .kube import chart
from .lifecycle.labels import owned
from .lifecycle.releases import RELEASE
from .manifests.context import Common
from .objects import KubernetesObject, binding_of
from .settings.stack import Operator

_GROUP = "rbac.authorization.k8s.io"
# The namespaced part of the chart's templates/role.yaml.
_WORK: Any = [
    {
        "apiGroups": ["kubernetes.dask.org"],
        "resources": [
            *("daskclusters", "daskworkergroups", "daskworkergroups/scale"),
            *("daskjobs", "daskjobs/status", "daskautoscalers"),
        ],
        "verbs": ["get", "list", "watch", "patch", "create", "delete"],
    },
    {"apiGroups": [""], "resources": ["pods", "pods/status", "services", "services/status"], "verbs": ["*"]},
    {"apiGroups": ["apps"], "resources": ["deployments", "deployments/status"], "verbs": ["*"]},
    {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["*"]},
]
# https://kopf.readthedocs.io/en/stable/deployment/#rbac: kopf lists both before it does anything. If that is
# forbidden, it retries nine times over 54 s before it continues without, at every start.
_START: Any = [
    {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list", "watch"]},
]


def rights(
    settings: Operator, common: Common, child: Callable[[], ResourceOptions], parent: Resource
) -> list[Resource]:
    """The permissions of a namespaced operator; none if it watches all namespaces, which the chart covers.

    `child` makes the options of what waits for the namespaces.
    """
    made: list[Resource] = []
    for namespace in settings.watch or ():
        made += _in_namespace(namespace, common, _subject(settings), child())
    if settings.watch is not None and settings.cluster_role:
        made += _at_the_start(settings, common, ResourceOptions(parent=parent))
    return made


def _in_namespace(namespace: str, common: Common, subject: Any, opts: ResourceOptions) -> Iterator[Resource]:
    metadata = common.below({"name": RELEASE, "namespace": namespace, "labels": owned()})
    role = KubernetesObject(f"role-{namespace}", _rbac("Role", metadata, rules=_WORK), opts)
    yield role
    binding = _rbac("RoleBinding", metadata, roleRef=_reference("Role", RELEASE), subjects=[subject])
    yield KubernetesObject(f"binding-{namespace}", binding_of(role, binding), _bound_after(role, opts))


def _at_the_start(settings: Operator, common: Common, opts: ResourceOptions) -> Iterator[Resource]:
    name = f"{RELEASE}-{settings.namespace}"
    metadata = common.below({"name": name, "labels": owned()})
    role = KubernetesObject("start", _rbac("ClusterRole", metadata, rules=_START), opts)
    yield role
    reference, subjects = _reference("ClusterRole", name), [_subject(settings)]
    binding = _rbac("ClusterRoleBinding", metadata, roleRef=reference, subjects=subjects)
    yield KubernetesObject("start-binding", binding_of(role, binding), _bound_after(role, opts))


def _rbac(kind: str, metadata: dict[str, Any], **content: Any) -> dict[str, Any]:
    return {"apiVersion": f"{_GROUP}/v1", "kind": kind, "metadata": metadata} | content


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"apiGroup": _GROUP, "kind": kind, "name": name}


def _bound_after(role: Resource, opts: ResourceOptions) -> ResourceOptions:
    """RBAC's escalation check needs the Role to exist before it is bound."""
    return ResourceOptions.merge(opts, ResourceOptions(depends_on=[role]))


def _subject(settings: Operator) -> Any:
    return {"kind": "ServiceAccount", "name": chart.SERVICE_ACCOUNT, "namespace": settings.namespace}
