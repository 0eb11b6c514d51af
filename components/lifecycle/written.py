"""Words what the API server refuses: the place in the stack's file, the object, and the API server's own reason."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..lifecycle.dry_runs import Question, Refusal
from ..lifecycle.proposal import Declared
from ..manifests import rendered
from ..manifests.rendered import Rendered
from ..settings.formats.names import HASH_LENGTH
from ..settings.mistakes import Path
from ..settings.mistakes import path as shown_path
from ..settings.stack import Settings

_COMPONENTS = {"dask:k8s:Cluster": "clusters", "dask:k8s:Job": "jobs"}
_ROLES = {"scheduler": ("scheduler",), "worker": ("workers",), "runner": ("runner",)}
_WHOSE = {role: f"{role}'s " for role in ("scheduler", "worker", "schedule", "autoscaler")}
_POD_IN_A_DEPLOYMENT = "spec.template."
_MANY = 3


def lines(refusals: Sequence[Refusal], settings: Settings | None) -> list[str]:
    """One line for each reason: a Deployment and its pod are refused for the same one."""
    found: dict[tuple[str, str, str], str] = {}
    pods = {made.path: made for made in _pods(settings)} if refusals and settings else {}
    for refusal in refusals:
        question, field = refusal.question, refusal.field.removeprefix(_POD_IN_A_DEPLOYMENT)
        places = [replace(question, declared=one) for one in (question.declared, *question.others)]
        where = ", ".join(_place(it, field, settings, pods) for it in places[:_MANY])
        where += f" and {len(places) - _MANY} more" if len(places) > _MANY else ""
        reason = refusal.words if not refusal.field else f"{field}: {refusal.words}"
        key = (where, field or _without_name(refusal), refusal.words if field else "")
        found.setdefault(key, f"{where}: the {_object(question)}: {reason}")
    return list(found.values())


def _pods(settings: Settings) -> Iterator[Rendered]:
    return (render() for render in rendered.pods(settings))


def _without_name(refusal: Refusal) -> str:
    """`pods "a-1" is forbidden: why` without the object's name."""
    return refusal.words.partition(": ")[2] or refusal.words


def _object(question: Question) -> str:
    body = question.body
    kind = "verify Job's pod" if question.role == "verify" else f"{_WHOSE.get(question.role or '', '')}{body['kind']}"
    return f"{kind} '{body['metadata'].get('name') or body['metadata']['generateName'].rstrip('-')}'"


def _place(question: Question, field: str, settings: Settings | None, pods: dict[Path, Rendered]) -> str:
    """Where the refused part is written, as far as that is known."""
    declared = question.declared
    kind, name = declared.component
    if kind == "dask:k8s:Workspace":
        return shown_path(("namespace",))
    if kind == "dask:k8s:Operator":
        return shown_path(("operator",))
    if kind not in _COMPONENTS:
        return f"{declared.kind} '{declared.body['metadata']['name']}'"
    path: Path = (_COMPONENTS[kind], name, *_role(question, settings))
    return shown_path(_inside(pods.get(path), field) or path)


def _inside(made: Rendered | None, field: str) -> Path | None:
    """Where a field of the pod is written. None for what the program or the operator has generated."""
    if made is None or not field.startswith("spec."):
        return None
    try:
        return made.written(_steps(field))
    except LookupError:
        return None


def _role(question: Question, settings: Settings | None) -> Path:
    declared = question.declared
    if declared.kind == "DaskWorkerGroup":
        return _group(declared, settings)
    return _ROLES.get(question.role or "", ())


def _group(declared: Declared, settings: Settings | None) -> Path:
    """A group's object is called `<cluster>-<group>-<hash>`."""
    cluster = settings.clusters.get(declared.component[1]) if settings else None
    rest = declared.body["metadata"]["name"][: -HASH_LENGTH - 1]
    names = [name for name in cluster.worker_groups if rest.endswith(f"-{name}")] if cluster else []
    return ("workerGroups", max(names, key=len)) if names else ("workerGroups",)


def _steps(field: str) -> Path:
    """`spec.containers[0].env[1].name`, within the pod spec, as a path."""
    steps: list[str | int] = []
    for part in field.removeprefix("spec.").replace("]", "").split("."):
        key, *indexes = part.split("[")
        steps += [key, *(int(it) if it.isdigit() else it for it in indexes)]
    return tuple(steps)
