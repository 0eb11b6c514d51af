"""The operator's Helm chart. In: settings. Out: where the chart is, and its values. No Pulumi import."""

from __future__ import annotations

import os
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.podmerge import overlay

if TYPE_CHECKING:
    from components.settings import Operator

NAME = "dask-kubernetes-operator"
# By which the operator's Deployment and pods are found, whoever has installed the chart.
SELECTOR = {"app.kubernetes.io/name": NAME}
IMAGE = "ghcr.io/dask/dask-kubernetes-operator"


def bundled() -> Path:
    """The chart inside the dask-kubernetes wheel, found without importing it: that would load kopf and distributed."""
    package = distribution("dask-kubernetes")
    return Path(str(package.locate_file(f"dask_kubernetes/operator/deployment/helm/{NAME}")))


def bundled_version() -> str:
    """The wheel's version: the chart itself is stamped `set-by-chartpress`."""
    return distribution("dask-kubernetes").version


def relative(path: Path) -> str:
    """The path as it is the same on every machine with the usual `.venv`, so that it does not show up as a change."""
    return os.path.relpath(path)


def values(operator: Operator) -> dict[str, Any]:
    """The chart's values. All static: an Output in them would be a diff in every preview (pulumi-kubernetes #2649)."""
    tag = operator.image.tag or (None if operator.chart else bundled_version())
    image = {"name": operator.image.name or IMAGE} | ({"tag": tag} if tag else {})
    made: dict[str, Any] = {
        "image": image,
        "imagePullSecrets": [{"name": name} for name in operator.image_pull_secrets],
        "podSecurityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "resources": _resources(operator),
        # A busy node answers late, and a restarted operator costs every cluster more than a late one.
        "livenessProbe": {"timeoutSeconds": 15},
    }
    if operator.watch is not None:
        # Both together, or the operator asks for what its Role does not give (dask-kubernetes #916, #921).
        # The chart's Role names cluster-wide resources, which only who has those rights may grant; operatorrights.py
        # grants what counts in every watched namespace.
        made["rbac"] = {"create": operator.cluster_role, "cluster": False}
        made["kopfArgs"] = [f"--namespace={namespace}" for namespace in operator.watch]
    return overlay(made, operator.values)


def _resources(operator: Operator) -> dict[str, Any]:
    requests, limits = operator.resources.all_requests(), operator.resources.all_limits()
    return {key: value for key, value in (("requests", requests), ("limits", limits)) if value}
