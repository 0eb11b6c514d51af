"""Dask clusters on Kubernetes as Pulumi components.

Programs import these names and nothing from the packages below: `settings` (the configuration), `manifests` (Kubernetes
objects from settings), `kube` (the Kubernetes API) and `lifecycle` (what hooks wait for).
The names are imported on first use, because `settings` and `manifests` are of use without Pulumi.
"""

import gc
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cluster import DaskCluster
    from .configuration import load as load_settings
    from .job import DaskJob
    from .kubernetes import Kubernetes
    from .operator import DaskOperator
    from .outputs import export
    from .workspace import ExistingNamespace, Workspace

__version__ = "0.1.0"
__all__ = [
    "DaskCluster",
    "DaskJob",
    "DaskOperator",
    "ExistingNamespace",
    "Kubernetes",
    "Workspace",
    "export",
    "load_settings",
]
_PLACES = {
    "DaskCluster": "cluster.DaskCluster",
    "DaskJob": "job.DaskJob",
    "DaskOperator": "operator.DaskOperator",
    "ExistingNamespace": "workspace.ExistingNamespace",
    "Kubernetes": "kubernetes.Kubernetes",
    "Workspace": "workspace.Workspace",
    "export": "outputs.export",
    "load_settings": "configuration.load",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PLACES[name].partition(".")
    # What is imported stays: to search it for garbage over and over takes 0.1 s.
    collects = gc.isenabled()
    gc.disable()
    try:
        return getattr(import_module(f"{__name__}.{module}"), attribute)
    finally:
        if collects:
            gc.enable()
