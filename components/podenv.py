"""PURE: the environment variables of a container: packages, Dask's configuration, TLS, the person's own."""

import ast
import re
from typing import Any

from components.clustersettings import Tls
from components.podsettings import PodSettings

Variable = dict[str, str]
TLS_PATH = "/etc/dask-tls"


def variable(name: str, value: str) -> Variable:
    """One entry of a container's `env`."""
    return {"name": name, "value": value}


def environment(pod: PodSettings, *, restricted: bool) -> list[Variable]:
    """Packages, Dask's configuration and the person's own variables, in a stable order. The last of a name wins."""
    values = {
        f"EXTRA_{manager.upper()}_PACKAGES": " ".join(names) for manager, names in dict(pod.packages).items() if names
    }
    if restricted:
        values["HOME"] = "/tmp"
    values |= dict(sorted(dask_environment(pod.dask_config).items())) | dict(sorted(pod.env.items()))
    return [variable(name, value) for name, value in values.items()]


def dask_environment(tree: dict[str, Any], prefix: str = "DASK") -> dict[str, str]:
    """Dask's configuration as it reads it from the environment: `a: {b-c: 1}` -> `DASK_A__B_C=1` (dask.config)."""
    flat: dict[str, str] = {}
    for key, value in tree.items():
        name = f"{prefix}{'_' if prefix == 'DASK' else '__'}{re.sub(r'[^A-Za-z0-9]', '_', key).upper()}"
        if isinstance(value, dict) and value:
            flat |= dask_environment(value, name)
        else:
            flat[name] = value if isinstance(value, str) and not _is_literal(value) else repr(value)
    return flat


def _is_literal(text: str) -> bool:
    """Whether Dask would read the text as something else than a string (dask/config.py, interpret_value)."""
    if text.lower() in ("none", "null", "true", "false"):
        return True
    try:
        ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return False
    return True


def tls_environment(role: str, tls: Tls) -> list[Variable]:
    """https://distributed.dask.org/en/stable/tls.html. Every role has a leaf of its own."""
    if not tls.enabled:
        return []
    comm = "DASK_DISTRIBUTED__COMM__"
    values = {
        f"{comm}DEFAULT_SCHEME": "tls",
        f"{comm}REQUIRE_ENCRYPTION": "True",
        f"{comm}TLS__CA_FILE": f"{TLS_PATH}/ca.crt",
    }
    # Scheduler and workers are clients as well: of each other, and of what tasks connect to.
    for leaf in sorted({role.upper(), "CLIENT"}):
        values[f"{comm}TLS__{leaf}__CERT"] = f"{TLS_PATH}/{role}.crt"
        values[f"{comm}TLS__{leaf}__KEY"] = f"{TLS_PATH}/{role}.key"
    return [variable(name, value) for name, value in values.items()]
