"""The account of a pod of the program's own code, and the permissions that it has in its namespace."""

from ..manifests.context import PodContext, Spec

_RBAC = "rbac.authorization.k8s.io"


def account(context: PodContext, name: str, rules: list[Spec]) -> list[Spec]:
    """The ServiceAccount, the Role and the RoleBinding of this name, in the order of their creation."""
    role = context.object("Role", name) | {"rules": rules}
    reference = {"apiGroup": _RBAC, "kind": "Role", "name": name}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": context.namespace}
    binding = context.object("RoleBinding", name) | {"roleRef": reference, "subjects": [subject]}
    return [context.object("ServiceAccount", name), role, binding]
