"""Names that the program gives its own objects, against the names that a user gives others of the same kind.

Two objects of one kind and name are one object in Kubernetes: one would overwrite the other, or `up` would end halfway.
"""

from collections.abc import Iterator

from ..kube import chart
from ..manifests import notebook as notebookmanifest
from ..manifests.context import PodContext, Spec, WorkspaceContext
from ..manifests.declared import DeclaredCluster, workspace_of
from ..manifests.declared_job import DeclaredJob
from ..manifests.rendered import can_be_rendered
from ..manifests.secrets import secret_names
from ..settings.checks.walker import until_unknown
from ..settings.mistakes import Mistake, Path
from ..settings.secrets import PULL_SECRET
from ..settings.stack import Settings

Name = tuple[str, str]
"""The kind and the name of an object."""


def clashes(settings: Settings) -> Iterator[Mistake]:
    """The names that a user has to change. Nothing is rendered unless one of them begins with another."""
    yield from until_unknown(_with_the_operator, settings)
    named = list(_named(settings))
    for path in named:
        if path[0] in ("clusters", "jobs"):
            longer = [it for it in named if str(it[1]).startswith(f"{path[1]}-")]
            if longer:
                yield from until_unknown(_clashes, settings, path, longer)


def _clashes(settings: Settings, path: Path, longer: list[Path]) -> Iterator[Mistake]:
    # No name depends on the stack's.
    workspace = workspace_of(settings, "", secret_names(settings))
    own = set(_objects(settings, path, workspace))
    owner = f"the {str(path[0]).removesuffix('s')} '{path[1]}'"
    for other in longer:
        for kind, name in sorted(own & set(_objects(settings, other, workspace))):
            rule = f"is the name of a {kind} that the program creates for {owner}"
            if name != other[1]:
                rule = f"has the {kind} '{name}', as {owner} has"
            yield Mistake(rule, "rename one", other, other[1])
            break


def _with_the_operator(settings: Settings) -> Iterator[Mistake]:
    """In a namespace that they share, the service account of the operator's chart is next to the stack's."""
    shared = settings.operator.install and settings.operator.namespace == settings.namespace.name
    if shared and chart.SERVICE_ACCOUNT in settings.service_accounts:
        path = ("serviceAccounts", chart.SERVICE_ACCOUNT)
        yield Mistake("is the name of the operator's own ServiceAccount", "rename it", path, chart.SERVICE_ACCOUNT)


def _named(settings: Settings) -> Iterator[Path]:
    """What a user names."""
    yield from (("clusters", name) for name in settings.clusters)
    yield from (("jobs", name) for name in settings.jobs)
    yield from (("serviceAccounts", name) for name in settings.service_accounts)
    # The names of other Secrets end in a hash of their content.
    yield from (("secrets", name) for name in settings.secrets if settings.secret_type(name) == PULL_SECRET)


def _objects(settings: Settings, path: Path, workspace: WorkspaceContext) -> Iterator[Name]:
    """The objects that exist because of what the user has named at the path."""
    key, name = str(path[0]), str(path[1])
    if key == "clusters" and can_be_rendered(settings.clusters[name]):
        # A suspended cluster gets back what it does not have now.
        cluster = settings.clusters[name].model_copy(update={"suspended": False})
        yield from _of_cluster(DeclaredCluster(name, cluster, workspace))
    elif key == "jobs" and can_be_rendered(settings.jobs[name]):
        yield from _of_job(DeclaredJob(name, settings.jobs[name], workspace))
    elif key == "secrets":
        yield "Secret", name
    elif key == "serviceAccounts":
        yield "ServiceAccount", name


def _of_cluster(cluster: DeclaredCluster) -> Iterator[Name]:
    yield from map(_name, cluster.bodies)
    yield from _certificates(cluster.context)
    # The operator's own. With another `update` the cluster is called like its entry.
    yield from (("Service", name) for name in (cluster.scheduler_name, f"{cluster.name}-scheduler"))
    notebook = cluster.settings.notebook
    if notebook and not notebook.token_secret:
        yield "Secret", notebookmanifest.token_secret(notebook, cluster.context)


def _of_job(job: DeclaredJob) -> Iterator[Name]:
    yield from map(_name, [job.record, *(job.scheduled or [job.dask_job, *job.autoscaler])])
    yield from _certificates(job.context)
    if not job.scheduled:
        # The operator's own. Those of scheduled runs have the time in their names.
        yield from (("DaskCluster", job.physical_name), ("Service", f"{job.physical_name}-scheduler"))


def _certificates(context: PodContext) -> Iterator[Name]:
    """The Secrets that the program or cert-manager creates."""
    if context.tls.enabled and not context.tls.secret:
        yield from (("Secret", name) for name in context.tls_secrets.values())


def _name(body: Spec) -> Name:
    return body["kind"], body["metadata"]["name"]
