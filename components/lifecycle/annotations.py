"""The annotations that every object of a program has: whose it is, and how other tools treat it."""

import copy
from collections.abc import Mapping
from typing import Any

from pulumi import Output

from ..vocabulary import OWNER, PATCH_FORCE

# Argo CD may track the objects of an Application by the label `app.kubernetes.io/instance` (the default before 3.0). An
# Application with the name of a Dask cluster would prune what belongs to the cluster (argoproj/argo-cd #2650).
NOT_ARGO_CDS = {
    "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
    "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
}


def annotated(props: Mapping[str, Any], owner: Output[str]) -> Mapping[str, Any]:
    """The inputs of an object with our annotations. Metadata that is an Output is not changed."""
    ours: dict[str, Any] = {OWNER: owner, PATCH_FORCE: "true"}
    metadata = props.get("metadata")
    if metadata is None or isinstance(metadata, Mapping):
        metadata = dict(metadata or {})
        metadata["annotations"] = _with(metadata.get("annotations"), ours)
    elif hasattr(metadata, "annotations"):
        metadata = copy.copy(metadata)
        metadata.annotations = _with(metadata.annotations, ours)
    return {**props, "metadata": metadata}


def _with(annotations: Any, ours: dict[str, Any]) -> Any:
    if annotations is None or isinstance(annotations, Mapping):
        return {**NOT_ARGO_CDS, **(annotations or {}), **ours}
    return Output.all(annotations, ours).apply(lambda both: {**NOT_ARGO_CDS, **(both[0] or {}), **both[1]})
