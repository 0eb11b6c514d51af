"""When an applied object is ready, as Pulumi's Kubernetes provider awaits it. In: a live object. Out: what is missing.

A Job counts when it is Complete, a Deployment when all its replicas are available, a LoadBalancer Service when it has
an ingress; everything else is ready once it is stored. While a Job runs, the reasons of its pods (no image, no room,
no quota) stand in the progress lines and in the error.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from local.live import ApiError, Cluster
from local.progress import Progress
from local.refs import Ref

SKIP_AWAIT = "pulumi.com/skipAwait"
TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds"


class NeverReadyError(Exception):
    """The object has failed for good."""


def until_ready(cluster: Cluster, ref: Ref, progress: Progress, timeout_seconds: float) -> dict[str, Any]:
    """Wait for the object and return it as it then is."""
    latest: dict[str, Any] = {}
    words = ""

    def look() -> str | None:
        nonlocal latest, words
        latest = cluster.get(ref) or {}
        if not latest:
            raise NeverReadyError(f"{ref} was deleted while it was being waited for")
        if why := failed_job(ref, latest):
            # A Job that ran out of time takes its pods away, so what they said last is all there is.
            raise NeverReadyError(f"{ref} failed ({why}); {_words_of_job(cluster, ref) or words or 'no pod said why'}")
        lacking = missing(cluster, ref, latest)
        words = lacking or words
        return lacking

    progress.until(str(ref), look, timeout_seconds)
    return latest


def until_gone(cluster: Cluster, ref: Ref, uid: str, progress: Progress, timeout_seconds: float) -> None:
    """Wait until this very object is no more; another one of the same name does not count."""

    def look() -> str | None:
        live = cluster.get(ref)
        if live is None or live["metadata"]["uid"] != uid:
            return None
        finalizers = ", ".join(live["metadata"].get("finalizers", []))
        return f"still being deleted; finalizers: {finalizers or 'none'}"

    progress.until(f"the end of {ref}", look, timeout_seconds)


def missing(cluster: Cluster, ref: Ref, live: Mapping[str, Any]) -> str | None:
    """What the object still lacks, or None."""
    if live["metadata"].get("annotations", {}).get(SKIP_AWAIT) == "true":
        return None
    spec, status = live.get("spec", {}), live.get("status", {})
    if ref.kind == "Job" and ref.key[0] == "batch":
        return _missing_of_job(cluster, ref, status)
    if ref.kind == "Deployment" and ref.key[0] == "apps":
        wanted, available = spec.get("replicas", 1), status.get("availableReplicas", 0)
        current = status.get("observedGeneration") == live["metadata"]["generation"]
        if current and status.get("updatedReplicas", 0) >= wanted and available >= wanted:
            return None
        return f"{available} of {wanted} replicas are available"
    if ref.kind == "Service" and ref.key[0] == "" and spec.get("type") == "LoadBalancer":
        return None if status.get("loadBalancer", {}).get("ingress") else "the load balancer has no address yet"
    return None


def failed_job(ref: Ref, live: Mapping[str, Any]) -> str | None:
    """Why a Job has failed, or None."""
    if ref.kind != "Job" or ref.key[0] != "batch":
        return None
    for condition in live.get("status", {}).get("conditions", []):
        if condition["type"] == "Failed" and condition["status"] == "True":
            return f"{condition.get('reason', '')}: {condition.get('message', '')}"
    return None


def _missing_of_job(cluster: Cluster, ref: Ref, status: Mapping[str, Any]) -> str | None:
    if any(c["type"] == "Complete" and c["status"] == "True" for c in status.get("conditions", [])):
        return None
    return _words_of_job(cluster, ref) or f"{status.get('active', 0)} pods active, {status.get('failed', 0)} failed"


def _words_of_job(cluster: Cluster, ref: Ref) -> str:
    return "; ".join(dict.fromkeys([*_pods_words(cluster, ref), *_events_words(cluster, ref)]))


def _pods_words(cluster: Cluster, ref: Ref) -> Iterator[str]:
    """Why each pod of the Job does not run, or how it ended: the termination message where there is one."""
    for pod in cluster.list("v1", "Pod", ref.namespace, labelSelector=f"batch.kubernetes.io/job-name={ref.name}"):
        name, status = pod["metadata"]["name"], pod.get("status", {})
        for condition in status.get("conditions", []):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                yield f"pod {name} is not scheduled: {condition.get('message', condition.get('reason', ''))}"
        for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
            state = container.get("state", {})
            waiting = state.get("waiting", {})
            ended = state.get("terminated") or container.get("lastState", {}).get("terminated")
            if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
                yield f"pod {name}, container {container['name']}: {waiting['reason']}: {waiting.get('message', '')}"
            if ended and ended.get("exitCode"):
                words = (ended.get("message") or "no termination message").strip()
                yield (
                    f"pod {name}, container {container['name']} ended with exit code {ended['exitCode']} "
                    f"({ended.get('reason', 'Error')}): {words}"
                )


def _events_words(cluster: Cluster, ref: Ref) -> Iterator[str]:
    """Why no pod could be made at all: quota, Pod Security, a missing service account."""
    selector = f"involvedObject.kind=Job,involvedObject.name={ref.name},reason=FailedCreate"
    try:
        events = list(cluster.list("v1", "Event", ref.namespace, fieldSelector=selector))
    except ApiError:  # no right to list events: the other words have to do
        return
    for event in events[-1:]:
        yield f"no pod could be made: {event.get('message', '')}"
