"""Files for a client: the certificates of TLS, and Dask's own configuration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from components.kube import client as kube
from components.manifests.certificates import client_files
from tools import whole_files
from tools.connect.environment import MARK, refuse_foreign
from tools.connect.place import Place
from tools.failure import ToolError

_API = "apis/kubernetes.dask.org/v1"
_VOLUME = "dask-tls"
CONFIG = "dask-on-kubernetes.yaml"


async def certificates(place: Place, client: Any) -> Mapping[str, str]:
    """`ca`, `cert` and `key` as PEM, from the Secret that the cluster's pods mount; empty if they mount none.

    Raises `ToolError` where the Secret cannot be read, or is of no use to a client.
    """
    home = f"namespaces/{place.namespace}"
    cluster = await kube.find(client, f"{_API}/{home}/daskclusters/{place.physical_name}")
    volumes = cluster["spec"]["scheduler"]["spec"].get("volumes", []) if cluster else []
    name = next((it["secret"]["secretName"] for it in volumes if it["name"] == _VOLUME), None)
    if name is None:
        return {}
    try:
        secret = await kube.get(client, f"api/v1/{home}/secrets/{name}")
    except kube.ServerError as error:
        raise ToolError(
            f"the client's certificate is in the Secret {name} of namespace {place.namespace}, which cannot be read "
            f"({error}); ask for permission to `get` it, or for its ca.crt, client.crt and client.key"
        ) from error
    found = client_files(secret.get("data"))
    if missing := sorted({"ca", "cert", "key"} - found.keys()):
        raise ToolError(f"the Secret {name} has no {', '.join(missing)} of a client")
    return found


def write_private(folder: Path, pem: Mapping[str, str]) -> dict[str, str]:
    """Writes `<name>.pem`, readable by the user only. Returns paths by name."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    paths = {name: folder / f"{name}.pem" for name in pem}
    for name, path in paths.items():
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(pem[name], encoding="utf-8")
    return {name: str(path) for name, path in paths.items()}


def config_folder() -> Path:
    """Where Dask looks for a user's configuration: $DASK_CONFIG, or ~/.config/dask."""
    import dask.config

    place = Path(dask.config.PATH)
    return place.parent if place.is_file() else place


def write_config(folder: Path, address: str, tls: Mapping[str, str]) -> Path:
    """The file under which `Client()` connects to `address`. Raises `ToolError`."""
    content: dict[str, Any] = {"scheduler-address": address}
    if tls:
        client = {"cert": tls["cert"], "key": tls["key"]}
        content["distributed"] = {"comm": {"require-encryption": True, "tls": {"ca-file": tls["ca"], "client": client}}}
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / CONFIG
    refuse_foreign(file)
    whole_files.write(file, f"{MARK}; delete this file to undo it.\n{yaml.safe_dump(content)}")
    return file
