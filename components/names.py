"""The naming rules of Kubernetes and of the Dask operator, as pure checks. In: a string. Out: the string, or a `Rule`.

Lengths come from what the operator builds on a name: the Service `<name>-scheduler` is a DNS label of at most 63
characters (dask_kubernetes/constants.py), and a worker group's name becomes a label value of at most 63.
"""

import hashlib
import json
import re
from typing import Any

from components.errors import Rule

DNS_LABEL_LENGTH = 63
CLUSTER_NAME_LENGTH = DNS_LABEL_LENGTH - len("-scheduler")
HASH_LENGTH = 8
# `<name>-<hash>` is what a blue/green cluster is called, so the hash and its dash come off the operator's limit.
VERSIONED_NAME_LENGTH = CLUSTER_NAME_LENGTH - HASH_LENGTH - 1
SYSTEM_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease")

_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABEL_KEY_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
# The image reference grammar of distribution/reference, without the parts that Kubernetes never sees.
_IMAGE = re.compile(
    r"(?P<name>[a-z0-9]+([._:-][a-z0-9]+|__[a-z0-9]+|-+[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*)"
    r"(:(?P<tag>\w[\w.-]{0,127}))?(@sha256:(?P<digest>[0-9a-f]{64}))?"
)


def suggestion(value: str, prefix: str = "c") -> str:
    """The nearest valid DNS label: what an error offers to try instead."""
    name = re.sub(r"[^a-z0-9-]+", "-", value.lower()).strip("-")[:VERSIONED_NAME_LENGTH].strip("-")
    return name if _LABEL.fullmatch(name) else (prefix + name).strip("-")


def dns_label(value: str, longest: int = DNS_LABEL_LENGTH) -> str:
    """A name that may become a Service: RFC 1035, so it starts with a letter (the operator accepts `1abc`; the API
    server then refuses the Service `1abc-scheduler`)."""
    if not value:
        raise Rule("must not be empty", "give it a name, such as 'analytics'")
    if value[0].isdigit():
        raise Rule(
            f"must start with a letter, because the Service '{value}-scheduler' would be refused",
            f"try '{suggestion(value)}'",
        )
    if not _LABEL.fullmatch(value):
        raise Rule(
            "must consist of lower-case letters, digits and '-', starting with a letter and ending with a letter or digit",
            f"try '{suggestion(value)}'",
        )
    if len(value) > longest:
        raise Rule(f"must have at most {longest} characters, not {len(value)}", f"try '{value[:longest].strip('-')}'")
    return value


def namespace_name(value: str) -> str:
    """A namespace that a stack may own: a DNS label, and none of Kubernetes' own."""
    if value in SYSTEM_NAMESPACES:
        raise Rule("belongs to Kubernetes itself, and `destroy` would delete it", "choose a namespace of your own")
    return dns_label(value)


def object_name(value: str) -> str:
    """The name of an object that already exists (a Secret, a ConfigMap, a claim): a DNS subdomain."""
    if not _SUBDOMAIN.fullmatch(value) or len(value) > 253:
        raise Rule("must be the name of a Kubernetes object: lower-case letters, digits, '-' and '.'", "check its name")
    return value


def env_name(value: str) -> str:
    """A name of an environment variable as a shell takes it."""
    if not _ENV.fullmatch(value):
        raise Rule(
            "must consist of letters, digits and '_', not starting with a digit",
            f"try '{re.sub(r'[^A-Za-z0-9_]', '_', value) or 'NAME'}'",
        )
    return value


def label_key(value: str) -> str:
    """The key of a label or annotation: an optional DNS prefix and '/', and a name of at most 63 characters."""
    prefix, slash, name = value.rpartition("/")
    if not _LABEL_KEY_NAME.fullmatch(name) or (slash and not _SUBDOMAIN.fullmatch(prefix)):
        raise Rule("must be a label key: `name` or `prefix.example/name`", "use letters, digits, '-', '_' and '.'")
    return value


def label_value(value: str) -> str:
    """The value of a label: at most 63 letters, digits, '-', '_' and '.'."""
    if not _LABEL_VALUE.fullmatch(value):
        raise Rule("must be a label value: at most 63 letters, digits, '-', '_' and '.'", "shorten or rename it")
    return value


def image(value: str) -> str:
    """A container image reference `name[:tag][@sha256:digest]`."""
    if not value:
        raise Rule("must not be empty", "name an image, such as 'ghcr.io/dask/dask:2026.8.0'")
    if re.search(r"\s", value):
        raise Rule("must not contain white space", f"try '{''.join(value.split())}'")
    if "@" in value and not re.search(r"@sha256:[0-9a-f]{64}$", value):
        raise Rule("has a bad digest: '@sha256:' and 64 hexadecimal digits are needed", "copy the whole digest")
    name = re.split(r"[@]", value)[0]
    path = name.rsplit(":", 1)[0] if ":" in name.rsplit("/", 1)[-1] else name
    if path != path.lower():
        raise Rule("must be lower case before the tag", f"try '{value.replace(path, path.lower(), 1)}'")
    if not _IMAGE.fullmatch(value):
        raise Rule("must be an image reference: name[:tag][@sha256:digest]", "see `ghcr.io/dask/dask:2026.8.0`")
    return value


def is_floating(image_reference: str) -> bool:
    """Whether the image can change under the same name: no tag or `latest`, and no digest."""
    if "@" in image_reference:
        return False
    last = image_reference.rsplit("/", 1)[-1]
    return ":" not in last or last.endswith(":latest")


def content_hash(content: Any) -> str:
    """`HASH_LENGTH` hexadecimal digits that are the same for the same content in every engine, run and preview."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:HASH_LENGTH]


def versioned(name: str, content: Any) -> str:
    """`<name>-<hash of the content>`: a new name exactly when the content is new."""
    return f"{name}-{content_hash(content)}"
