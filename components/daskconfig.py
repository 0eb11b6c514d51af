"""Environment variables of the pods, Dask's configuration among them. In: `env` and `daskConfig`. Out: broken rules.

Dask reads `DASK_A__B_C=1` as `{a: {b-c: 1}}`: lower case, `__` for a level, `_` and `-` the same (dask/config.py).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from components import names
from components.checking import known
from components.errors import Path, Rule
from components.model import key, pattern

# The program sets these itself: overriding them would cut workers off from their scheduler, or from their own name.
RESERVED_ENV = {
    "DASK_SCHEDULER_ADDRESS": "the program sets it to the cluster's own scheduler",
    "DASK_WORKER_NAME": "the operator sets it to the Deployment's name, which scaling down relies on",
    "DASK_RETIRE_SECONDS": "`terminationGracePeriod` sets it",
    "EXTRA_CONDA_PACKAGES": "`packages.conda` sets it",
    "EXTRA_PIP_PACKAGES": "`packages.pip` sets it",
    "EXTRA_APT_PACKAGES": "`packages.apt` sets it",
}
KEY = r"[a-z0-9]+([-_][a-z0-9]+)*"
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


def check_dask_config(tree: Mapping[str, Any], env: Mapping[str, str]) -> Iterator[Rule]:
    """Keys that do not get through an environment variable, and settings that are said twice."""
    seen: dict[str, Path] = {}
    for path in leaves(tree):
        place, name = ("daskConfig", *path), variable(path)
        wrong = next((part for part in path if not re.fullmatch(KEY, str(part))), None)
        if wrong is not None:
            yield _wrong_key(place[: place.index(wrong, 1) + 1], str(wrong))
        elif name in RESERVED_ENV:
            yield Rule(f"cannot be set: {RESERVED_ENV[name]}", "remove it", place)
        elif name in seen:
            other = ".".join(map(str, seen[name]))
            yield Rule(f"is the same to Dask as `{other}`", "keep one", place)
        else:
            yield from known(_twice, name, env, place)
        seen[name] = path


def _wrong_key(place: Path, part: str) -> Rule:
    rule = "is not a key that reaches Dask through an environment variable: lower-case letters, digits, '-' and '_'"
    if "." in part:
        return Rule(rule, f"nest it: `{part.replace('.', ': {')}: …{'}' * part.count('.')}`", place, None)
    near = re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-")
    return Rule(rule, f"try '{near}'" if near else "rename it", place, None)


def _twice(name: str, env: Mapping[str, str], place: Path) -> Iterator[Rule]:
    if name in env:
        yield Rule(f"is set by `env.{name}` too", "keep one", place)


def encryption(env: Mapping[str, str], tree: Mapping[str, Any]) -> Iterator[Rule]:
    """What would change the encryption that `tls` has set up."""
    rule = "is set by the program, because tls is enabled"
    for name in env:
        if _TLS.fullmatch(name):
            yield Rule(rule, "remove it", ("env", name))
    for path in leaves(tree):
        if _TLS.fullmatch(variable(path)):
            yield Rule(rule, "remove it", ("daskConfig", *path))
