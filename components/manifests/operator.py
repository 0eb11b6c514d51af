"""What the operator's chart is given: its values, from the settings."""

from typing import Any

from ..kube.chart import bundled_version
from ..manifests.context import Common
from ..settings.pod_merge import overlay
from ..settings.stack import Operator
from ..vocabulary import OPERATOR_IMAGE


def values(operator: Operator, common: Common | None = None) -> dict[str, Any]:
    """The chart's values, which can annotate its pod and its service account, and label nothing.

    All static: an Output in them would be a diff in every preview (pulumi-kubernetes #2649)."""
    tag = operator.image.tag or (None if operator.chart else bundled_version())
    image = {"name": operator.image.name or OPERATOR_IMAGE} | ({"tag": tag} if tag else {})
    made: dict[str, Any] = {
        "image": image,
        "imagePullSecrets": [{"name": name} for name in operator.image_pull_secrets],
        "podSecurityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "resources": _resources(operator),
        # A busy node answers late, and a restarted operator costs every cluster more than a late one.
        "livenessProbe": {"timeoutSeconds": 15},
    }
    if operator.watch is not None:
        # Set both, or the operator requests what its Role does not allow (dask-kubernetes #916, #921).
        # The chart's Role names cluster-wide resources, which only a user with those permissions may grant;
        # operatorrights.py grants the permissions in every watched namespace.
        made["rbac"] = {"create": operator.cluster_role, "cluster": False}
        made["kopfArgs"] = [f"--namespace={namespace}" for namespace in operator.watch]
    if common and common.annotations:
        made["podAnnotations"] = dict(common.annotations)
        made["serviceAccount"] = {"annotations": dict(common.annotations)}
    return overlay(made, operator.values)


def _resources(operator: Operator) -> dict[str, Any]:
    requests, limits = operator.resources.all_requests(), operator.resources.all_limits()
    return {key: value for key, value in (("requests", requests), ("limits", limits)) if value}
