"""Paths of collections and objects in the Kubernetes API, without a leading slash, and their names in messages."""

from collections.abc import Mapping
from typing import Any

from ..vocabulary import API_VERSIONS


def path(kind: str, namespace: str = "", name: str = "") -> str:
    """The collection of a kind, or one object in it; without a namespace, that of all namespaces."""
    return _path(API_VERSIONS[kind], kind, namespace, name)


def path_of(body: Mapping[str, Any]) -> str:
    """The path of an object, of any kind."""
    meta = body["metadata"]
    return _path(body["apiVersion"], body["kind"], meta.get("namespace") or "", meta["name"])


def described(body: Mapping[str, Any]) -> str:
    """The object in a message, such as `Service 'a'`."""
    return f"{body['kind']} '{body['metadata']['name']}'"


def _path(api: str, kind: str, namespace: str, name: str) -> str:
    # The rule of apimachinery's UnsafeGuessKindToResource, as far as our kinds need it.
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}es" if kind.endswith("s") else f"{kind}s"
    parts = ("apis" if "/" in api else "api", api, namespace and f"namespaces/{namespace}", plural.lower(), name)
    return "/".join(filter(None, parts))
