"""What the API server refuses in a pod, or no kubelet can start. It is reported before anything is created.

Each rule carries its path within the pod. The sources are the validation of Kubernetes (pkg/apis/core/validation) and
https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1.
"""

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from ...settings.checks.pod_placement import expressions, toleration
from ...settings.checks.pod_resources import container_resources
from ...settings.formats import names
from ...settings.mistakes import Mistake, Path
from ...settings.pod_merge import HANDLERS

Spec = dict[str, Any]
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_NODE = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
_LABEL = _NODE[:4]
# The values that Kubernetes accepts, by the last steps of a path without list indexes.
_CHOICES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("restartPolicy",): ("Always", "OnFailure", "Never"),
    ("dnsPolicy",): ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    ("preemptionPolicy",): ("PreemptLowerPriority", "Never"),
    ("imagePullPolicy",): ("Always", "IfNotPresent", "Never"),
    ("terminationMessagePolicy",): ("File", "FallbackToLogsOnError"),
    ("tolerations", "operator"): ("Exists", "Equal"),
    ("tolerations", "effect"): ("NoSchedule", "PreferNoSchedule", "NoExecute"),
    ("ports", "protocol"): ("TCP", "UDP", "SCTP"),
    ("httpGet", "scheme"): ("HTTP", "HTTPS"),
    ("whenUnsatisfiable",): ("DoNotSchedule", "ScheduleAnyway"),
    ("mountPropagation",): ("None", "HostToContainer", "Bidirectional"),
    ("seccompProfile", "type"): ("RuntimeDefault", "Localhost", "Unconfined"),
    ("preference", "matchExpressions", "operator"): _NODE,
    ("nodeSelectorTerms", "matchExpressions", "operator"): _NODE,
    ("labelSelector", "matchExpressions", "operator"): _LABEL,
    ("namespaceSelector", "matchExpressions", "operator"): _LABEL,
}
_CHOSEN = {end[-1] for end in _CHOICES}
_LEAST = {
    **dict.fromkeys(
        ("periodSeconds", "timeoutSeconds", "failureThreshold", "successThreshold", "weight", "maxSkew"), 1
    ),
    **dict.fromkeys(("initialDelaySeconds", "terminationGracePeriodSeconds", "runAsUser", "runAsGroup", "fsGroup"), 0),
    **dict.fromkeys(("containerPort", "hostPort"), 1),
}
_MOST = dict.fromkeys(("containerPort", "hostPort"), 65535) | {"weight": 100}


def refused(pod: Spec, *, deployed: bool) -> Iterator[Mistake]:
    """What is wrong with a pod. `deployed`: the operator puts it into a Deployment, rather than creating the pod."""
    yield from _everywhere(pod, ())
    if deployed:
        yield from _deployed(pod)
    yield from _whole_pod(pod)
    volumes = {volume["name"] for volume in pod.get("volumes", ())}
    taken: set[str] = set()
    for path, box in boxes(pod):
        if box["name"] in taken:
            yield Mistake("is the name of two containers", "rename one", (*path, "name"))
        taken.add(box["name"])
        yield from _container(path, box, volumes)


def boxes(pod: Spec) -> Iterator[tuple[Path, Spec]]:
    """Every container with its path in the pod."""
    for field in ("containers", "initContainers"):
        for index, box in enumerate(pod.get(field, ())):
            yield (field, index), box


def _everywhere(value: Any, path: Path) -> Iterator[Mistake]:
    """Single values, anywhere in the pod."""
    steps = tuple(step for step in path if isinstance(step, str))
    for choices in _choices(value, steps):
        near = next((choice for choice in choices if choice.lower() == value.lower()), None)
        fix = f"did you mean '{near}'?" if near else "choose one of them"
        yield Mistake(f"must be one of {', '.join(choices)}", fix, path)
    if isinstance(value, int) and steps and not isinstance(value, bool):
        low, high = _LEAST.get(steps[-1], value), _MOST.get(steps[-1], value)
        if not low <= value <= high:
            bound = f"at least {low}" if value < low else f"at most {high}"
            yield Mistake(f"must be {bound}", f"use {max(low, min(value, high))}", path)
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in children:
        yield from _everywhere(item, (*path, key))


