"""What a changed key does, by comparing all that the program registers before and after.

Nothing here knows what a key means: keys come from docs/config.schema.json, examples from change_examples.yaml, and the
steps are those that an engine would take for two sets of registrations.
"""

import copy
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from tests.contract.rendering import ROOT
from tests.unit.registrations import Recording, Registration

Raw = dict[str, Any]
Step = tuple[str, str]
"""An operation and the kind of its object: ("update", "Service")."""

SCHEMA: Raw = json.loads((ROOT / "docs/config.schema.json").read_text())
EXAMPLES: Raw = yaml.safe_load((ROOT / "tests/contract/change_examples.yaml").read_text())
PODS, SCHEDULERS, WORKERS, OTHERS = "pods", "schedulers", "workers", "others"
_ROLES = {"Cluster", "Scheduler", "Workers", "WorkerGroup", "Notebook", "Job", "Runner"}
_VERSION = {"DaskCluster", "DaskWorkerGroup", "PodDisruptionBudget", "Job"}
# How many workers there are, of the default ones and of a group: what no pod says.
_SIZES = {"replicas", "minimum", "maximum", "idleTime", "maximumStarting"}
_POLICIES = {"ResourceQuota", "LimitRange", "NetworkPolicy"}
_MONITORS = {"ServiceMonitor", "PodMonitor", "PrometheusRule"}
_OTHERS = {"Namespace", "Secret", "Service", "ConfigMap", "Deployment", "Release", "DaskJob"}
_RIGHTS = {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}

# What makes the workers of a job follow the work.
_FOLLOWING = {"ServiceAccount", "Role", "RoleBinding", "Job"}


def _pairs(operations: Iterable[str], kinds: Iterable[str]) -> set[Step]:
    return {(operation, kind) for operation in operations for kind in kinds}


_NEW_VERSION = _pairs(("create", "delete"), _VERSION) | _pairs(("update",), ("Service", "ConfigMap"))
_JOB = _pairs(("create", "delete"), ("Job",)) | {("update", "ConfigMap")}
_EVERYTHING = _pairs(("replace",), {"Namespace", "Service", "ConfigMap", "Secret", "CustomResource"} | _POLICIES)
# The class, the steps one of which has to be there, and those that belong to it. The first that fits takes its steps.
CLASSES: dict[str, tuple[set[Step], set[Step]]] = {
    "everything": ({("update", "Secret")}, _pairs(("update",), _OTHERS | _POLICIES | _MONITORS | _RIGHTS)),
    "operator moves": ({("replace", "Release")}, {("replace", "Namespace"), *_pairs(("replace",), _RIGHTS)}),
    "move": ({("replace", "Namespace")}, _EVERYTHING | _NEW_VERSION | _pairs(("replace",), _RIGHTS)),
    "recreated": ({("replace", "DaskCluster")}, _NEW_VERSION | _pairs(("replace",), _VERSION)),
    "new cluster": ({("create", "DaskCluster")}, _NEW_VERSION),
    "suspended": (_pairs(("delete",), {"DaskCluster"}), _NEW_VERSION),
    "new group": ({("create", "DaskWorkerGroup")}, _pairs(("create", "delete"), ("DaskWorkerGroup",)) | _JOB),
    "in place": (_pairs(("update",), ("DaskCluster", "DaskWorkerGroup")), _JOB | {("update", "DaskCluster")}),
    "autoscaler": ({("update", "Autoscaler")}, _JOB),
    "notebook": ({("update", "Deployment")}, _pairs(("create", "delete"), ("ConfigMap",)) | {("update", "Service")}),
    "endpoint": ({("update", "Service")}, {("update", "ConfigMap")}),
    "new run": (
        {("create", "DaskJob")},
        {("delete", "DaskJob"), ("update", "ConfigMap"), *_pairs(("create", "delete"), _FOLLOWING)},
    ),
    "schedule": ({("update", "CronJob")}, set()),
    "check": (_pairs(("create", "delete"), ("Job",)), _JOB),
    "budget": (_pairs(("create", "delete"), ("PodDisruptionBudget",)), set()),
    "monitors": (_pairs(("create", "update", "delete"), {*_MONITORS, "ConfigMap"}), set()),
    "dashboard": (
        _pairs(("create", "update", "delete"), ("Ingress", "HTTPRoute")),
        _pairs(("create", "delete"), ("Service",)),
    ),
    "new secret": (_pairs(("create",), ("Secret", "Certificate")), _pairs(("delete",), ("Secret", "Certificate"))),
    "service account": (_pairs(("create", "update", "delete"), ("ServiceAccount",)), set()),
    "namespace": (_pairs(("create", "update", "delete"), _POLICIES | {"Namespace"}), set()),
    "let go": (_pairs(("let go",), _RIGHTS | {"Namespace", "Release"}), set()),
    "operator": (_pairs(("create", "update", "delete"), _RIGHTS | {"Release"}), set()),
    "protection": ({("protect", "Service")}, set()),
}
NOTHING = "nothing"


