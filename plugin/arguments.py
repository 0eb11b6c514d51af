"""The typed inputs of the components, generated from the settings models, so that nothing is written twice.

Pulumi infers a package's schema from TypedDicts, and the SDKs of TypeScript, Go, C# and Java from that. The keys are
those of a stack file. What has no type in Pulumi's schema, such as "`all` or a list", is `Any`.
"""

from functools import cache
from typing import Any, NotRequired, Required, TypedDict

from tools.stackschema import Node, stack_schema

_SIMPLE = {"string": str, "integer": int, "number": float, "boolean": bool}


@cache
def definitions() -> dict[str, Node]:
    """The JSON Schema of every settings model, by its name."""
    return stack_schema()["definitions"]


@cache
def typed(model: str) -> Any:
    """The TypedDict of a settings model."""
    node = definitions()[model]
    required = node.get("required", ())
    fields = {
        key: Required[_type(field)] if key in required else NotRequired[_type(field)]
        for key, field in node.get("properties", {}).items()
    }
    made = TypedDict(model, fields)  # pyright: ignore[reportArgumentType]
    made.__doc__ = node.get("description")
    return made


def _type(node: Node) -> Any:
    if reference := (node.get("allOf") or [node])[0].get("$ref"):
        name = reference.rpartition("/")[2]
        return typed(name) if "properties" in definitions()[name] else Any
    if node.get("type") == "array":
        return list[_type(node["items"])]
    if node.get("type") == "object" and isinstance(values := node.get("additionalProperties"), dict):
        return dict[str, _type(values)]
    if node.get("type") == "object":
        return dict[str, Any]
    return _SIMPLE.get(node.get("type", ""), Any)


def described(schema: Node) -> Node:
    """The package's schema with the descriptions of the models' fields, which have no source file to read them from."""
    for token, node in schema["types"].items():
        texts = definitions().get(token.rpartition(":")[2], {}).get("properties", {})
        for key, field in node.get("properties", {}).items():
            field.setdefault("description", texts.get(key, {}).get("description"))
    return schema


def whole(value: Any) -> Any:
    """The value with its whole numbers as integers: the engine hands over every number as a float."""
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
