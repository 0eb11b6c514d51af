"""Merges a raw pod spec over a generated one, like a strategic merge patch of Kubernetes.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1: "Patch strategy: merge on key".
"""

from typing import Any

Key = tuple[str, ...]
# The lists that are merged item by item, and by what. All others are replaced whole: args, tolerations, envFrom, ...
KEYS: dict[str, Key] = {
    **dict.fromkeys(("containers", "initContainers", "volumes", "env", "imagePullSecrets"), ("name",)),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "ports": ("containerPort", "protocol"),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
_DEFAULTS = {"protocol": "TCP"}
# Only one of each group may exist: the one in the template replaces the other.
HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_ONE_OF = (HANDLERS, ("value", "valueFrom"))
ROLES = ("scheduler", "worker", "notebook", "job")


def identity(key: Key, item: Any) -> tuple[Any, ...]:
    """The key of a list's item: items with the same key are merged."""
    return tuple(item.get(part, _DEFAULTS.get(part)) for part in key)


def overlay(base: Any, over: Any, field: str = "") -> Any:
    """`over` merged over `base`: mappings key by key, lists by their key, everything else replaced. Nulls stay."""
    if isinstance(base, dict) and isinstance(over, dict):
        kept = {key: value for key, value in base.items() if not _gives_way(key, over, field)}
        return kept | {key: overlay(kept.get(key), value, key) for key, value in over.items()}
    if field in KEYS and isinstance(base, list) and isinstance(over, list):
        key = KEYS[field]
        items = {identity(key, item): item for item in base}
        for item in over:
            if isinstance(item, dict):
                items[identity(key, item)] = overlay(items.get(identity(key, item)), item, field)
        return list(items.values())
    return over


def _gives_way(key: str, over: dict[str, Any], field: str) -> bool:
    """Whether the template sets another field of a group of which only one may exist."""
    if field == "volumes":
        return key != "name" and key not in over and len(over) > 1
    return any(key in group and key not in over and set(group) & over.keys() for group in _ONE_OF)


def laid_over(pod: dict[str, Any], template: dict[str, Any]) -> dict[str, Any]:
    """The pod with a `podTemplate` merged over it. A null removes the field.

    A container of another role in the template is for that role: the scheduler's pod gets no container `worker` from a
    template on the cluster.
    """
    own = pod["containers"][0]["name"]
    boxes = template.get("containers")
    if boxes:
        template = template | {
            "containers": [box for box in boxes if box and (box.get("name") not in ROLES or box["name"] == own)]
        }
    return _without_nulls(overlay(pod, template))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value