def classes(steps: set[Step]) -> set[str]:
    """The classes of docs/changes.md that the steps amount to. Raises `AssertionError` for a step of no class."""
    found, left = set[str](), set(steps)
    for name, (needed, absorbed) in CLASSES.items():
        if needed & left:
            found.add(name)
            left -= needed | absorbed
    assert not left, f"{left} of {steps} belong to no class"
    return found or {NOTHING}


def steps(before: Recording, after: Recording) -> dict[str, set[Step]]:
    """What an engine would do, by the component that the objects belong to."""
    old, new = _by_urn(before), _by_urn(after)
    let_go = {(parent, name) for parent, name in after.read}
    found: dict[str, set[Step]] = {}
    for urn in old.keys() | new.keys():
        operations = _operations(old.get(urn), new.get(urn), let_go)
        found.setdefault(urn[1], set()).update((operation, urn[0]) for operation in operations)
    return {component: made for component, made in found.items() if made}


def _by_urn(recording: Recording) -> dict[tuple[str, str, str], Registration]:
    """Every object, by its kind, its component, and its name in the program."""
    found = {(_kind(it), it.parent, it.name): it for it in recording.registrations}
    # Components, the provider and the id of the state are no objects on Kubernetes.
    return {urn: it for urn, it in found.items() if it.type.startswith("kubernetes:")}


def _kind(made: Registration) -> str:
    """The kind of an object; of the Deployments, the autoscaler's is one of its own."""
    return "Autoscaler" if made.name.endswith("-autoscaler-deployment") else made.type.rsplit(":", 1)[-1]


def _operations(old: Registration | None, new: Registration | None, let_go: set[tuple[str, str]]) -> Iterator[str]:
    if old is None:
        yield "create"
    elif new is None:
        component = old.request.parent.split("::")[2].rpartition("$")[2]
        yield "let go" if (component, old.name) in let_go else "delete"
    else:
        one, two = old.inputs.get("metadata", old.inputs), new.inputs.get("metadata", new.inputs)
        moved = any(one.get(key) != two.get(key) for key in ("name", "namespace"))
        if moved or old.request.replacement_trigger != new.request.replacement_trigger:
            yield "replace"
        elif _counted(old) != _counted(new):
            yield "update"
        if old.request.protect != new.request.protect:
            yield "protect"


def _counted(made: Registration) -> Raw:
    """The inputs that the engine compares: without what is ignored."""
    inputs = copy.deepcopy(made.inputs)
    for path in made.request.ignoreChanges:
        *parents, last = path.split(".")
        node: Any = inputs
        for key in parents:
            node = node.get(key, {})
        node.pop(last, None)
    return inputs


