"""Checks names against the rules of Kubernetes and of the Dask operator.

Lengths come from what the operator builds on a name: the Service `<name>-scheduler` is a DNS label of at most 63
characters (dask_kubernetes/constants.py), and a worker group's name becomes a label value of at most 63.
The JSON Schema uses the same patterns, so they contain nothing that ECMAScript reads differently.
"""

import hashlib
import json
import re
from typing import Any

from ...settings.mistakes import invalid
from ...vocabulary import DEFAULT_GROUP, PART_OF

DNS_LABEL_LENGTH = 63
OBJECT_NAME_LENGTH = 253
CLUSTER_NAME_LENGTH = DNS_LABEL_LENGTH - len("-scheduler")
HASH_LENGTH = 8
# `<name>-<hash>` is what a blue/green cluster is called, so the hash and its dash come off the operator's limit.
VERSIONED_NAME_LENGTH = CLUSTER_NAME_LENGTH - HASH_LENGTH - 1
# The DaskJob of a scheduled run is called `<name>-<minutes since 1970>-<attempt>`. A CronJob alone could have 52.
SCHEDULED_NAME_LENGTH = CLUSTER_NAME_LENGTH - len("-29400480-0")
SYSTEM_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease")

CLUSTER = r"[a-z]([-a-z0-9]*[a-z0-9])?"
LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
ENV = r"[A-Za-z_][A-Za-z0-9_]*"
_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
LABEL_KEY = rf"({SUBDOMAIN}/)?{_NAME}"
LABEL_VALUE = rf"({_NAME})?"
RESOURCE = r"[-._A-Za-z0-9]+"
SECRET_KEY = r"[-._A-Za-z0-9]+"


def suggestion(value: str) -> str:
    """The nearest valid cluster name: what an error offers to try instead."""
    name = re.sub(r"[^a-z0-9-]+", "-", value.lower()).strip("-")[:VERSIONED_NAME_LENGTH].strip("-")
    return name if re.fullmatch(CLUSTER, name) else ("c" + name).strip("-")


def dns_label(value: str, pattern: str = LABEL, first: str = "a letter or digit") -> str:
    """A DNS label of RFC 1123: the name of a namespace, a volume, a worker group."""
    if not value:
        raise invalid("must not be empty", "give it a name, such as 'analytics'")
    if not re.fullmatch(pattern, value):
        rule = f"must be lower-case letters, digits and '-', starting with {first} and ending with a letter or digit"
        raise invalid(rule, f"try '{suggestion(value)}'")
    if len(value) > DNS_LABEL_LENGTH and pattern == LABEL:
        raise invalid(f"must have at most {DNS_LABEL_LENGTH} characters, not {len(value)}", "shorten it")
    return value


def cluster_name(value: str) -> str:
    """A name that becomes a Service: RFC 1035, so it starts with a letter (the operator accepts `1abc`; the API server
    then refuses the Service `1abc-scheduler`). How long it may be depends on `update`: see rules.py."""
    if re.fullmatch(LABEL, value) and not re.fullmatch(CLUSTER, value):
        rule = f"must start with a letter, because the Service '{value}-scheduler' would be refused"
        raise invalid(rule, f"try '{suggestion(value)}'")
    return dns_label(value, CLUSTER, "a letter")


def group_name(value: str) -> str:
    """The name of a worker group."""
    if value == DEFAULT_GROUP:
        raise invalid("is what the operator calls the workers under `workers`", "choose another name")
    return dns_label(value)


def namespace_name(value: str) -> str:
    """A namespace that a stack may own: a DNS label, and none of Kubernetes' own."""
    if value in SYSTEM_NAMESPACES:
        raise invalid("belongs to Kubernetes itself, and `destroy` would delete it", "choose a namespace of your own")
    return dns_label(value)


def object_name(value: str) -> str:
    """The name of an object that already exists (a Secret, a ConfigMap, a claim): a DNS subdomain."""
    if not re.fullmatch(SUBDOMAIN, value) or len(value) > OBJECT_NAME_LENGTH:
        raise invalid(
            "must be the name of a Kubernetes object: lower-case letters, digits, '-' and '.'", "check its name"
        )
    return value


def env_name(value: str) -> str:
    """A name of an environment variable as a shell takes it."""
    if not re.fullmatch(ENV, value):
        near = re.sub(r"[^A-Za-z0-9_]", "_", value)
        fix = f"try '{near if re.fullmatch(ENV, near) else '_' + near}'"
        raise invalid("must consist of letters, digits and '_', not starting with a digit", fix)
    return value


