"""The environment variables of a container: packages, Dask's configuration, TLS, and the user's own."""

from ..settings.dask_config import dask_environment
from ..settings.pod import PodSettings
from ..settings.tls import Tls
from ..vocabulary import TLS_PATH

Variable = dict[str, str]


def variable(name: str, value: str) -> Variable:
    """One entry of a container's `env`."""
    return {"name": name, "value": value}


def environment(pod: PodSettings, *, restricted: bool) -> list[Variable]:
    """Packages, Dask's configuration and the user's own variables, in a stable order. The last of a name wins."""
    values = {
        f"EXTRA_{manager.upper()}_PACKAGES": " ".join(names) for manager, names in dict(pod.packages).items() if names
    }
    if restricted:
        values["HOME"] = "/tmp"
    values |= dict(sorted(dask_environment(pod.dask_config).items())) | dict(sorted(pod.env.items()))
    return [variable(name, value) for name, value in values.items()]


def tls_environment(role: str, tls: Tls) -> list[Variable]:
    """https://distributed.dask.org/en/stable/tls.html. Each role has its own leaf certificate."""
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
