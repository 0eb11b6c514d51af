"""Which Kubernetes cluster a command is about: the one that `pulumi up` takes; a local one only where that has none."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from devcluster import __main__ as devcluster
from devcluster.kubernetes import cluster
from devcluster.kubernetes.build import ensure as node_programs
from devcluster.shell import NotRunningError
from tools.failure import ToolError
from tools.project import Project

DEFAULT_LOCAL = "dev"


class MissingClusterError(ToolError):
    """No Kubernetes cluster runs that the command could look at."""


@dataclass(frozen=True)
class Target:
    """A Kubernetes cluster."""

    words: str
    """Which one, and why it was taken."""
    local: str = ""
    """The name of the local Kubernetes, where it is that."""


def choose(project: Project, asked: str) -> Target:
    """The cluster that the stack names; that of KUBECONFIG; the current context; else the local one.

    `asked` is the name of a local cluster from CLUSTER=..., or "".
    """
    for key in ("kubernetes:context", "kubernetes:kubeconfig"):
        if value := project.config.get(key):
            if asked:
                raise ToolError(
                    f"CLUSTER={asked}: {project.stack_file.name} names a cluster in `{key}`; use only one of them"
                )
            shown = f" {value!r}" if key == "kubernetes:context" else ""
            return Target(f"`{key}`{shown} of {project.stack_file.name}")
    if not asked:
        if os.environ.get("KUBECONFIG"):
            return Target(f"KUBECONFIG={os.environ['KUBECONFIG']}")
        if context := current_context():
            return Target(f"the current context {context!r} of ~/.kube/config (CLUSTER=dev uses a local Kubernetes)")
    why = "which CLUSTER names" if asked else "because no kubeconfig has a current context"
    return Target(f"the local one {asked or DEFAULT_LOCAL!r}, {why}", asked or DEFAULT_LOCAL)


def current_context(file: Path | None = None) -> str:
    """The current context of the usual kubeconfig, or ""."""
    try:
        content = yaml.safe_load((file or Path("~/.kube/config").expanduser()).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return ""
    if not isinstance(content, dict):
        return ""
    contexts, current = content.get("contexts"), content.get("current-context")
    names = [each.get("name") for each in contexts if isinstance(each, dict)] if isinstance(contexts, list) else []
    return current if isinstance(current, str) and current in names else ""


def images(project: Project) -> list[str]:
    """The images that the stack needs and a local cluster does not have by itself."""
    clusters = project.config.get("dask:clusters")
    settings = clusters.values() if isinstance(clusters, dict) else ()
    return ["notebook"] if any(isinstance(it, dict) and "notebook" in it for it in settings) else []


def environment(target: Target, *, start: bool, more: Sequence[str] = ()) -> dict[str, str]:
    """Variables under which kubectl and the CLI use the cluster; none where they do so by themselves.

    `start` lets a local one be created and started, with the images `more` in it. Raises `MissingClusterError` where it
    does not run.
    """
    if not target.local:
        return {}
    try:
        kubeconfig = devcluster.up(target.local, more) if start else cluster.require(target.local).kubeconfig
    except NotRunningError as error:
        raise MissingClusterError(
            f"the local Kubernetes {target.local!r} does not run, so the command finds nothing; `make up` starts it, "
            "and KUBECONFIG or `kubernetes:context` in the stack's file chooses another cluster"
        ) from error
    # At the end of PATH, so that the user's own kubectl comes first.
    path = os.pathsep.join([os.environ.get("PATH", ""), str(node_programs() / "tools")])
    return {"KUBECONFIG": str(kubeconfig), "PATH": path}
