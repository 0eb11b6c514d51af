"""The operator's Helm chart in the dask-kubernetes wheel: where it is, its version, its CRDs and their schema."""

import hashlib
import os
import shutil
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import yaml

from ..vocabulary import NAME as NAME_LABEL

NAME = "dask-kubernetes-operator"
RELEASE = "dask-operator"
# The chart's fullname template: `<release>-<chart>` unless the release's name holds the chart's.
SERVICE_ACCOUNT = f"{RELEASE}-{NAME}"
# Labels of the operator's Deployment and pods, however the chart was installed.
SELECTOR = {NAME_LABEL: NAME}
LINK = ".operator-chart"


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


def crds(chart: Path) -> list[dict[str, Any]]:
    """The CRDs in an unpacked chart's `crds/`."""
    return [yaml.load(text, Loader=yaml.CSafeLoader) for text in _texts(chart)]


def schema(chart: Path, kind: str) -> dict[str, Any]:
    """The OpenAPI schema of the one version of a kind in a chart. Raises `LookupError` if it is missing.

    Only a file that names the kind is parsed: all of them take 0.2 s of every command.
    """
    for text in _texts(chart):
        if f"kind: {kind}\n" in text:
            crd = yaml.load(text, Loader=yaml.CSafeLoader)
            if crd["spec"]["names"]["kind"] == kind:
                [version] = crd["spec"]["versions"]
                return version["schema"]["openAPIV3Schema"]
    raise LookupError(f"the chart in {chart} has no CRD of kind {kind}")


def _texts(chart: Path) -> list[str]:
    return [file.read_text() for file in sorted((chart / "crds").glob("*.yaml"))]