def keys() -> dict[str, set[str]]:
    """Every key that a person may write, down to those that hold no keys of ours, by the kind of its section."""
    found: dict[str, set[str]] = {PODS: set(), SCHEDULERS: set(), WORKERS: set(), OTHERS: set()}
    definitions = SCHEMA["definitions"]
    pods = _pod_keys()
    found[PODS] = {path for key in pods for path in _leaves(definitions["Scheduler"]["properties"][key], key)}
    for kind, role in ((SCHEDULERS, "Scheduler"), (WORKERS, "WorkerGroup")):
        own = definitions[role]["properties"].items()
        own = [(key, node) for key, node in own if key not in pods and key not in _SIZES]
        found[kind] = {path for key, node in own for path in _leaves(node, key)}
    for key, node in SCHEMA["properties"]["config"]["properties"].items():
        found[OTHERS] |= set(_leaves(node, key.removeprefix("dask:")))
    return found


def _pod_keys() -> set[str]:
    """The keys of every kind of pod: those that a scheduler, a worker group and a runner have in common."""
    roles = (SCHEMA["definitions"][role]["properties"].keys() for role in ("Scheduler", "WorkerGroup", "Runner"))
    return set.intersection(*map(set, roles))


def _leaves(node: Any, path: str) -> Iterator[str]:
    name, suffix = _reference(node)
    if name is None:
        yield path
        return
    counted: set[str] = _pod_keys() if name in _ROLES else set()
    if name == "Scheduler":
        return
    if name in ("Workers", "WorkerGroup"):
        counted |= SCHEMA["definitions"]["WorkerGroup"]["properties"].keys() - _SIZES
    for key, inner in SCHEMA["definitions"][name]["properties"].items():
        if key not in counted:
            yield from _leaves(inner, f"{path}{suffix}.{key}")


def _reference(node: Mapping[str, Any]) -> tuple[str | None, str]:
    """The definition that a node leads to, with what stands between: `[]` for a list, `.<name>` for a mapping."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return (None if name == "DaskConfig" else name), ""
    for choice in (*node.get("allOf", ()), *node.get("anyOf", ())):
        name, suffix = _reference(choice)
        if name:
            return name, suffix
    for key, mark in (("items", "[]"), ("additionalProperties", ".<name>")):
        if isinstance(node.get(key), dict):
            name, suffix = _reference(node[key])
            if name:
                return name, mark + suffix
    return None, ""


def put(tree: Raw, path: str, value: Any) -> None:
    """Sets what stands at a path; None removes it. `volumes[]` is the first of a list, `<name>` the one called `a`."""
    *parents, last = path.replace("<name>", "a").split(".")
    node: Any = tree
    for part in parents:
        node = node[part[:-2]][0] if part.endswith("[]") else node.setdefault(part, {})
    if value is None:
        node.pop(last, None)
    else:
        node[last] = value


def changed(before: Raw, key: str, example: Raw, prefix: str = "") -> None:
    """Writes an example's other side into a configuration that `prepared` has made."""
    for path, value in {key: example["to"], **example.get("also", {})}.items():
        put(before, prefix + path, copy.deepcopy(value))


def prepared(base: Raw, key: str, example: Raw, prefix: str = "") -> None:
    """Writes what an example begins with."""
    for path, value in {**example.get("with", {}), **({key: example["from"]} if "from" in example else {})}.items():
        put(base, prefix + path, copy.deepcopy(value))


PAGE = (ROOT / "docs/changes.md").read_text()
SECTIONS = {"Every kind of pod": PODS, "Schedulers": SCHEDULERS, "Workers": WORKERS, "All other keys": OTHERS}


def rows(title: str) -> dict[str, list[str]]:
    """The cells of a section's tables in docs/changes.md, by each of the keys that stand in the first one."""
    section = re.split(r"^## ", PAGE.partition(f"\n## {title}\n")[2], flags=re.MULTILINE)[0]
    found: dict[str, list[str]] = {}
    for first, *rest in (line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")):
        for key in re.findall(r"`([^`]+)`", first):
            assert key not in found, f"{key} has two rows"
            found[key] = [cell.strip() for cell in rest]
    return found


def said(cell: str) -> set[str]:
    """The classes that a cell names, in bold."""
    return set(re.findall(r"\*\*([^*]+)\*\*", cell))
