"""Writes the reference page docs/configuration.md from the JSON Schema, with one table for each level.

The text above the marker is written by hand and is kept.
"""

import json
from pathlib import Path
from typing import Any

from components.settings.pod import PodSettings
from components.settings.stack import PROJECT
from tools.schema import models_by_name, stack_schema
from tools.schemarules import Node

PAGE = Path("docs/configuration.md")
MARKER = "<!-- Below: made by `python -m tools.schema` from the settings models. Do not edit. -->"
# In the order of a stack file; each title says where in it the keys stand.
_SECTIONS = {
    "Namespace": "dask:namespace",
    "Quota": "quota",
    "Operator": "dask:operator",
    "ChartRepository": "chart",
    "OperatorImage": "image",
    "Cluster": "dask:clusters.<name>",
    "Scheduler": "scheduler",
    "Workers": "workers",
    "WorkerGroup": "workerGroups.<name>",
    "PodSettings": "Every kind of pod",
    "Packages": "packages",
    "EnvSource": "envFrom[]",
    "Volume": "volumes[]",
    "EmptyDir": "emptyDir",
    "ClaimTemplate": "claimTemplate",
    "Resources": "resources",
    "Toleration": "tolerations[]",
    "Probes": "probes",
    "ProbeTiming": "readiness, liveness",
    "Endpoint": "endpoint",
    "NodePorts": "nodePorts",
    "Tls": "tls",
    "Monitors": "monitors",
    "Job": "dask:jobs.<name>",
    "Runner": "runner",
}


def page(present: str) -> str:
    """The page with its generated half made new."""
    by_hand = present.partition(MARKER)[0].rstrip()
    return f"{by_hand}\n\n{MARKER}\n\n{reference()}"


def reference() -> str:
    """All tables, one per level of the file."""
    schema = stack_schema()
    keys = schema["properties"]["config"]["properties"]
    blocks = ["## Keys", _table(keys, [])]
    # A pod's own table stands once; it has no definition of its own, because no key holds just that.
    pods = {key: schema["definitions"]["Scheduler"]["properties"][key] for key in _pod_keys()}
    for name, title in _SECTIONS.items():
        if name == "PodSettings":
            about = "May stand on a cluster or a job, and on their `scheduler`, `workers`, a worker group or `runner`."
            blocks += [_heading(name, title), about, _table(pods, [])]
            continue
        definition = schema["definitions"][name]
        own = {key: node for key, node in definition["properties"].items() if key not in pods or key in _own(name)}
        blocks += [_heading(name, title), definition["description"], _table(own, definition.get("required", []))]
        if len(own) < len(definition["properties"]):
            blocks.append(f"And all that is said of [every kind of pod](#{_anchor(_SECTIONS['PodSettings'])}).")
    return "\n\n".join(blocks) + "\n"


def _pod_keys() -> list[str]:
    return [field.alias or name for name, field in PodSettings.model_fields.items()]


def _own(name: str) -> set[str]:
    """The keys of a class that are not just those of any pod: a cluster's `image` has a default."""
    model = models_by_name()[name]
    fresh = set(model.__annotations__) if issubclass(model, PodSettings) else model.model_fields.keys()
    return {field.alias or key for key, field in model.model_fields.items() if key in fresh}


def _heading(name: str, title: str) -> str:
    if name == "PodSettings":
        return f"## {title}"
    return f"## `{title}`" if title.startswith(f"{PROJECT}:") else f"### `{title}`"


def _anchor(title: str) -> str:
    """How GitHub makes an anchor of a heading."""
    return "".join(letter for letter in title.lower().replace(" ", "-") if letter.isalnum() or letter in "-_")


def _table(properties: dict[str, Node], required: list[str]) -> str:
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, node in properties.items():
        default = "**required**" if key in required else _default(node)
        meaning = node["description"].replace("|", "\\|")
        rows.append(f"| `{key}` | {_type(node)} | {default} | {meaning} |")
    return "\n".join(rows)


def _default(node: Node) -> str:
    value = node.get("default")
    return "" if value is None else f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _type(node: Node) -> str:
    """What a value looks like, in words."""
    if "allOf" in node:
        node = node["allOf"][0]
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return f"[`{_SECTIONS[name]}`](#{_anchor(_SECTIONS[name])})" if name in _SECTIONS else "mapping"
    if "enum" in node or "const" in node:
        return " or ".join(f"`{choice}`" for choice in node.get("enum", [node.get("const")]))
    if "anyOf" in node:
        return " or ".join(dict.fromkeys(_type(choice) for choice in node["anyOf"] if "secure" not in str(choice)[:60]))
    return _plain(node)


def _plain(node: dict[str, Any]) -> str:
    kind = node.get("type")
    if kind == "array":
        return f"list of {_type(node['items'])}"
    if kind == "object":
        values = node.get("additionalProperties")
        return f"mapping to {_type(values)}" if isinstance(values, dict) and values else "mapping"
    if kind == "integer":
        most = f"to {node['maximum']}" if "maximum" in node else "or more"
        return f"number, {node['minimum']} {most}"
    if kind == "string" and "examples" in node:
        return f"text, such as `{node['examples'][0]}`"
    return {"string": "text", "boolean": "`true` or `false`"}.get(str(kind), "any")
