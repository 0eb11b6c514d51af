"""Explains why a cluster does not become ready, from its pods and Deployments.

Some reasons never resolve by themselves (`fatal`): a wrong image, a crash loop, a policy's refusal. A pod that fits on
no node, or exceeds a quota, is only reported: a cluster autoscaler may be adding one, and a quota may be given back.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Object = dict[str, Any]

_NEVER = {
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
}
CRASH_LOOP = "CrashLoopBackOff"
PULL_BACK_OFF = "ImagePullBackOff"
_PULL = {"ErrImagePull", PULL_BACK_OFF}
# Restarts count while they are news: a worker that moved with its scheduler weeks ago is healthy.
_CRASHES = 2
_NEWS = timedelta(minutes=10)
_TAIL = 300
_PASSING = ("exceeded quota", "failed calling webhook", "connection refused", "etcdserver", "context deadline exceeded")


@dataclass(frozen=True)
class Trouble:
    """One problem of one object."""

    where: str
    reason: str
    message: str
    fatal: bool

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}: {self.message}" if self.message else f"{self.where}: {self.reason}"


def pod_troubles(pods: Iterable[Object]) -> list[Trouble]:
    """All problems of the pods, the fatal ones first."""
    found = [trouble for pod in pods for trouble in _pod(pod)]
    return sorted(found, key=lambda trouble: not trouble.fatal)


def _pod(pod: Object) -> Iterable[Trouble]:
    where, status = f"pod {pod['metadata']['name']}", pod.get("status", {})
    if status.get("phase") == "Failed" and any(
        it["kind"] == "ReplicaSet" for it in pod["metadata"].get("ownerReferences", [])
    ):
        return  # evicted, or its node is missing: Kubernetes keeps it, and its Deployment has created another one
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield Trouble(where, condition.get("reason", "Unschedulable"), condition.get("message", ""), fatal=False)
    if status.get("reason") == "Evicted":
        yield Trouble(where, "Evicted", status.get("message", ""), fatal=True)
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        yield from _container(where, container)


def _container(where: str, status: Object) -> Iterable[Trouble]:
    waiting = status.get("state", {}).get("waiting") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    last = (status.get("lastState") or {}).get("terminated") or (status.get("state") or {}).get("terminated") or {}
    if reason in _NEVER:
        yield Trouble(where, reason, _words(message, last), fatal=True)
    elif reason in _PULL:
        # The first failed pull may be a passing one; kubelet calls the second BackOff.
        yield Trouble(where, reason, f"image {status.get('image')}: {message}", fatal=reason == PULL_BACK_OFF)
    elif reason == CRASH_LOOP or _keeps_crashing(status, last):
        yield Trouble(where, CRASH_LOOP, _words("", last), fatal=True)


def _keeps_crashing(status: Object, last: Object) -> bool:
    if status.get("ready") or status.get("restartCount", 0) < _CRASHES or not last.get("finishedAt"):
        return False
    return datetime.now(UTC) - datetime.fromisoformat(last["finishedAt"]) < _NEWS


def _words(message: str, last: Object) -> str:
    """The end of the container's own output, which says more than kubelet's message."""
    told = [message] if message else []
    if last:
        told.append(f"{last.get('reason', 'ended')} with exit code {last.get('exitCode')}")
        if last.get("message"):
            told.append(_last_lines(last["message"].strip()))
    return ", ".join(told)


def _last_lines(text: str) -> str:
    """The end of a text, from the beginning of a line if possible."""
    end = text[-_TAIL:]
    return end if len(end) == len(text) else end.partition("\n")[2] or end


def deployment_troubles(deployments: Iterable[Object]) -> list[Trouble]:
    """Deployments whose pods are refused: an exceeded quota, Pod Security, a missing service account."""
    refused = [
        (deployment["metadata"]["name"], condition["reason"], condition.get("message", ""))
        for deployment in deployments
        for condition in deployment.get("status", {}).get("conditions", [])
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True"
    ]
    return [Trouble(f"deployment {name}", reason, words, not may_pass(words)) for name, reason, words in refused]


def may_pass(refusal: str) -> bool:
    """Whether pods that are refused in these words may be accepted later, without a change of what is declared.

    Their controller tries again; a quota may be given back, and a webhook or etcd may answer again.
    """
    return any(words in refusal for words in _PASSING)


def started(pod: Object) -> bool:
    """Whether all containers run or have run, so that what comes next is up to Dask."""
    statuses = _statuses(pod)
    return bool(statuses) and all(not (status.get("state") or {}).get("waiting") for status in statuses)


def ends(pod: Object, own: Collection[str]) -> list[Object]:
    """How the containers `own` have ended; none before all of them have.

    A container that a webhook has added (a mesh's sidecar) never ends, or fails, and the pod's phase is about that one.
    """
    states = [it.get("state") or {} for it in _statuses(pod) if it["name"] in own]
    found = [state["terminated"] for state in states if "terminated" in state]
    return found if len(found) == len(own) else []


def runs(pod: Object, container: str) -> bool:
    """Whether the container runs right now."""
    statuses = _statuses(pod)
    return any(it["name"] == container and "running" in (it.get("state") or {}) for it in statuses)


def others_run(pod: Object, own: Collection[str]) -> bool:
    """Whether a container that is not one of `own` has not ended."""
    others = [it for it in _statuses(pod) if it["name"] not in own]
    return any("terminated" not in (it.get("state") or {}) for it in others)


def ready(pod: Object) -> bool:
    """Whether the pod answers its readiness probe."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(it["type"] == "Ready" and it["status"] == "True" for it in conditions)


def ready_since(pod: Object) -> str:
    """Since when the pod answers its readiness probe: ISO 8601 in UTC, empty if that is unknown."""
    conditions = pod.get("status", {}).get("conditions", [])
    return next((it.get("lastTransitionTime") or "" for it in conditions if it["type"] == "Ready"), "")


def last_run_began(pod: Object) -> str:
    """When the last process that has ended was started, as `ready_since`; later than any time if that is unknown."""
    ended = [(it.get("lastState") or {}).get("terminated") or {} for it in _statuses(pod)]
    return max((it["startedAt"] for it in ended if it.get("startedAt")), default="9")


def is_operator(pod: Object) -> bool:
    """Whether a container of a pod or a template runs the Dask operator: by its name, its image or its arguments."""
    words = [
        word
        for it in pod.get("spec", {}).get("containers", [])
        for word in (it.get("name", ""), it.get("image", ""), *it.get("command", []), *it.get("args", []))
    ]
    return any(re.search(r"dask[-_]kubernetes[-_.]operator", word) for word in words)


def age(live: Object) -> float:
    """Seconds since an object was created, by this machine's clock; 0 if that is unknown or in the future."""
    return age_of(live.get("metadata", {}).get("creationTimestamp") or "")


def age_of(time: str) -> float:
    """Seconds since an ISO 8601 time; 0 if it is empty or in the future."""
    if not time:
        return 0.0
    then = datetime.fromisoformat(time)
    return max(0.0, (datetime.now(UTC) - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds())


def phase(pod: Object) -> str:
    """What a pod is doing, in a word or two."""
    status = pod.get("status", {})
    states = [it.get("state", {}).get("waiting") or {} for it in status.get("containerStatuses", [])]
    reasons = [it["reason"] for it in states if it.get("reason")]
    return ", ".join(dict.fromkeys(reasons)) or status.get("phase", "Pending")


def claims(pod: Object) -> list[str]:
    """The names of the pod's PersistentVolumeClaims."""
    name, found = pod["metadata"]["name"], []
    for volume in pod.get("spec", {}).get("volumes", []):
        if claim := volume.get("persistentVolumeClaim"):
            found.append(claim["claimName"])
        elif "ephemeral" in volume:
            found.append(f"{name}-{volume['name']}")
    return found


def _statuses(pod: Object) -> list[Object]:
    return pod.get("status", {}).get("containerStatuses", [])