def _choices(value: Any, steps: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The allowed values, if the value is one of `_CHOICES`."""
    for end, choices in _CHOICES.items() if isinstance(value, str) and steps and steps[-1] in _CHOSEN else ():
        if steps[-len(end) :] == end and value not in choices:
            yield choices


def _deployed(pod: Spec) -> Iterator[Mistake]:
    """https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#pod-template."""
    if pod.get("restartPolicy", "Always") != "Always":
        yield Mistake(
            "must be Always, because the operator puts the pod into a Deployment", "remove it", ("restartPolicy",)
        )
    if "activeDeadlineSeconds" in pod:
        rule = "is forbidden, because the operator puts the pod into a Deployment"
        yield Mistake(rule, "remove it", ("activeDeadlineSeconds",))


def _whole_pod(pod: Spec) -> Iterator[Mistake]:
    if "ephemeralContainers" in pod:
        yield Mistake(
            "are for pods that run already", "use `initContainers`, or remove it", ("ephemeralContainers",), None
        )
    if pod.get("dnsPolicy") == "None" and not pod.get("dnsConfig", {}).get("nameservers"):
        fix = "add `dnsConfig: {nameservers: [10.96.0.10]}` with the address of yours, or remove it"
        yield Mistake("needs a name server", fix, ("dnsPolicy",))
    for index, volume in enumerate(pod.get("volumes", ())):
        yield from _volume(("volumes", index), volume)
    for index, item in enumerate(pod.get("tolerations", ())):
        yield from toleration(("tolerations", index), item)
    required = pod.get("affinity", {}).get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    if isinstance(required, dict) and not required.get("nodeSelectorTerms"):
        place = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
        yield Mistake("needs at least one of `nodeSelectorTerms`", "remove it, or add one", place, None)
    yield from expressions(pod.get("affinity", {}), ("affinity",))
    for key, value in pod.get("nodeSelector", {}).items():
        if not re.fullmatch(names.LABEL_VALUE, str(value)):
            yield Mistake("must be a label value", "use a label that a node has", ("nodeSelector", key))


def _volume(path: Path, volume: Spec) -> Iterator[Mistake]:
    if not re.fullmatch(names.LABEL, volume["name"]) or len(volume["name"]) > names.DNS_LABEL_LENGTH:
        yield Mistake("must be a DNS label", f"try '{names.suggestion(volume['name'])}'", (*path, "name"))
    sources = [key for key in volume if key != "name"]
    if len(sources) != 1:
        fix = f"keep one of {' and '.join(sources)}" if sources else "add one, such as `emptyDir: {}`"
        yield Mistake("needs exactly one source", fix, path, None)


def _container(path: Path, box: Spec, volumes: set[str]) -> Iterator[Mistake]:
    if not re.fullmatch(names.LABEL, box["name"]) or len(box["name"]) > names.DNS_LABEL_LENGTH:
        yield Mistake("must be a DNS label", f"try '{names.suggestion(box['name'])}'", (*path, "name"))
    ports = {port["name"] for port in box.get("ports", ()) if "name" in port}
    if "image" not in box:
        rule = "is missing, and an additional container needs one"
        yield Mistake(
            rule, "add `image`, or call it 'scheduler' or 'worker' if you mean the pod's own", (*path, "image"), None
        )
    yield from _ports((*path, "ports"), box)
    yield from _mounts((*path, "volumeMounts"), box, volumes)
    yield from _variables((*path, "env"), box)
    for field in (*PROBES, "lifecycle"):
        if field in box and path[0] == "initContainers":
            yield Mistake(
                "is not for init containers, which end before the others begin", "remove it", (*path, field), None
            )
    for probe in PROBES:
        yield from _handler((*path, probe), box.get(probe), ports)
        if probe != "readinessProbe" and (box.get(probe) or {}).get("successThreshold", 1) != 1:
            yield Mistake("must be 1 for this probe", "use 1", (*path, probe, "successThreshold"))
    for hook, handler in box.get("lifecycle", {}).items():
        yield from _handler((*path, "lifecycle", hook), handler, ports)
    context = box.get("securityContext", {})
    if context.get("privileged") and context.get("allowPrivilegeEscalation") is False:
        fix = "add `allowPrivilegeEscalation: true`"
        yield Mistake("cannot be without escalation of privileges", fix, (*path, "securityContext", "privileged"))
    yield from container_resources((*path, "resources"), box.get("resources", {}))


def _ports(path: Path, box: Spec) -> Iterator[Mistake]:
    taken: set[str] = set()
    for index, port in enumerate(box.get("ports", ())):
        name = port.get("name")
        if name is None:
            continue
        if not re.fullmatch(r"(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*", name) or len(name) > 15:
            rule = "must be a port's name: at most 15 lower-case letters, digits and '-', and one letter at least"
            yield Mistake(rule, "shorten or rename it", (*path, index, "name"))
        elif name in taken:
            yield Mistake("is the name of two ports", "rename one", (*path, index, "name"))
        taken.add(name)


def _mounts(path: Path, box: Spec, volumes: set[str]) -> Iterator[Mistake]:
    places: dict[str, str] = {}
    for index, mount in enumerate(box.get("volumeMounts", ())):
        if "name" not in mount or "mountPath" not in mount:
            continue
        normal = posixpath.normpath(mount["mountPath"])
        if mount["name"] not in volumes:
            fix = f"use {' or '.join(map(repr, sorted(volumes)))}, or add a volume" if volumes else "add the volume"
            yield Mistake("is not a volume of the pod", fix, (*path, index, "name"))
        if not mount["mountPath"].startswith("/") or ":" in mount["mountPath"] or normal == "/":
            yield Mistake(
                "must be an absolute path without ':', and not '/'", "try '/data'", (*path, index, "mountPath")
            )
        elif normal in places:
            rule = f"is already where '{places[normal]}' is mounted"
            yield Mistake(rule, "mount it somewhere else", (*path, index, "mountPath"))
        places[normal] = mount["name"]
        below = str(mount.get("subPath", ""))
        if below.startswith("/") or ".." in below.split("/"):
            inside = posixpath.normpath("/" + below.lstrip("/")).strip("/")
            yield Mistake(
                "must be a path inside the volume, without '..'", f"try '{inside}'", (*path, index, "subPath")
            )


def _variables(path: Path, box: Spec) -> Iterator[Mistake]:
    for index, variable in enumerate(box.get("env", ())):
        if "name" in variable and not re.fullmatch(names.ENV, variable["name"]):
            rule = "must consist of letters, digits and '_', not starting with a digit"
            yield Mistake(rule, "rename it", (*path, index, "name"))
        source = variable.get("valueFrom")
        if source is not None and len(source) != 1:
            fix = f"keep one of {' and '.join(source)}" if source else "add one, such as `secretKeyRef`"
            yield Mistake("needs exactly one source", fix, (*path, index, "valueFrom"), None)
    for index, source in enumerate(box.get("envFrom", ())):
        if len(source.keys() & {"secretRef", "configMapRef"}) != 1:
            place = (*path[:-1], "envFrom", index)
            yield Mistake("needs exactly one of secretRef and configMapRef", "keep one", place, None)


def _handler(path: Path, handler: Spec | None, ports: set[str]) -> Iterator[Mistake]:
    """A probe or a hook: one way to ask, and a port that exists."""
    if handler is None:
        return
    given = [key for key in HANDLERS if key in handler]
    if len(given) != 1:
        yield Mistake(f"needs exactly one of {', '.join(HANDLERS[:3])}", "keep one" if given else "add one", path, None)
        return
    port = handler[given[0]].get("port")
    if isinstance(port, str) and not port.isdigit() and port not in ports:
        fix = f"use {' or '.join(map(repr, sorted(ports)))}" if ports else "use the port's number"
        yield Mistake("is not a port of the container", fix, (*path, given[0], "port"))
