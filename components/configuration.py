"""Reads the stack's configuration and checks it as a whole: the settings, and the pods that are rendered from them."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.runtime import config as pulumi_config

from .manifests.rendered import as_they_run
from .settings.checks.messages import ConfigError, nearest
from .settings.checks.run import checked
from .settings.stack import PROJECT, Settings
from .settings.stack_file import written_twice


class LoadError(ConfigError, pulumi.RunError):
    """The stack's configuration cannot be used; the engine prints the message without a traceback."""


def parse(raw: Mapping[str, Any]) -> Settings:
    """Settings from JSON values by top-level key. Raises `LoadError` with every mistake."""
    return _parse(raw, [])


def load() -> Settings:
    """The settings of the stack that runs; logs what works and may surprise. Raises `LoadError`."""
    raw: dict[str, Any] = {}
    hidden: list[str] = []
    broken = list(written_twice(pulumi.get_stack()))
    for key, value in pulumi_config.CONFIG.get().items():
        project, _, name = key.partition(":")
        if project != PROJECT:
            near = nearest(project, [PROJECT]) if name in Settings.model_fields else None
            broken += [f"{key}: is not read; did you mean '{near}:{name}'?"] if near else []
        elif name != "secrets" and pulumi_config.is_config_secret(key):
            hidden.append(name)
            fix = "move it to `dask:secrets.<name>.<KEY>` and refer to it by `envFrom`"
            broken.append(f"{key}: holds a secret, and everything here ends up in plain objects; {fix}")
        else:
            raw[name] = decoded(value)
    if raw.get("secrets") and not pulumi_config.is_config_secret(f"{PROJECT}:secrets"):
        fix = "set each with `pulumi config set --secret --path 'dask:secrets.<name>.<KEY>'`"
        readable = f"{PROJECT}:secrets: can be read by everyone who can read the stack's file; {fix}"
        if raw.get("strict") is True:
            broken.append(readable)
        else:
            pulumi.log.warn(readable)
    settings = _parse(raw, broken, hidden)
    for warning in settings.warnings():
        pulumi.log.warn(warning)
    return settings


def decoded(value: Any) -> Any:
    """Pulumi passes config values as strings: JSON for mappings and lists, the literal text otherwise."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError:
        return value


def _parse(raw: Mapping[str, Any], broken: list[str], hidden: list[str] | None = None) -> Settings:
    """`hidden` are keys that exist but must not be read."""
    settings, mistakes = checked(Settings, raw, hidden or (), (as_they_run,))
    if broken or mistakes or settings is None:
        raise LoadError([*broken, *mistakes])
    return settings
