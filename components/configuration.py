"""Reads the stack's configuration and checks it as a whole: the settings, and the pods that are rendered from them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
from pulumi.runtime import config as pulumi_config

from .manifests import quota
from .manifests.clashes import clashes
from .manifests.context import Common
from .manifests.rendered import as_they_run
from .settings.checks import rules, stack
from .settings.checks.walker import until_unknown
from .settings.cluster import Cluster
from .settings.job import Job
from .settings.mistakes import PROJECT, ConfigError, Mistake, Path, nearest
from .settings.stack import Operator, Settings
from .settings.stack_file import duplicate_keys

__all__ = ["LoadError", "decoded", "load", "parse", "warnings"]


class LoadError(ConfigError, pulumi.RunError):
    """The stack's configuration cannot be used; the engine prints the message without a traceback."""


def parse(raw: Mapping[str, Any]) -> Settings:
    """Settings from JSON values by top-level key. Raises `LoadError` with every mistake."""
    if found := list(_outputs(raw, ())):
        raise LoadError(found)
    return _parse(raw, [])


def load() -> Settings:
    """The settings of the stack that runs; logs warnings about those that may surprise. Raises `LoadError`."""
    raw: dict[str, Any] = {}
    hidden: list[str] = []
    found = list(duplicate_keys(pulumi.get_stack()))
    for key, value in pulumi_config.CONFIG.get().items():
        project, _, name = key.partition(":")
        if project != PROJECT:
            near = nearest(project, [PROJECT]) if name in Settings.model_fields else None
            found += (
                [Mistake("is not read", f"did you mean '{near}:{name}'?", (name,), None, f"{project}:")] if near else []
            )
        elif name != "secrets" and pulumi_config.is_config_secret(key):
            hidden.append(name)
            fix = "move it to `dask:secrets.<name>.<KEY>` and refer to it by `envFrom`"
            found.append(Mistake("holds a secret, and everything here ends up in plain objects", fix, (name,), None))
        else:
            raw[name] = decoded(value)
    if raw.get("secrets") and not pulumi_config.is_config_secret(f"{PROJECT}:secrets"):
        fix = "set each with `pulumi config set --secret --path 'dask:secrets.<name>.<KEY>'`"
        readable = Mistake("can be read by everyone who can read the stack's file", fix, ("secrets",), None)
        if raw.get("strict") is True:
            found.append(readable)
        else:
            pulumi.log.warn(str(readable))
    return _warned(_parse(raw, found, hidden))


def cluster_settings(name: str, settings: Cluster | Mapping[str, Any], namespace: Mapping[str, Any]) -> Cluster:
    """The settings of one cluster of a program of one's own, from what stands under `dask:clusters.<name>`.

    `namespace` is what stands under `dask:namespace`. Logs warnings. Raises `LoadError` with every mistake.
    """
    if isinstance(settings, Cluster):
        return settings
    return _warned(parse({"clusters": {name: settings}, "namespace": namespace})).clusters[name]


def job_settings(name: str, settings: Job | Mapping[str, Any], namespace: Mapping[str, Any]) -> Job:
    """The settings of one job, like `cluster_settings`."""
    if isinstance(settings, Job):
        return settings
    return _warned(parse({"jobs": {name: settings}, "namespace": namespace})).jobs[name]


def stack_settings(settings: Settings | Mapping[str, Any]) -> Settings:
    """The settings of a stack, from a mapping with the keys of a stack file without `dask:`."""
    return settings if isinstance(settings, Settings) else _warned(parse(settings))


def operator_settings(settings: Operator | Mapping[str, Any]) -> Operator:
    """The settings of the operator, from what stands under `dask:operator`."""
    return settings if isinstance(settings, Operator) else _warned(parse({"operator": settings})).operator


def common(labels: Mapping[str, str] | None, annotations: Mapping[str, str] | None) -> Common:
    """What stands under `dask:labels` and `dask:annotations`, checked. Raises `LoadError` with every mistake."""
    if not any(isinstance(it, pulumi.Output) or it for it in (labels, annotations)):
        return Common()
    settings = parse({"labels": labels or {}, "annotations": annotations or {}})
    return Common(settings.labels, settings.annotations)


def warnings(settings: Settings) -> list[str]:
    """Warnings about settings that are valid but may surprise."""
    return [*stack.warnings(settings), *map(str, quota.at_times(settings))]


def _outputs(value: Any, where: Path) -> Iterator[Mistake]:
    """Every output of another resource in the settings of a program of one's own."""
    if isinstance(value, pulumi.Output):
        rule = "is an output or a secret, and names that a preview has to know are made of all settings"
        fix = "give the value itself, and `depends_on` for the order; what is secret belongs in a Secret of your own"
        yield Mistake(rule, fix, where, None)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _outputs(item, (*where, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _outputs(item, (*where, index))


def _warned(settings: Settings) -> Settings:
    for warning in warnings(settings):
        pulumi.log.warn(warning)
    return settings


def decoded(value: Any) -> Any:
    """Pulumi passes config values as strings: JSON for mappings and lists, the literal text otherwise."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError:
        return value


def _as_a_whole(settings: Settings) -> Iterator[Mistake]:
    """What is wrong with the objects that the settings lead to."""
    yield from as_they_run(settings)
    for rule in (clashes, quota.too_small):
        yield from until_unknown(rule, settings)


def _parse(raw: Mapping[str, Any], found: list[Mistake], hidden: list[str] | None = None) -> Settings:
    """`found` are mistakes of the file itself, `hidden` are keys that exist but must not be read."""
    settings, mistakes = rules.check(raw, _as_a_whole, hidden or ())
    if found or mistakes or settings is None:
        raise LoadError([*found, *mistakes])
    return settings
