"""Raw settings in one line: what tests and tables of mistakes are made of."""

from dataclasses import dataclass
from typing import Any

from components.configuration import parse
from components.settings.mistakes import ConfigError

Raw = dict[str, Any]


def mistakes(raw: Raw) -> list[str]:
    """The lines of all mistakes in a configuration; empty if it is accepted."""
    try:
        parse(raw)
    except ConfigError as error:
        return error.mistakes
    return []


@dataclass(frozen=True)
class Case:
    """One mistake, and what is said of it. `schema`: whether the JSON Schema refuses it as well."""

    name: str
    raw: Raw
    message: str
    schema: bool = True


def cluster(**settings: Any) -> Raw:
    return {"clusters": {"a": settings}}


def named(name: str) -> Raw:
    return {"clusters": {name: {}}}


def workers(**settings: Any) -> Raw:
    return cluster(workers=settings)


def resources(**settings: Any) -> Raw:
    return cluster(resources=settings)


def endpoint(**settings: Any) -> Raw:
    return cluster(endpoint={"type": "NodePort", "insecure": True} | settings)


def ports(**settings: Any) -> Raw:
    return endpoint(nodePorts=settings)


def volumes(*volumes: Raw) -> Raw:
    return cluster(volumes=list(volumes))


def scratch(name: str, path: str) -> Raw:
    return {"name": name, "mountPath": path, "emptyDir": {}}


def job(**settings: Any) -> Raw:
    return {"jobs": {"a": {"runner": {"script": "pass"}} | settings}}
