"""A kubeconfig, read as kubectl and the Pulumi provider read it: the model is client-go's `tools/clientcmd`.

`load` merges the files that KUBECONFIG names, chooses the context and resolves paths. It asks no server and runs no
plugin. What client-go refuses is refused here, in one line.
"""

import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from pydantic import ValidationError

from ..hosts import host_port
from ..kube.errors import ClusterError, KubeconfigError, MissingKubeconfigError
from ..kube.kubeconfig_file import Cluster, File, User

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class Connection:
    """Which Kubernetes cluster: the same choice as the provider's. Both None: the ambient kubeconfig."""

    context: str | None = None
    kubeconfig: str | None = field(default=None, repr=False)
    later: "Callable[[], Awaitable[Connection | None]] | None" = field(default=None, repr=False)
    """Finds the connection of a cluster that becomes known during the run; None while it is not."""

    @property
    def holds_contents(self) -> bool:
        """Whether `kubeconfig` is the file's content, and so a secret, rather than its path."""
        return "\n" in (self.kubeconfig or "") or (self.kubeconfig or "").lstrip().startswith("{")


@dataclass(frozen=True)
class Access:
    """The address of one cluster, and the user of the requests."""

    server: str
    """The URL of the API server, with its scheme, and with a path where the API is below one."""
    cluster: Cluster
    """Paths are absolute, or relative to the current folder where the kubeconfig was given as contents."""
    user: User


@dataclass(frozen=True)
class _Source:
    file: File
    folder: Path | None
    """Where relative paths begin. None: contents, whose paths begin in the current folder."""


def load(connection: Connection, environment: Mapping[str, str] = os.environ) -> Access:
    """The cluster and the user of the chosen context.

    Raises `MissingKubeconfigError` where nothing says which cluster it is, and `KubeconfigError` for the rest.
    """
    try:
        sources = list(_sources(connection, environment))
        found = _chosen(connection, sources) or (None if connection.kubeconfig else _in_cluster(environment))
    except (ValidationError, yaml.YAMLError, OSError, ValueError) as error:
        raise KubeconfigError(f"{_where(connection, environment)} cannot be read: {_reason(error)}") from error
    if found is None:
        raise MissingKubeconfigError(
            f"{_where(connection, environment)} does not say which Kubernetes cluster it is; name the file in "
            "KUBECONFIG, or set `kubernetes:context` where there is no current one"
        )
    return found


def provider_argument(connection: Connection, environment: Mapping[str, str] = os.environ) -> str | None:
    """The `kubeconfig` of a Pulumi provider that is to reach the same cluster.

    An empty argument makes the provider read KUBECONFIG itself, as kubectl does. Otherwise its SDK hands over what
    KUBECONFIG holds; the provider takes that for one file, looks for its relative paths in the current folder, and
    leaves a copy of it, with its keys, in the folder for temporary files (provider.go, `writeKubeconfigToFile`).
    """
    if connection.kubeconfig is not None:
        return connection.kubeconfig
    return "" if environment.get("KUBECONFIG") and not _is_anonymous(connection, environment) else None


def _is_anonymous(connection: Connection, environment: Mapping[str, str]) -> bool:
    """Whether the user of a single file has no credentials. Reading KUBECONFIG itself, the provider asks for some."""
    if len(_names(environment)) > 1:
        return False
    try:
        access = load(connection, environment)
    except ClusterError:
        return False
    return access.server.startswith("https:") and access.user.is_anonymous


def _names(environment: Mapping[str, str]) -> list[str]:
    listed = environment.get("KUBECONFIG")
    names = listed.split(os.pathsep) if listed else [str(Path("~/.kube/config").expanduser())]
    return list(dict.fromkeys(name for name in names if name))


def _where(connection: Connection, environment: Mapping[str, str]) -> str:
    if connection.holds_contents:
        return "the kubeconfig in `kubernetes:kubeconfig`"
    return f"the kubeconfig {connection.kubeconfig or os.pathsep.join(_names(environment))}"


