"""The pods of a stack as they will run, including `podTemplate`, and the rules that they break."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..manifests import notebook as notebookmanifest
from ..manifests import pod as podspec
from ..manifests import worker_arguments as workerargs
from ..manifests.context import PodContext, Spec, WorkspaceContext
from ..settings.checks import pod_fields as podfields
from ..settings.checks import pod_levels as podlevels
from ..settings.checks import pod_promises as podpromises
from ..settings.checks import pod_quota as podquota
from ..settings.checks import pod_rules as podrules
from ..settings.checks.paths import at
from ..settings.checks.walker import is_known, until_unknown
from ..settings.cluster import Cluster, Scheduler
from ..settings.job import Job, Runner
from ..settings.mistakes import Mistake, Path, nearest
from ..settings.notebook import Notebook
from ..settings.pod import PodSettings, merge
from ..settings.pod_merge import KEYS, ROLES, identity
from ..settings.stack import Namespace, Settings
from ..settings.workers import WorkerPods
from ..vocabulary import TLS_VOLUME

# Fields of a pod that are a setting of the same name.
_SETTINGS = ("tolerations", "affinity", "topologySpreadConstraints", "nodeSelector")
_FIELDS = {"topologySpreadConstraints": "topology_spread_constraints", "nodeSelector": "node_selector"}


@dataclass(frozen=True)
class Rendered:
    """One kind of pod, and the settings that it is rendered from."""

    path: Path
    """Where its role is written, such as `("clusters", "a", "workers")`."""
    owner_path: Path
    settings: PodSettings
    """The settings of the role itself."""
    owner: PodSettings
    """The cluster or the job."""
    plain: Spec
    """The pod spec without `podTemplate`."""
    pod: Spec

    @property
    def templates(self) -> Iterator[tuple[Path, Spec]]:
        """The `podTemplate` of the role and of its owner, as far as they are set, each with its path."""
        for path, settings in ((self.path, self.settings), (self.owner_path, self.owner)):
            if settings.pod_template:
                yield (*path, "podTemplate"), settings.pod_template

    def written(self, path: Path) -> Path | None:
        """Where a part of the pod is written. None for what the program generates, or has already checked."""
        for start, template in self.templates:
            if (place := _inside(template, self.pod, path)) is not None:
                return (*start, *place)
        if path[0] in _SETTINGS:
            return (*self._holder(_FIELDS.get(str(path[0]), str(path[0]))), *path)
        return self._argument(path) or self._variable(path)

    def _holder(self, field: str) -> Path:
        """Whose setting counts: the role's, or the one that it inherits."""
        return self.path if field in self.settings.model_fields_set else self.owner_path

    def _argument(self, path: Path) -> Path | None:
        extra = getattr(self.settings, "extra_args", ())
        if path[:3] != ("containers", 0, "args") or len(path) < 4:
            return None
        index = int(path[3]) - len(self.plain["containers"][0]["args"]) + len(extra)
        return (*self.path, "extraArgs", index) if index >= 0 else None

    def _variable(self, path: Path) -> Path | None:
        """Dask's routes can be set in `env` and `daskConfig`; other rules about these two run before rendering."""
        name = self.pod["containers"][0]["env"][path[3]]["name"] if path[:3] == ("containers", 0, "env") else ""
        if not name.endswith("HTTP__ROUTES"):
            return None
        steps = ("distributed", name.split("__")[1].lower(), "http", "routes")
        for start, settings in ((self.path, self.settings), (self.owner_path, self.owner)):
            if name in settings.env:
                return (*start, "env", name)
            if at(settings.dask_config, steps) is not None:
                return (*start, "daskConfig", *steps)
        return None


def _inside(template: Any, pod: Any, path: Path) -> Path | None:
    """Where a template has what the pod has at `path`; None if the template does not set it."""
    place: list[str | int] = []
    field = ""
    for depth, step in enumerate(path):
        below = pod[step] if isinstance(step, int) or step in pod else None
        if isinstance(template, dict) and step in template:
            template, field = template[step], str(step)
            place.append(step)
        elif isinstance(template, list) and isinstance(step, int) and (found := _item(template, below, field, step)):
            index, template = found
            place.append(index)
        elif depth == len(path) - 1 and place and below is None and isinstance(template, dict):
            return (*place, step)
        else:
            return None
        pod = below
    return tuple(place)


def _item(template: list[Any], item: Any, field: str, index: int) -> tuple[int, Any] | None:
    if field in KEYS:
        same = [
            i
            for i, it in enumerate(template)
            if it is not None and identity(KEYS[field], it) == identity(KEYS[field], item)
        ]
        return (same[-1], template[same[-1]]) if same else None
    return (index, template[index]) if index < len(template) else None


