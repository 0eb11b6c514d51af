"""Dask's configuration as environment variables of the pods, and the names of variables that a user may set.

Dask reads `DASK_A__B_C=1` as `{a: {b-c: 1}}`: lower case, `__` for a level, `_` and `-` the same (dask/config.py). Keys
that this would change, such as the name of a logger or of a resource, go through INHERITED as JSON instead.
"""

import ast
import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from ..settings.fields import key, pattern
from ..settings.formats import names
from ..settings.mistakes import Path, invalid

# The program sets these itself: overriding them would cut workers off from their scheduler, or from their own name.
RESERVED_ENV = {
    "DASK_SCHEDULER_ADDRESS": "the program sets it to the cluster's own scheduler",
    "DASK_WORKER_NAME": "the operator sets it to the Deployment's name, which scaling down relies on",
    "DASK_POD_IP": "Kubernetes sets it to the pod's address",
    "DASK_RETIRE_SECONDS": "`terminationGracePeriod` sets it",
    "EXTRA_CONDA_PACKAGES": "`packages.conda` sets it",
    "EXTRA_PIP_PACKAGES": "`packages.pip` sets it",
    "EXTRA_APT_PACKAGES": "`packages.apt` sets it",
    "JUPYTER_TOKEN": "`tokenSecret` of the notebook sets it",
}
# Keys that get through the name of a variable unchanged.
_PLAIN = r"[a-z0-9]+([-_][a-z0-9]+)*"
# A tree as base64 of JSON, below all other variables (dask.config, `serialize` and `collect_env`).
INHERITED = "DASK_INTERNAL_INHERIT_CONFIG"
_TLS = re.compile(r"DASK_DISTRIBUTED__COMM__(TLS__.*|DEFAULT_SCHEME|REQUIRE_ENCRYPTION)", re.IGNORECASE)


def _own_env(name: str) -> str:
    names.env_name(name)
    if name in RESERVED_ENV:
        raise invalid(f"cannot be overridden: {RESERVED_ENV[name]}", "remove it")
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
        if is_plain(path):
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


def is_plain(path: Path) -> bool:
    """Whether Dask reads every key of the path back from the name of a variable unchanged."""
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


def encrypts(name: str) -> bool:
    """Whether an environment variable changes the encryption."""
    return _TLS.fullmatch(name) is not None