def _reason(error: Exception) -> str:
    """One line without the file's values, which may be secrets."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}"
    if isinstance(error, yaml.MarkedYAMLError):
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        return f"it is not YAML: {error.problem}{line}"
    return " ".join(str(error).split())


def _sources(connection: Connection, environment: Mapping[str, str]) -> Iterator[_Source]:
    """The files in the order of their precedence; files of the environment may be missing."""
    if connection.holds_contents:
        yield _Source(_parsed(connection.kubeconfig or ""), None)
        return
    if connection.kubeconfig:
        path = Path(connection.kubeconfig).expanduser()
        yield _Source(_parsed(path.read_text()), path.absolute().parent)
        return
    for name in _names(environment):
        path = Path(name)
        if path.exists():
            yield _Source(_parsed(path.read_text()), path.absolute().parent)


def _parsed(text: str) -> File:
    return File.model_validate(yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {})


def _chosen(connection: Connection, sources: list[_Source]) -> Access | None:
    """The first file that has an entry wins. None where no cluster is chosen."""
    named = connection.context or next((it.file.current_context for it in sources if it.file.current_context), "")
    contexts = {name: context for it in reversed(sources) for name, context in it.file.by_name("contexts").items()}
    if named and named not in contexts:
        known = ", ".join(sorted(contexts)) or "none"
        raise MissingKubeconfigError(
            f"the kubeconfig has no context '{named}'; set `kubernetes:context` to one of: {known}"
        )
    context = contexts.get(named)
    if context is None:
        return None
    clusters: dict[str, Cluster] = {}
    users: dict[str, User] = {}
    for source in reversed(sources):
        clusters |= {name: _resolved(one, source, connection) for name, one in source.file.by_name("clusters").items()}
        users |= {name: _resolved(one, source, connection) for name, one in source.file.by_name("users").items()}
    if context.cluster not in clusters:
        return None
    cluster, user = clusters[context.cluster], users.get(context.user, User())
    broken = [*cluster.mistakes(), *user.mistakes()]
    if broken:
        raise KubeconfigError(f"the context '{named}' of the kubeconfig cannot be used: {'; '.join(broken)}")
    return _access(cluster, user)


def _access(cluster: Cluster, user: User) -> Access:
    server = cluster.server
    if not (urlsplit(server).scheme and urlsplit(server).netloc):
        server = f"http://{server}"
    if urlsplit(server).scheme != "https":
        user = user.without_credentials()  # which nobody sends in the clear
    return Access(server.partition("?")[0].rstrip("/"), cluster, user)


def _relative(entry: Cluster | User) -> dict[str, str]:
    """The files that an entry names by a relative path, by the names of its fields."""
    return {key: path for key, path in entry.paths().items() if path and not Path(path).is_absolute()}


def _resolved(entry: Any, source: _Source, connection: Connection) -> Any:
    relative = _relative(entry)
    if not relative or source.folder is None:
        return entry
    if connection.kubeconfig and source.folder != Path.cwd():
        raise KubeconfigError(
            f"kubernetes:kubeconfig: {source.folder} has a kubeconfig with relative paths "
            f"({', '.join(relative.values())}), which the Pulumi provider looks for in {Path.cwd()}; "
            "name the kubeconfig in KUBECONFIG instead, or make its paths absolute"
        )
    return entry.with_paths({key: str(source.folder / path) for key, path in relative.items()})


def _in_cluster(environment: Mapping[str, str]) -> Access | None:
    """The service account of the pod that this runs in; None outside of one."""
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    token = SERVICE_ACCOUNT / "token"
    if not (host and port and token.is_file()):
        return None
    ca = SERVICE_ACCOUNT / "ca.crt"
    cluster = Cluster.model_validate({"certificate-authority": str(ca) if ca.is_file() else ""})
    return Access(f"https://{host_port(host, port)}", cluster, User.model_validate({"tokenFile": str(token)}))
