"""Pulumi's wire values and plain ones. In: the Struct of a registration. Out: plain dicts, and back.

Secrets and assets travel as dicts with a signature; numbers as doubles, which Kubernetes refuses for integers.
"""

from collections.abc import Mapping, Set
from typing import Any

from google.protobuf import json_format, struct_pb2

# The wire format's constants (sdk/python pulumi/runtime/rpc.py; the same in every SDK).
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_ASSETS = ("c44067f5952c0a294b673a41bacd8c17", "0def7320c3a5731c473e5ecbe6d01bc7")


def plain(values: struct_pb2.Struct) -> dict[str, Any]:
    """Plain values: secrets unwrapped, whole numbers as ints, assets by their path or text."""
    return _unwrapped(json_format.MessageToDict(values))


def secret_keys(values: struct_pb2.Struct) -> set[str]:
    """The top-level keys that hold a secret anywhere inside; the SDK too knows secrets only by these."""
    return {key for key, value in json_format.MessageToDict(values).items() if _holds_secret(value)}


def struct(values: Mapping[str, Any], secret: Set[str] = frozenset()) -> struct_pb2.Struct:
    """A Struct, with the named top-level values marked secret."""
    marked = {key: {_SIGNATURE: _SECRET, "value": value} if key in secret else value for key, value in values.items()}
    message = struct_pb2.Struct()
    message.update(marked)
    return message


def _unwrapped(value: Any) -> Any:
    if isinstance(value, list):
        return [_unwrapped(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, dict):
        return value
    signature = value.get(_SIGNATURE)
    if signature == _SECRET:
        return _unwrapped(value["value"])
    if signature in _ASSETS and ("path" in value or "text" in value):
        return value.get("path") or value.get("text")
    return {key: _unwrapped(item) for key, item in value.items() if item is not None}


def _holds_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return value.get(_SIGNATURE) == _SECRET or any(_holds_secret(item) for item in value.values())
    return isinstance(value, list) and any(_holds_secret(item) for item in value)
