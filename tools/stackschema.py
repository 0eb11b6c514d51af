"""Generates the JSON Schema of a Pulumi.<stack>.yaml from the settings models.

Editors read it; at run time, `components.settings.checks` reports the mistakes. Draft-07 is what editors support best.
"""

import ast
import inspect
import json
import re
from textwrap import dedent
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from components.settings.checks.paths import fields
from components.settings.fields import Model
from components.settings.mistakes import PROJECT
from components.settings.stack import Settings
from tools.schemarules import ACROSS, DASK_CONFIG, Node

_DICT = ("keys_schema", "values_schema")


class _Generator(GenerateJsonSchema):
    """Without titles, and without null: an empty value is a mistake."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Keys that break their pattern are refused: pydantic's own `patternProperties` lets them through."""
        keys, values = (self.generate_inner(schema.get(part) or core_schema.any_schema()) for part in _DICT)
        made: Node = {"type": "object"} | ({"propertyNames": keys} if "pattern" in keys else {})
        return made | ({"additionalProperties": values} if values else {})

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def stack_schema() -> Node:
    """The schema of a whole stack file. Keys of other projects and of the engine may have any value."""
    generated = Settings.model_json_schema(schema_generator=_Generator, ref_template="#/definitions/{model}")
    models = models_by_name()
    definitions = {name: _definition(models[name], node) for name, node in generated.pop("$defs").items()}
    definitions["DaskConfig"] = DASK_CONFIG
    top = _definition(Settings, generated)["properties"]
    top["secrets"] = {"description": top["secrets"]["description"], **_secrets(top["secrets"])}
    keys = {f"{PROJECT}:{key}": node for key, node in top.items()}
    others = {"not": {"pattern": f"^{PROJECT}:"}}
    config = {"type": "object", "properties": keys, "propertyNames": {"anyOf": [{"enum": list(keys)}, others]}}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"Pulumi.<stack>.yaml of the project `{PROJECT}`",
        "type": "object",
        "properties": {"config": config},
        "definitions": definitions,
    }


def models_by_name() -> dict[str, type[Model]]:
    """Every class of settings."""
    found: dict[str, type[Model]] = {}
    waiting = list(Model.__subclasses__())
    while waiting:
        model = waiting.pop()
        found[model.__name__] = model
        waiting += model.__subclasses__()
    return found


def descriptions(model: type[Model]) -> dict[str, str]:
    """The docstrings of a class and its fields, those of its bases included; the class's own under ''."""
    texts: dict[str, str] = {}
    for base in reversed([base for base in model.__mro__ if issubclass(base, Model) and base is not Model]):
        body = ast.parse(dedent(inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)
        for statement, after in zip(body.body, body.body[1:], strict=False):
            if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
                continue
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                texts[statement.target.id] = _one_line(str(after.value.value))
    return texts | {"": _one_line(model.__doc__ or "")}


def _one_line(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", inspect.cleandoc(text))


def _definition(model: type[Model], node: Node) -> Node:
    texts = descriptions(model)
    if "daskConfig" in node["properties"]:
        node["properties"]["daskConfig"] = {"$ref": "#/definitions/DaskConfig"}
    node = {key: value for key, value in node.items() if key not in ("title", "description")}
    properties = {
        key: _tidy(node["properties"][key]) | {"description": texts[name]} for key, (name, _) in fields(model).items()
    }
    return {"description": texts[""], **node, "properties": properties, **ACROSS.get(model.__name__, {})}


def _tidy(node: Node) -> Node:
    """Removes empty defaults, and siblings of `$ref`, which draft-07 ignores."""
    if node.get("default") in (None, [], {}) or isinstance(node.get("default"), dict):
        node.pop("default", None)
    if "const" in (word := (node.get("anyOf") or [{}])[0]):
        node["default"] = word["const"]
    if "$ref" in node:
        node = {"allOf": [{"$ref": node.pop("$ref")}], **node}
    return node


def _secrets(node: Node) -> Node:
    """In the file, a secret value, or the whole mapping, is written as `secure: <ciphertext>`."""
    secure = {"type": "object", "properties": {"secure": {"type": "string"}}, "required": ["secure"]}
    secure["additionalProperties"] = False
    of_one = node["additionalProperties"]
    of_one = {**of_one, "additionalProperties": {"anyOf": [of_one["additionalProperties"], secure]}}
    return {"anyOf": [secure, {**node, "additionalProperties": {"anyOf": [secure, of_one]}}]}


def text() -> str:
    """The schema as docs/config.schema.json has it."""
    return json.dumps(stack_schema(), indent=2, ensure_ascii=False) + "\n"
