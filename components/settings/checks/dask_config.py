"""Rules about `daskConfig`, and about variables in `env` that set the same."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ...settings.checks.paths import at
from ...settings.checks.walker import until_unknown
from ...settings.dask_config import INHERITED, RESERVED_ENV, encrypts, is_plain, leaves, variable
from ...settings.mistakes import Mistake, Path
from ...settings.pod import PodSettings

_LEVELS = ("CRITICAL", "FATAL", "ERROR", "WARN", "WARNING", "INFO", "DEBUG", "NOTSET")
# Dask takes these mappings whole. Elsewhere it looks for a key level by level, so one with a dot is never read.
_TAKEN_WHOLE = (("logging",), ("distributed", "logging"), ("distributed", "worker", "resources"))


def dask_config(pod: PodSettings) -> Iterator[Mistake]:
    """Keys that Dask would never read, levels that it does not know, and duplicate settings."""
    tree, seen = pod.dask_config, dict[Path, Path]()
    for path in leaves(tree):
        place, name = ("daskConfig", *path), variable(path) if is_plain(path) else INHERITED
        same = tuple(str(part).replace("_", "-") for part in path)
        if (depth := _unread(path)) is not None:
            yield _nested(path, depth, at(tree, path))
        elif name in RESERVED_ENV:
            yield Mistake(f"cannot be set: {RESERVED_ENV[name]}", "remove it", place)
        elif same in seen:
            other = ".".join(map(str, seen[same]))
            yield Mistake(f"is the same to Dask as `{other}`", "keep one", place)
        else:
            yield from _level(tree, path)
            yield from until_unknown(_twice, name, pod, place)
        seen[same] = path


def _below(path: Path, whole: Path) -> bool:
    return len(path) > len(whole) and path[: len(whole)] == whole


def _unread(path: Path) -> int | None:
    """Which part of the path has a dot where Dask looks for keys level by level."""
    dotted = (depth for depth, part in enumerate(path) if "." in str(part) or not part)
    return next((it for it in dotted if not any(_below(path[: it + 1], whole) for whole in _TAKEN_WHOLE)), None)


def _nested(path: Path, depth: int, value: Any) -> Mistake:
    rule = "is never read: Dask looks for one key on each level"
    steps = ".".join(map(str, path[depth:])).split(".")
    if not all(steps):
        return Mistake(rule, "remove it", ("daskConfig", *path[: depth + 1]), None)
    text = json.dumps(value)
    for step in reversed(steps):
        text = f"{{{step}: {text}}}"
    return Mistake(rule, f"nest it: `{text[1:-1]}`", ("daskConfig", *path[: depth + 1]), None)


def _level(tree: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
    """`logging: {<logger>: <level>}`: anything else stops every process at `import distributed`."""
    whole = next((it for it in (("logging",), ("distributed", "logging")) if _below(path, it)), None)
    if whole is None or "version" in at(tree, whole):
        return
    value, logger = at(tree, path), ".".join(map(str, path[len(whole) :]))
    level = str(value) if str(value).upper() in _LEVELS else "info"
    if len(path) > len(whole) + 1:
        rule = "must be one logger's name and its level: Dask does not start with levels that are nested"
        yield Mistake(rule, f"write `{logger}: {level}`", ("daskConfig", *path[: len(whole) + 1]), None)
    elif isinstance(value, bool) or not (isinstance(value, int) or str(value).upper() in _LEVELS):
        yield Mistake("must be a level of logging", f"write `{logger}: {level}`", ("daskConfig", *path))


def _twice(name: str, pod: PodSettings, place: Path) -> Iterator[Mistake]:
    if name in pod.env:
        yield Mistake(f"is set by `env.{name}` too", "keep one", place)


def encryption(pod: PodSettings) -> Iterator[Mistake]:
    """Settings that would change the encryption that `tls` sets up."""
    rule = "is set by the program, because tls is enabled"
    for name in pod.env:
        if encrypts(name):
            yield Mistake(rule, "remove it", ("env", name))
    for path in leaves(pod.dask_config):
        if encrypts(variable(path)):
            yield Mistake(rule, "remove it", ("daskConfig", *path))
