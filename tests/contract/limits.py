"""The limits of Kubernetes on names, labels, annotations and ports.

https://kubernetes.io/docs/concepts/overview/working-with-objects/names and .../labels. The API server checks these
in addition to any schema.
"""

import re
from collections.abc import Iterator
from typing import Any

Body = dict[str, Any]
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SERVICE = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PORT_NAME = re.compile(r"(?=.{1,15}\Z)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
# Names that become a DNS label: of a Service, a namespace, and of what puts its name into labels of its pods.
_LABELS = {"Service": _SERVICE, "Namespace": _LABEL, "Job": _LABEL}


def violations(body: Body) -> list[str]:
    """`kind/name: what is too long or ill-formed`."""
    metadata = body["metadata"]
    found = [*_name(body["kind"], metadata["name"]), *_metadata(metadata), *_ports(body)]
    template = body.get("spec", {}).get("template", {}) if isinstance(body.get("spec"), dict) else {}
    selector = body.get("spec", {}).get("selector", {}).get("matchLabels", {}) if template else {}
    if missing := selector.items() - template.get("metadata", {}).get("labels", {}).items():
        found.append(f"the selector's {dict(missing)} is not among the labels of its pods")
    return [f"{body['kind']}/{metadata['name']}: {text}" for text in found]


def _name(kind: str, name: str) -> Iterator[str]:
    if not _LABELS.get(kind, _SUBDOMAIN).fullmatch(name):
        yield f"the name has {len(name)} characters or an ill form"


def _metadata(metadata: Body) -> Iterator[str]:
    for key, value in metadata.get("labels", {}).items():
        if not _LABEL_VALUE.fullmatch(value):
            yield f"the label {key} has the value {value!r}"
    for key in (*metadata.get("labels", {}), *metadata.get("annotations", {})):
        prefix, slash, name = key.rpartition("/")
        if not _LABEL_NAME.fullmatch(name) or (slash and not _SUBDOMAIN.fullmatch(prefix)):
            yield f"the key {key!r} is ill-formed"


def _ports(node: Any) -> Iterator[str]:
    """Every named port of a container (15 characters) or of a Service (63)."""
    if isinstance(node, list):
        for item in node:
            yield from _ports(item)
    elif isinstance(node, dict):
        name = node.get("name", "")
        if "containerPort" in node and not _PORT_NAME.fullmatch(name):
            yield f"the container port's name {name!r}"
        if "targetPort" in node and not _LABEL.fullmatch(name):
            yield f"the Service port's name {name!r}"
        for value in node.values():
            yield from _ports(value)
