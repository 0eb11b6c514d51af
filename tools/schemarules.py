"""Rules across fields in the JSON Schema: those of `checks` that the schema of a single object can express.

A missing key satisfies every `properties`, so an `if` that needs the key has `required` too.
"""

from typing import Any

Node = dict[str, Any]


def _is(key: str, value: Any) -> Node:
    return {"properties": {key: {"const": value}}, "required": [key]}


def _one_of(*keys: str) -> Node:
    return {"oneOf": [{"required": [key]} for key in keys]}


def _in(key: str, node: Node) -> Node:
    return {"properties": {key: node}, "required": [key]}


def _in_any(key: str, node: Node) -> Node:
    return {"properties": {key: node}}


_TREE: Node = {"if": {"type": "object"}, "then": {"$ref": "#/definitions/DaskConfig"}}
DASK_CONFIG: Node = {
    "description": "Dask's own configuration, as in its YAML files.",
    "type": "object",
    "propertyNames": {"minLength": 1},
    "additionalProperties": _TREE,
}
_TLS = _in("tls", _is("enabled", True))
_SIZE: Node = {
    "dependencies": {
        "minimum": ["maximum"],
        "maximum": ["minimum"],
        "idleTime": ["maximum"],
        "maximumStarting": ["maximum"],
    },
    "not": {"required": ["replicas", "maximum"]},
}
_OPEN = _in("endpoint", {"properties": {"type": {"enum": ["NodePort", "LoadBalancer"]}}, "required": ["type"]})
ACROSS: dict[str, Node] = {
    "Cluster": {
        "allOf": [
            {"if": _OPEN, "then": {"anyOf": [_TLS, _in("endpoint", _is("insecure", True))]}},
            {"if": _is("adopt", True), "then": _is("update", "recreate")},
            {"not": {"required": ["idleTimeout"]}},
            {"if": _is("adopt", True), "then": {"not": _is("suspended", True)}},
        ]
    },
    "Workers": _SIZE,
    "WorkerGroup": _SIZE,
    "Job": {
        "not": _in("workers", {"required": ["maximum"]}),
        "dependencies": {key: ["schedule"] for key in ("timeZone", "suspended", "retries", "history", "ttl")},
    },
    "Endpoint": {
        "allOf": [
            {
                "if": {"properties": {"type": {"const": "ClusterIP"}}},
                "then": _in_any("nodePorts", {"maxProperties": 0}),
            },
            {"if": {"not": _is("type", "LoadBalancer")}, "then": _in_any("sourceRanges", {"maxItems": 0})},
            {"if": {"required": ["loadBalancerClass"]}, "then": _is("type", "LoadBalancer")},
            {"if": {"required": ["externalTrafficPolicy"]}, "then": {"required": ["type"]}},
        ]
    },
    "Dashboard": {
        "if": {"required": ["hostname"]},
        "then": {**_one_of("ingressClass", "gateway"), "properties": {"enabled": {"const": True}}},
        "else": {"properties": dict.fromkeys(("ingressClass", "gateway", "tlsSecret", "login"), False)},
    },
    "Peer": _one_of("cidr", "namespace"),
    "Tls": {"if": {"required": ["secret"]}, "then": _is("enabled", True)},
    "Namespace": {
        "allOf": [
            {"if": _is("name", "default"), "then": _is("create", False)},
            {"if": _in("allowFrom", {"minItems": 1}), "then": _is("networkPolicies", True)},
        ]
    },
    "Volume": _one_of("hostPath", "pvc", "claimTemplate", "configMap", "secret", "emptyDir"),
    "Toleration": {
        "anyOf": [{"required": ["key"]}, _is("operator", "Exists")],
        "if": _is("operator", "Exists"),
        "then": {"not": {"required": ["value"]}},
    },
    "EnvSource": _one_of("secret", "configMap"),
    "Runner": _one_of("command", "script"),
}
