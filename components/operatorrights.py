"""Gives an operator that watches a list of namespaces the permissions that its chart leaves out.

The chart grants a namespaced operator permissions in its own namespace only, and none of those that kopf needs when it
starts. So every watched namespace gets a Role, and one ClusterRole covers the start.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from pulumi import Resource, ResourceOptions
from pulumi_kubernetes.rbac.v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding

from .kube import chart
from .lifecycle.labels import owned
from .lifecycle.releases import RELEASE
from .settings.stack import Operator

# The chart's fullname template: `<release>-<chart>` unless the release's name holds the chart's.
SERVICE_ACCOUNT = f"{RELEASE}-{chart.NAME}"
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


def rights(parent: Resource, settings: Operator, after: Sequence[Resource]) -> list[Resource]:
    """The permissions of a namespaced operator; none if it watches all namespaces, which the chart covers.

    `after` are the namespaces in which it gets its permissions.
    """
    opts = ResourceOptions(parent=parent, depends_on=list(after))
    made: list[Resource] = []
    for namespace in settings.watch or ():
        made += _in_namespace(namespace, _subject(settings), opts)
    if settings.watch is not None and settings.cluster_role:
        made += _at_the_start(settings, ResourceOptions(parent=parent))
    return made


def _in_namespace(namespace: str, subject: Any, opts: ResourceOptions) -> Iterator[Resource]:
    metadata: Any = {"name": RELEASE, "namespace": namespace, "labels": owned()}
    role = Role(f"role-{namespace}", metadata=metadata, rules=_WORK, opts=opts)
    yield role
    reference: Any = {"apiGroup": _GROUP, "kind": "Role", "name": RELEASE}
    # RBAC's escalation check needs the Role to exist before it is bound.
    opts = ResourceOptions.merge(opts, ResourceOptions(depends_on=[role]))
    yield RoleBinding(f"binding-{namespace}", metadata=metadata, role_ref=reference, subjects=[subject], opts=opts)


def _at_the_start(settings: Operator, opts: ResourceOptions) -> Iterator[Resource]:
    name = f"{RELEASE}-{settings.namespace}"
    metadata: Any = {"name": name, "labels": owned()}
    role = ClusterRole("start", metadata=metadata, rules=_START, opts=opts)
    yield role
    reference: Any = {"apiGroup": _GROUP, "kind": "ClusterRole", "name": name}
    opts = ResourceOptions.merge(opts, ResourceOptions(depends_on=[role]))
    yield ClusterRoleBinding(
        "start-binding", metadata=metadata, role_ref=reference, subjects=[_subject(settings)], opts=opts
    )


def _subject(settings: Operator) -> Any:
    return {"kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": settings.namespace}
