"""Paths into the configuration: through JSON values, the models' classes, and the models' objects."""

from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ...settings.mistakes import Path


def at(values: Any, path: Path) -> Any:
    """The JSON value at the path; None if it is missing."""
    for part in path:
        if isinstance(values, Mapping):
            values = values.get(part)
        elif isinstance(values, list) and isinstance(part, int) and part < len(values):
            values = values[part]
        else:
            return None
    return values


def position(values: Any, path: Path) -> list[int]:
    """The position of the path in the file, to sort by; missing keys come last in their mapping."""
    place: list[int] = []
    for part in path:
        if part == "[key]":
            break
        if isinstance(values, Mapping):
            place.append(list(values).index(part) if part in values else len(values))
        elif isinstance(values, list) and isinstance(part, int):
            place.append(part)
        values = at(values, (part,))
    return place


def fields(model: type[BaseModel]) -> dict[str, tuple[str, FieldInfo]]:
    """The fields by their key in YAML: the name of the attribute, and the field."""
    return {field.alias or name: (name, field) for name, field in model.model_fields.items()}


def model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The class of the models at the path."""
    annotation: Any = model
    for part in path:
        annotation = _step(_bare(annotation), part)
    bare = _bare(annotation)
    return bare if _is_model(bare) else None


def _step(annotation: Any, part: str | int) -> Any:
    if _is_model(annotation):
        name_and_field = fields(annotation).get(str(part))
        return name_and_field[1].annotation if name_and_field else None
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return arguments[1]
    return arguments[0] if get_origin(annotation) is tuple else None


def _bare(annotation: Any) -> Any:
    """The type inside of `X | None` and `Annotated`."""
    while (origin := get_origin(annotation)) not in (None, dict, tuple):
        arguments = get_args(annotation)
        annotation = arguments[0] if origin is Annotated else next(one for one in arguments if one is not NoneType)
    return annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def example(model: type[BaseModel], path: Path) -> Any:
    """An example value for a required field; None for all others."""
    place = model_at(model, path[:-1]) if path else None
    field = fields(place).get(str(path[-1])) if place else None
    return field[1].examples[0] if field and field[1].is_required() and field[1].examples else None


def parts(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every model in `value` with its path in the configuration, outer ones first."""
    if isinstance(value, BaseModel):
        yield path, value
        for key, (name, _) in fields(type(value)).items():
            yield from parts(value.__dict__[name], (*path, key))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from parts(item, (*path, key))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from parts(item, (*path, index))
