"""Finds every field of a Dask object that the API server would refuse or silently drop.

A structural schema prunes what it does not know (apiextensions.k8s.io/v1), so a misspelt or too new field is
accepted and dropped. Here the CRDs of the pinned wheel are strict: an unknown field is a violation.
"""

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from components.kube import chart

Schema = dict[str, Any]
# The API server's own part of every object, which no CRD describes.
_ENVELOPE = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}


def strict(schema: Schema) -> Schema:
    """The schema with pruning made an error, and with Kubernetes' own keywords in the words of JSON Schema."""
    made = dict(schema)
    if "properties" in schema:
        made["properties"] = {name: strict(part) for name, part in schema["properties"].items()}
    if isinstance(schema.get("items"), dict):
        made["items"] = strict(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = strict(schema["additionalProperties"])
    elif schema.get("x-kubernetes-preserve-unknown-fields"):
        made["additionalProperties"] = True
    elif schema.get("type") == "object":
        made["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
        made["type"] = ["integer", "string"]
    if schema.get("nullable") and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


@cache
def validator(kind: str) -> Draft202012Validator:
    """The strict validator of a kind of kubernetes.dask.org/v1."""
    schema = strict(chart.schema(chart.bundled(), kind))
    return Draft202012Validator(schema | {"properties": _ENVELOPE | schema["properties"]})


def violations(body: dict[str, Any]) -> list[str]:
    """`path: what is wrong`, for everything in a Dask object that would be refused or dropped."""
    errors = validator(body["kind"]).iter_errors(body)
    return [f"{body['kind']}{error.json_path.removeprefix('$')}: {error.message[:300]}" for error in errors]