def can_be_rendered(owner: Cluster | Job) -> bool:
    """Whether a cluster or job has no mistake that its objects could not be rendered with."""
    return is_known(owner) and not _misshapen(owner, *owner.roles().values())


def pods(settings: Settings) -> Iterator[Callable[[], Rendered]]:
    """Every kind of pod of a stack, rendered on call, so that something UNKNOWN ends one pod and not all.

    None with a raw field of another type, which pod_fields.py reports, and which nothing can read.
    """
    restricted = settings.namespace.pod_security == "restricted"
    workspace = WorkspaceContext(settings.namespace.name, "", restricted)
    owners: dict[Path, Cluster | Job] = {("clusters", name): cluster for name, cluster in settings.clusters.items()}
    owners |= {("jobs", name): job for name, job in settings.jobs.items()}
    for owner_path, owner in owners.items():
        name = str(owner_path[1])
        context = PodContext(name, name, workspace, owner.tls, "certificates")
        if not is_known([vars(owner)[field] for field in PodSettings.model_fields]):
            continue
        for role_path, role in owner.roles().items():
            if is_known(role) and not _misshapen(owner, role):
                yield partial(_rendered, owner, role, (*owner_path, *role_path), owner_path, context)


def _rendered(owner: PodSettings, role: PodSettings, path: Path, owner_path: Path, context: PodContext) -> Rendered:
    merged = merge(owner, role)
    without = merged.model_copy(update={"pod_template": {}})
    plain = _spec(owner, role, without, context)
    pod = podspec.laid_over(plain, merged.pod_template) if merged.pod_template else plain
    return Rendered(path, owner_path, role, owner, plain, pod)


def _spec(owner: PodSettings, role: PodSettings, merged: PodSettings, context: PodContext) -> Spec:
    if isinstance(role, Scheduler):
        return podspec.scheduler(role, merged, context)
    if isinstance(role, WorkerPods):
        return podspec.worker(role, merged, context)
    if isinstance(role, Notebook):
        assert isinstance(owner, Cluster)
        return notebookmanifest.spec(owner, role, merged, context, "")
    assert isinstance(role, Runner)
    return podspec.runner(list(role.command) or ["python3", "-c", role.script or ""], merged, context)


def as_they_run(settings: Settings) -> Iterator[Mistake]:
    """What is wrong with the pods that the settings lead to."""
    for render in pods(settings):
        yield from until_unknown(_checked, render, settings.namespace)


def _checked(render: Callable[[], Rendered], namespace: Namespace) -> Iterator[Mistake]:
    made = render()
    own = made.plain["containers"][0]["name"]
    if isinstance(made.settings, WorkerPods):
        found = workerargs.broken(made.settings, merge(made.owner, made.settings))
        yield from (mistake.below(*made.path) for mistake in found)
    if any(made.templates):
        yield from _strangers(made, own)
        absent = list(podfields.absent(made.pod, podfields.pod_schema()))
        yield from _placed(made, iter(absent))
        if absent:
            return
        yield from _placed(made, podlevels.forbidden(made.pod, namespace.pod_security))
        yield from _placed(made, podquota.without_limits(made.pod, own, namespace))
    yield from _placed(made, podrules.refused(made.pod, deployed=own != "job"))
    tls = any(volume["name"] == TLS_VOLUME for volume in made.plain.get("volumes", ()))
    extra = len(getattr(made.settings, "extra_args", ()))
    yield from _placed(made, podpromises.broken(made.plain, made.pod, extra, tls=tls))


def _placed(made: Rendered, found: Iterator[Mistake]) -> Iterator[Mistake]:
    """The mistakes at the places where the settings have what is wrong in the pod."""
    for mistake in found:
        if (place := made.written(mistake.path)) is not None:
            yield mistake.at(place)


def _misshapen(*pods: PodSettings) -> bool:
    """Whether a raw field has a value of another type."""
    return any(mistake.rule.startswith("must be") for pod in pods for mistake in podfields.unlike(pod))


def _strangers(made: Rendered, own: str) -> Iterator[Mistake]:
    """Containers of another role, which would have no effect."""
    other = "notebook" if isinstance(made.owner, Job) else "job"
    of_owner = [role for role in ROLES if role != other]
    for path, template in made.templates:
        allowed = of_owner if path[:-1] == made.owner_path else [own]
        for index, box in enumerate(template.get("containers") or ()):
            name = (box or {}).get("name")
            if name in ROLES and name not in allowed:
                near = nearest(name, allowed) or allowed[0]
                rule = "is the container of another kind of pod"
                yield Mistake(rule, f"did you mean '{near}'?", (*path, "containers", index, "name"))
