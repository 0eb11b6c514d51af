"""The types of the components' inputs in the package's schema, made from the settings models: nothing is written twice.

Pulumi infers a component's schema from type hints, which know no unions and no secrets, and it then drops every key of
an input that its type lacks, a misspelt one too. So an input that holds settings is `Any` in package.py, which hands it
over as it is to the models' own checks, and gets its type here. The SDKs of TypeScript, Go, C# and Java come from it.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from tools.stackschema import Node, stack_schema

ANY: Node = {"$ref": "pulumi.json#/Any"}
_SIMPLE = ("string", "integer", "number", "boolean")


@cache
def definitions() -> dict[str, Node]:
    """The JSON Schema of every settings model, by its name."""
    return stack_schema()["definitions"]


class Types:
    """The types of a package's schema, collected as they are referred to."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.found: dict[str, Node] = {}
        """By token, as the schema has them under `types`."""

    def of_model(self, name: str) -> Node:
        """The type of an input that holds a settings model."""
        token = f"{self.package}:index:{name}"
        if token not in self.found:
            model = definitions()[name]
            self.found[token] = made = {"type": "object", "description": model["description"]}
            fields = model["properties"].items()
            made["properties"] = {key: self.of(field) | {"description": _described(field)} for key, field in fields}
            if needed := model.get("required"):
                made["required"] = needed
        return {"$ref": f"#/types/{token}", "plain": True}

    def of(self, node: Node) -> Node:
        """The type of a node of JSON Schema. All are plain: names that a preview has to know are made of settings."""
        if "anyOf" in node:
            return {"oneOf": [self.of(one) for one in node["anyOf"]], "plain": True}
        if reference := (node.get("allOf") or [node])[0].get("$ref"):
            name = reference.rpartition("/")[2]
            return self.of_model(name) if "properties" in definitions()[name] else self.of(definitions()[name])
        if node.get("type") == "array":
            return {"type": "array", "items": self.of(node["items"]), "plain": True}
        if node.get("type") == "object":
            values = node.get("additionalProperties")
            return {
                "type": "object",
                "additionalProperties": self.of(values) if isinstance(values, dict) else ANY,
                "plain": True,
            }
        kind = "string" if "const" in node else node.get("type")
        return ({"type": kind} if kind in _SIMPLE else ANY) | {"plain": True}


def _described(field: Node) -> str:
    """A field's description with its values, which the SDKs' types do not have."""
    values = f" One of: {', '.join(field['enum'])}." if "enum" in field else ""
    default = (
        f" Default: {str(it).lower() if isinstance(it := field['default'], bool) else it}."
        if "default" in field
        else ""
    )
    return field["description"] + values + default


def whole(value: Any) -> Any:
    """The value with its whole numbers as integers: the engine hands over every number as a float."""
    if isinstance(value, Mapping):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
