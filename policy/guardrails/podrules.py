"""Rules that concern a single object. Violations are returned as text."""

from collections.abc import Iterator, Mapping
from typing import Any

from .podsecurity import violations
from .resource import Pod, Resource

Config = Mapping[str, Any]
_DIGEST = "@sha256:"


def never_floating(resource: Resource, _config: Config) -> Iterator[str]:
    """No image has a mutable tag."""
    for where, image in images(resource):
        last = image.rpartition("/")[2]
        if _DIGEST not in image and (":" not in last or last.endswith(":latest")):
            yield f"{where}: '{image}' is a mutable tag; name a version or a digest"


def pinned_by_digest(resource: Resource, _config: Config) -> Iterator[str]:
    """Every image is pinned by its digest."""
    for where, image in images(resource):
        if _DIGEST not in image:
            yield f"{where}: '{image}' is not pinned by a digest; append '@sha256:…' (`crane digest {image}` prints it)"


def images(resource: Resource) -> Iterator[tuple[str, str]]:
    """Every image in the object, or in a Helm release's values, with its path."""
    for path, pod in resource.pods():
        for field in ("initContainers", "containers"):
            for box in pod.get(field) or []:
                yield f"{resource} {path}.{field}[{box.get('name')}].image", box.get("image", "")
    image = (resource.props.get("values") or {}).get("image") or {}
    if resource.kind == "Release" and image:
        yield f"Release '{resource.props.get('name')}' values.image", f"{image.get('name')}:{image.get('tag')}"


def pod_security(resource: Resource, config: Config) -> Iterator[str]:
    """Pods keep the Pod Security Standard of the policy's `level`."""
    level = config.get("level", "restricted")
    for path, pod in resource.pods():
        for text in violations(pod, level):
            yield f"{resource} {path}: {text}, which the {level} Pod Security Standard forbids; see docs/security.md"


def no_token(resource: Resource, _config: Config) -> Iterator[str]:
    """No pod with code of users can talk to the Kubernetes API: Dask runs whatever code it is sent."""
    for path, pod in resource.pods():
        if pod.get("automountServiceAccountToken") is not False and not _runs_the_programs_code(resource, pod):
            yield f"{resource} {path}: mounts a service account's token; set automountServiceAccountToken: false"


def _runs_the_programs_code(resource: Resource, pod: Pod) -> bool:
    """Whether it is the autoscaler's pod or that of a schedule, with an account of its own."""
    names = [box.get("name") for box in pod.get("containers") or []]
    ours = (("Deployment", "autoscaler"), ("Job", "autoscaler"), ("CronJob", "autoscaler"), ("CronJob", "schedule"))
    known = (resource.kind, *names) in ours
    return known and bool(pod.get("serviceAccountName"))


def limited(resource: Resource, _config: Config) -> Iterator[str]:
    """Every container has limits on CPU and memory."""
    for path, pod in resource.pods():
        for box in pod.get("containers") or []:
            limits = (box.get("resources") or {}).get("limits") or {}
            if missing := [name for name in ("cpu", "memory") if name not in limits]:
                yield f"{resource} {path}: '{box.get('name')}' has no limit on {' and '.join(missing)}; set `resources`"


def restricted_namespace(resource: Resource, _config: Config) -> Iterator[str]:
    """The stack's namespaces enforce the restricted standard."""
    label = "pod-security.kubernetes.io/enforce"
    if resource.kind == "Namespace" and resource.labels.get(label) != "restricted":
        level = resource.labels.get(label, "nothing")
        yield f"{resource} enforces {level}; set `dask:namespace.podSecurity: restricted`"


def ranged_load_balancer(resource: Resource, _config: Config) -> Iterator[str]:
    """A load balancer names who may connect."""
    if resource.kind == "Service" and resource.spec.get("type") == "LoadBalancer":
        ranges = resource.spec.get("loadBalancerSourceRanges") or []
        if not ranges or {"0.0.0.0/0", "::/0"} & set(ranges):
            yield f"{resource} is open to the whole internet; set `endpoint.sourceRanges` to the clients' networks"
