"""Reports pod fields that the operator's CRDs do not have.

The CRDs carry the PodSpec of about Kubernetes 1.21; the API server accepts every other field and silently drops it
(https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning).
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from ...kube import chart
from ...settings.mistakes import Mistake, Path, nearest
from ...settings.pod import PodSettings
from ...settings.stack import Settings

Schema = dict[str, Any]
# The settings that are handed to Kubernetes as they are written, and where in the pod they go.
_RAW = {"podTemplate": (), "affinity": ("affinity",), "topologySpreadConstraints": ("topologySpreadConstraints",)}
_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
_WORDS = {"object": "a mapping", "array": "a list", "string": "text", "boolean": "true or false", "integer": "a number"}


def raw_fields(pod: PodSettings, settings: Settings) -> Iterator[Mistake]:
    """Fields in raw settings that the CRDs do not have. Those of a chart from a repository are known to Helm only."""
    if settings.operator.chart is None:
        yield from unlike(pod)


def absent(pod: Any, schema: Schema, path: Path = ()) -> Iterator[Mistake]:
    """Fields that have to be there, with their path in a rendered pod."""
    if isinstance(pod, dict):
        for key in schema.get("required", ()):
            if key not in pod:
                yield Mistake("is missing", f"add `{key}`", (*path, key), None)
        for key, item in pod.items():
            yield from absent(item, schema.get("properties", {}).get(key, {}), (*path, key))
    elif isinstance(pod, list):
        for index, item in enumerate(pod):
            yield from absent(item, schema.get("items", {}), (*path, index))


def unlike(pod: PodSettings) -> Iterator[Mistake]:
    """Where the raw settings of a pod have a field or a type that the CRDs do not have."""
    values = (pod.pod_template, pod.affinity, list(pod.topology_spread_constraints))
    for (key, steps), value in zip(_RAW.items(), values, strict=True):
        if value:
            schema = pod_schema()
            for step in steps:
                schema = schema["properties"][step]
            yield from _unlike(value, schema, (key,))


@cache
def pod_schema() -> Schema:
    """The schema of a worker's pod spec in the bundled chart, which is that of every pod in its CRDs."""
    group = chart.schema(chart.bundled(), "DaskWorkerGroup")
    return group["properties"]["spec"]["properties"]["worker"]["properties"]["spec"]


def _unlike(value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    """Where the value has a field or a type that the schema does not."""
    wanted, given = schema.get("type"), _TYPES.get(type(value))
    if value is None or wanted is None or schema.get("x-kubernetes-int-or-string"):
        return
    if given != wanted and (given, wanted) != ("integer", "number"):
        yield Mistake(f"must be {_WORDS.get(wanted, wanted)}", "see `kubectl explain pod.spec`", path, value)
    elif isinstance(value, dict):
        yield from _unlike_object(value, schema, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unlike(item, schema.get("items", {}), (*path, index))


def _unlike_object(value: dict[str, Any], schema: Schema, path: Path) -> Iterator[Mistake]:
    fields, others = schema.get("properties", {}), schema.get("additionalProperties")
    for key, item in value.items():
        if key in fields:
            yield from _unlike(item, fields[key], (*path, key))
        elif isinstance(others, dict):
            yield from _unlike(item, others, (*path, key))
        elif not others and not schema.get("x-kubernetes-preserve-unknown-fields"):
            near = nearest(key, list(fields))
            rule = "is not a pod field in the operator's CRDs, and Kubernetes would silently drop it"
            yield Mistake(rule, f"did you mean '{near}'?" if near else "remove it", (*path, key))
