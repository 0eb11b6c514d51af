"""Dask's configuration as environment variables of the pods, and the rules for both.

Dask reads `DASK_A__B_C=1` as `{a: {b-c: 1}}`: lower case, `__` for a level, `_` and `-` the same (dask/config.py). Keys
that this would change, such as the name of a logger or of a resource, go through INHERITED as JSON instead.
"""

import ast
import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from ..settings.checks.messages import Path, Rule
from ..settings.checks.run import known
from ..settings.fields import key, pattern
from ..settings.formats import names

# The program sets these itself: overriding them would cut workers off from their scheduler, or from their own name.
RESERVED_ENV = {
    "DASK_SCHEDULER_ADDRESS": "the program sets it to the cluster's own scheduler",
    "DASK_WORKER_NAME": "the operator sets it to the Deployment's name, which scaling down relies on",
    "DASK_RETIRE_SECONDS": "`terminationGracePeriod` sets it",
    "EXTRA_CONDA_PACKAGES": "`packages.conda` sets it",
    "EXTRA_PIP_PACKAGES": "`packages.pip` sets it",
    "EXTRA_APT_PACKAGES": "`packages.apt` sets it",
}
# Keys that get through the name of a variable unchanged.
_PLAIN = r"[a-z0-9]+([-_][a-z0-9]+)*"
# A tree as base64 of JSON, below all other variables (dask.config, `serialize` and `collect_env`).
INHERITED = "DASK_INTERNAL_INHERIT_CONFIG"
_LEVELS = ("CRITICAL", "FATAL", "ERROR", "WARN", "WARNING", "INFO", "DEBUG", "NOTSET")
# Dask takes these mappings whole. Elsewhere it looks for a key level by level, so one with a dot is never read.
_TAKEN_WHOLE = (("logging",), ("distributed", "logging"), ("distributed", "worker", "resources"))
_TLS = re.compile(r"DASK_DISTRIBUTED__COMM__(TLS__.*|DEFAULT_SCHEME|REQUIRE_ENCRYPTION)", re.IGNORECASE)


def _own_env(name: str) -> str:
    names.env_name(name)
    if name in RESERVED_ENV:
        raise Rule(f"cannot be overridden: {RESERVED_ENV[name]}", "remove it")
    return name


_OTHERS = {"not": {"enum": [*RESERVED_ENV]}}
EnvName = Annotated[str, key(_own_env), pattern(names.ENV, "OMP_NUM_THREADS", more=_OTHERS)]


def leaves(tree: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    """The path of every setting in a configuration of Dask's."""
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name)


def variable(path: Path) -> str:
    """`('distributed', 'worker-ttl')` -> `DASK_DISTRIBUTED__WORKER_TTL`."""
    return "DASK_" + "__".join(re.sub(r"[^A-Za-z0-9]", "_", str(part)).upper() for part in path)


def dask_environment(tree: Mapping[str, Any]) -> dict[str, str]:
    """The variables that hand the tree to Dask: one for each setting, and INHERITED for keys that need it."""
    values: dict[str, str] = {}
    inherited: dict[str, Any] = {}
    for path in leaves(tree):
        value = _at(tree, path)
        if _is_plain(path):
            values[variable(path)] = value if isinstance(value, str) and not _is_literal(value) else repr(value)
        else:
            branch = inherited
            for part in path[:-1]:
                branch = branch.setdefault(str(part), {})
            branch[str(path[-1])] = value
    if inherited:
        text = json.dumps(inherited, sort_keys=True)
        values[INHERITED] = base64.urlsafe_b64encode(text.encode()).decode()
    return values


def _at(tree: Any, path: Path) -> Any:
    for part in path:
        tree = tree[part]
    return tree


def _is_plain(path: Path) -> bool:
    return all(re.fullmatch(_PLAIN, str(part)) for part in path)


def _is_literal(text: str) -> bool:
    """Whether Dask would read the text as something else than a string (dask/config.py, interpret_value)."""
    if text.lower() in ("none", "null", "true", "false"):
        return True
    try:
        ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return False
    return True


def check_dask_config(tree: Mapping[str, Any], env: Mapping[str, str]) -> Iterator[Rule]:
    """Keys that Dask would never read, levels that it does not know, and duplicate settings."""
    seen: dict[Path, Path] = {}
    for path in leaves(tree):
        place, name = ("daskConfig", *path), variable(path) if _is_plain(path) else INHERITED
        same = tuple(str(part).replace("_", "-") for part in path)
        if (at := _unread(path)) is not None:
            yield _nested(path, at, _at(tree, path))
        elif name in RESERVED_ENV:
            yield Rule(f"cannot be set: {RESERVED_ENV[name]}", "remove it", place)
        elif same in seen:
            other = ".".join(map(str, seen[same]))
            yield Rule(f"is the same to Dask as `{other}`", "keep one", place)
        else:
            yield from _level(tree, path)
            yield from known(_twice, name, env, place)
        seen[same] = path


def _below(path: Path, whole: Path) -> bool:
    return len(path) > len(whole) and path[: len(whole)] == whole


def _unread(path: Path) -> int | None:
    """Which part of the path has a dot where Dask looks for keys level by level."""
    dotted = (at for at, part in enumerate(path) if "." in str(part) or not part)
    return next((at for at in dotted if not any(_below(path[: at + 1], whole) for whole in _TAKEN_WHOLE)), None)


def _nested(path: Path, at: int, value: Any) -> Rule:
    rule = "is never read: Dask looks for one key on each level"
    steps = ".".join(map(str, path[at:])).split(".")
    if not all(steps):
        return Rule(rule, "remove it", ("daskConfig", *path[: at + 1]), None)
    text = json.dumps(value)
    for step in reversed(steps):
        text = f"{{{step}: {text}}}"
    return Rule(rule, f"nest it: `{text[1:-1]}`", ("daskConfig", *path[: at + 1]), None)


def _level(tree: Mapping[str, Any], path: Path) -> Iterator[Rule]:
    """`logging: {<logger>: <level>}`: anything else stops every process at `import distributed`."""
    whole = next((it for it in (("logging",), ("distributed", "logging")) if _below(path, it)), None)
    if whole is None or "version" in _at(tree, whole):
        return
    value, logger = _at(tree, path), ".".join(map(str, path[len(whole) :]))
    level = str(value) if str(value).upper() in _LEVELS else "info"
    if len(path) > len(whole) + 1:
        rule = "must be one logger's name and its level: Dask does not start with levels that are nested"
        yield Rule(rule, f"write `{logger}: {level}`", ("daskConfig", *path[: len(whole) + 1]), None)
    elif isinstance(value, bool) or not (isinstance(value, int) or str(value).upper() in _LEVELS):
        yield Rule("must be a level of logging", f"write `{logger}: {level}`", ("daskConfig", *path))


def _twice(name: str, env: Mapping[str, str], place: Path) -> Iterator[Rule]:
    if name in env:
        yield Rule(f"is set by `env.{name}` too", "keep one", place)


def encrypts(name: str) -> bool:
    """Whether an environment variable changes the encryption."""
    return _TLS.fullmatch(name) is not None


def encryption(env: Mapping[str, str], tree: Mapping[str, Any]) -> Iterator[Rule]:
    """What would change the encryption that `tls` has set up."""
    rule = "is set by the program, because tls is enabled"
    for name in env:
        if encrypts(name):
            yield Rule(rule, "remove it", ("env", name))
    for path in leaves(tree):
        if encrypts(variable(path)):
            yield Rule(rule, "remove it", ("daskConfig", *path))