def secret_key(value: str) -> str:
    """A key inside a Secret."""
    if not re.fullmatch(SECRET_KEY, value) or len(value) > OBJECT_NAME_LENGTH or value in (".", ".."):
        raise invalid("must be a Secret's key: letters, digits, '-', '_' and '.'", "rename it")
    return value


def resource_name(value: str) -> str:
    """The name of an abstract resource, as `--resources NAME=1` takes it."""
    if not re.fullmatch(RESOURCE, value) or len(value) > DNS_LABEL_LENGTH:
        raise invalid("must be letters, digits, '-', '_' and '.', at most 63 of them", "rename it, such as 'GPU'")
    return value


def label_key(value: str) -> str:
    """The key of a label or annotation: an optional DNS prefix and '/', and a name of at most 63 characters."""
    if not re.fullmatch(LABEL_KEY, value) or len(value.rpartition("/")[0]) > OBJECT_NAME_LENGTH:
        rule = "must be a label key, `name` or `prefix.example/name`, with at most 63 characters in its name"
        raise invalid(rule, "use letters, digits, '-', '_' and '.'")
    return value


# Label prefixes that are reserved by the operator (controller.py), by Kubernetes and by this program's selectors.
RESERVED_LABELS = (
    r"(.*\.)?dask\.org/.*|kubernetes\.io/.*|k8s\.io/.*|pod-security\.kubernetes\.io/.*|sidecar\.istio\.io/inject"
    r"|app\.kubernetes\.io/(name|instance|part-of|managed-by)|dask-on-kubernetes/.*"
    # Controllers set them on the pods of a Job and a Deployment.
    r"|(batch\.kubernetes\.io/)?(job-name|controller-uid)|pod-template-hash"
)
# Annotations that the program, the provider, the operator and Kubernetes set. The operator does not copy kubectl's.
RESERVED_ANNOTATIONS = (
    r"(.*\.)?dask\.org/.*|dask-on-kubernetes/.*|pulumi\.com/.*|kopf\.zalando\.org/.*|meta\.helm\.sh/.*"
    r"|((kubectl|deployment|batch)\.)?kubernetes\.io/.*|k8s\.io/.*"
)


def own_label_key(value: str) -> str:
    """The key of a label that a user may set."""
    if re.fullmatch(RESERVED_LABELS, value):
        raise invalid("is a label that the program, the operator or Kubernetes sets itself", "use a prefix of your own")
    return label_key(value)


def own_annotation_key(value: str) -> str:
    """The key of an annotation that a user may set on everything."""
    if re.fullmatch(RESERVED_ANNOTATIONS, value):
        rule = "is an annotation that the program, the operator or Kubernetes sets itself"
        raise invalid(rule, "use a prefix of your own")
    return label_key(value)


def label_value(value: str) -> str:
    """The value of a label: at most 63 letters, digits, '-', '_' and '.'."""
    if not re.fullmatch(LABEL_VALUE, value):
        raise invalid("must be a label value: at most 63 letters, digits, '-', '_' and '.'", "shorten or rename it")
    return value


def content_hash(content: Any) -> str:
    """`HASH_LENGTH` hexadecimal digits that are the same for the same content in every engine, run and preview."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:HASH_LENGTH]


def cluster_content(body: dict[str, Any]) -> str:
    """The hash of a DaskCluster without its name, its number of workers, and the name of the stack.

    The pods of a renamed stack run as before.
    """
    metadata, spec = dict(body["metadata"]), dict(body["spec"])
    del metadata["name"]
    metadata["labels"] = {key: value for key, value in metadata["labels"].items() if key != PART_OF}
    spec["worker"] = {key: value for key, value in spec["worker"].items() if key != "replicas"}
    return content_hash(body | {"metadata": metadata, "spec": spec})


def versioned(name: str, content: Any, part: str = "") -> str:
    """`<name>[-<part>]-<hash of the content>`: a new name exactly when the content is new.

    A long `name` is cut, so that the whole is a DNS label, as a Job's name has to be.
    """
    end = f"{'-' if part else ''}{part}-{content_hash(content)}"
    return name[: DNS_LABEL_LENGTH - len(end)].rstrip("-") + end
