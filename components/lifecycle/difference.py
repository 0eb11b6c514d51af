"""What differs between what is declared and what is live, both as plain JSON.

Only declared fields are compared, because the API server fills in defaults. The exceptions are the fields in
`_NEVER_DEFAULTED` and everything in a mapping of `_EXACT`: the API server never fills them in
(kubernetes/pkg/apis/*/v1/defaults.go), so what is live without being declared (a variable, a mount, a label of a
selector) was added by hand.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..settings.formats.quantities import amount
from ..settings.mistakes import Invalid

_NEVER_DEFAULTED = {
    *("args", "command", "env", "envFrom", "ports", "volumeMounts", "resources", "limits", "lifecycle"),
    *("livenessProbe", "readinessProbe", "startupProbe", "initialDelaySeconds", "initContainers", "volumes"),
    *("nodeSelector", "nodeName", "tolerations", "affinity", "topologySpreadConstraints", "priorityClassName"),
    *("imagePullSecrets", "serviceAccountName", "hostNetwork", "hostPID", "hostIPC", "hostAliases", "subPath"),
    *("activeDeadlineSeconds", "automountServiceAccountToken", "dnsConfig", "hostname", "overhead", "preemptionPolicy"),
    *("priority", "readinessGates", "runtimeClassName", "securityContext", "setHostnameAsFQDN", "subdomain"),
    *("shareProcessNamespace", "stdin", "stdinOnce", "tty", "volumeDevices", "workingDir"),
    *("hostPath", "emptyDir", "secret", "configMap", "persistentVolumeClaim", "projected", "nfs", "csi", "ephemeral"),
}
_EXACT = {"selector", "nodeSelector", "affinity", "limits", "requests", "securityContext"}
_QUANTITIES = {"limits", "requests", "sizeLimit"}
_NOTHING: Any = type("Nothing", (), {"__repr__": lambda _: "nothing", "__bool__": lambda _: False})()
_LONGEST = 60
_HIDDEN = "(a value that is not shown)"


@dataclass(frozen=True)
class Difference:
    """One field that is not as declared."""

    path: str
    live: Any
    declared: Any

    def __str__(self) -> str:
        return f"{self.path}: live {_short(self.live, self.path)}, declared {_short(self.declared, self.path)}"


def differences(declared: Any, live: Any, path: str = "") -> Iterator[Difference]:
    """Fields whose live value differs from the declared one, and fields that were added manually."""
    if isinstance(declared, dict) and isinstance(live, dict):
        yield from _of_mappings(declared, live, path)
    elif isinstance(declared, list) and isinstance(live, list):
        yield from _of_lists(declared, live, path)
    elif declared != live and (declared or live or _zero_counts(path)) and not _same_quantity(declared, live, path):
        yield Difference(path, live, declared)


def _of_mappings(declared: dict[str, Any], live: dict[str, Any], path: str) -> Iterator[Difference]:
    for key, value in declared.items():
        yield from differences(value, live.get(key, _NOTHING), _joined(path, key))
    exact = _EXACT & set(re.split(r"[.\[]", path))
    for key in sorted(live.keys() - declared.keys()):
        if exact or key in _NEVER_DEFAULTED:
            yield from differences(_NOTHING, live[key], _joined(path, key))


def _of_lists(declared: list[Any], live: list[Any], path: str) -> Iterator[Difference]:
    """Lists of named items by name, other lists by position. Of a repeated name the last one counts, as in `env`."""
    for identify in (_by("mountPath"), _by("name")):
        ours, theirs = ({identify(item): item for item in items} for items in (declared, live))
        if not {None} & (ours.keys() | theirs.keys()):
            for name in [*ours, *(name for name in theirs if name not in ours)]:
                yield from differences(ours.get(name, _NOTHING), theirs.get(name, _NOTHING), f"{path}[{name}]")
            return
    if len(declared) != len(live):
        yield Difference(path, live, declared)
        return
    for index, (ours, theirs) in enumerate(zip(declared, live, strict=True)):
        yield from differences(ours, theirs, f"{path}[{index}]")


def _by(key: str) -> Callable[[Any], str | None]:
    return lambda item: item.get(key) if isinstance(item, dict) else None


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _zero_counts(path: str) -> bool:
    """Whether 0 and false are other than nothing. Elsewhere nothing stands for them; here 0 is the user root."""
    return "securityContext." in path


def _same_quantity(declared: Any, live: Any, path: str) -> bool:
    """`1000m` is stored as `1`."""
    if not _QUANTITIES & set(path.split(".")) or _NOTHING in (declared, live):
        return False
    try:
        return amount(str(declared)) == amount(str(live))
    except Invalid:
        return False


def _short(value: Any, path: str) -> str:
    """A value for a line: text in quotes, anything else as JSON, truncated in the middle.

    Values of variables are not shown: they may be secrets, and previews appear in logs and in pull requests.
    """
    if value is _NOTHING:
        return "nothing"
    if "env[" in path:
        return _HIDDEN
    value = _without_values(value, path.rpartition(".")[2] == "env")
    text = value if isinstance(value, str) else json.dumps(value, default=repr)
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
    return repr(text) if isinstance(value, str) else text


def _without_values(value: Any, is_env: bool = False) -> Any:
    """The same without the values of the variables in it."""
    if isinstance(value, list):
        return [it["name"] if is_env and "name" in it else _without_values(it) for it in value]
    if isinstance(value, dict):
        return {key: _without_values(it, key == "env") for key, it in value.items()}
    return value
