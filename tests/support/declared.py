"""Declared clusters and jobs for tests, from the settings as a user writes them."""

from collections.abc import Mapping
from typing import Any

from components.configuration import parse
from components.manifests.context import WorkspaceContext
from components.manifests.declared import DeclaredCluster
from components.manifests.declared_job import DeclaredJob


def declared(name: str = "a", settings: Mapping[str, Any] | None = None, **place: Any) -> DeclaredCluster:
    """A cluster with the settings under `dask:clusters.<name>`. `place` are fields of its workspace."""
    parsed = parse({"clusters": {name: dict(settings or {})}})
    return DeclaredCluster(name, parsed.clusters[name], workspace(**place))


def declared_job(name: str, settings: Mapping[str, Any], **place: Any) -> DeclaredJob:
    """A job with the settings under `dask:jobs.<name>`. `place` are fields of its workspace."""
    return DeclaredJob(name, parse({"jobs": {name: dict(settings)}}).jobs[name], workspace(**place))


def workspace(namespace: str = "lab", part_of: str = "dask-dev", **place: Any) -> WorkspaceContext:
    """A namespace of a stack."""
    return WorkspaceContext(namespace, part_of, **place)
