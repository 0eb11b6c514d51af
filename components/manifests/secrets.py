"""The names and bodies of the Secrets and service accounts that a stack declares for its pods."""

import hashlib
from collections.abc import Mapping
from typing import Any

from ..settings.secrets import OPAQUE, PULL_SECRET, ServiceAccount
from ..settings.stack import Settings
from .context import Spec


def secret_names(settings: Settings) -> dict[str, str]:
    """The names in Kubernetes of the Secrets under `dask:secrets`.

    They change with the content, so that a changed value reaches the pods. Registry credentials keep their name and
    change in place: kubelet reads them at every pull, and no running pod needs them.

    The hash is slow and salted with the place: eight digits of a fast one would let short secrets be guessed. The
    stack's name is not in it, because a renamed stack has the same pods (docs/adr/0023).
    """
    return {name: _name(settings, name) for name in settings.secrets}


def secret(settings: Settings, name: str, values: Mapping[str, Any]) -> Spec:
    """The content of a Secret, without its metadata. `values` are those of the settings, wrapped as secrets or not."""
    kind = settings.secret_type(name)
    content: Spec = {"stringData": dict(values)} | ({} if kind == OPAQUE else {"type": kind})
    return content if kind == PULL_SECRET else content | {"immutable": True}


def service_account(account: ServiceAccount) -> tuple[Spec, Spec]:
    """What a service account's metadata has beyond its name, and its content."""
    metadata = {"labels": account.labels, "annotations": account.annotations}
    pulls = {"imagePullSecrets": [{"name": name} for name in account.image_pull_secrets]}
    content = {"automountServiceAccountToken": False} | (pulls if account.image_pull_secrets else {})
    return {key: dict(value) for key, value in metadata.items() if value}, content


def _name(settings: Settings, name: str) -> str:
    kind = settings.secret_type(name)
    if kind == PULL_SECRET:
        return name
    salt = f"{settings.namespace.name}/{name}" + ("" if kind == OPAQUE else f"/{kind}")
    return f"{name}-{_slow_hash(salt, settings.secrets[name])}"


def _slow_hash(salt: str, data: Mapping[str, str]) -> str:
    content = "\0".join(f"{key}\0{data[key]}" for key in sorted(data))
    return hashlib.scrypt(content.encode(), salt=salt.encode(), n=2**14, r=8, p=1, dklen=4).hex()
