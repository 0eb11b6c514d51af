"""The operator's Helm chart. In: settings. Out: where the chart is, and its values. No Pulumi import."""

from __future__ import annotations

import hashlib
import os
import shutil
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.podmerge import overlay

if TYPE_CHECKING:
    from components.settings import Operator

NAME = "dask-kubernetes-operator"
# By which the operator's Deployment and pods are found, whoever has installed the chart.
SELECTOR = {"app.kubernetes.io/name": NAME}
LINK = ".operator-chart"
IMAGE = "ghcr.io/dask/dask-kubernetes-operator"


def bundled() -> Path:
    """The chart inside the dask-kubernetes wheel, found without importing it: that would load kopf and distributed."""
    package = distribution("dask-kubernetes")
    return Path(str(package.locate_file(f"dask_kubernetes/operator/deployment/helm/{NAME}")))


def bundled_version() -> str:
    """The wheel's version: the chart itself is stamped `set-by-chartpress`."""
    return distribution("dask-kubernetes").version


def linked() -> str:
    """The bundled chart's path, relative and the same on every machine, so that it never shows up as a change.

    The path inside the wheel names the Python version and where the `.venv` is. So the program's folder gets a link to
    the folder around the chart: Helm reads a chart that is a link itself, but remarks on it in every run. Where there
    are no links, it gets a copy; where nothing can be written, the path in the wheel has to do.
    """
    around, link = bundled().parent, Path(LINK)
    try:
        if not (link.exists() and link.resolve() == around.resolve()):
            _link(around, link)
    except OSError:
        return os.path.relpath(bundled())
    return f"{LINK}/{NAME}"


def _link(around: Path, link: Path) -> None:
    made = Path(f"{LINK}.{os.getpid()}")
    try:
        made.symlink_to(around, target_is_directory=True)
        made.replace(link)
    except OSError:
        made.unlink(missing_ok=True)
        shutil.copytree(around, link, dirs_exist_ok=True)


def content() -> str:
    """A hash of the bundled chart. Its version is always `0.0.1-set.by.chartpress`, so that Helm sees no change."""
    digest = hashlib.sha256()
    for file in sorted(path for path in bundled().rglob("*") if path.is_file()):
        digest.update(file.relative_to(bundled()).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


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
