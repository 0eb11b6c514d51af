"""The labels and annotations of pods."""

from ..manifests.context import PodContext, Spec
from ..settings.pod import PodSettings
from ..vocabulary import NO_SIDECAR


def role_metadata(pod: PodSettings) -> Spec:
    """The labels and annotations that the user gives the pods of a role."""
    metadata = {key: value for key, value in (("labels", pod.labels), ("annotations", pod.annotations)) if value}
    return {"metadata": metadata} if metadata else {}


def pod_metadata(
    context: PodContext, pod: PodSettings, labels: dict[str, str], annotations: dict[str, str] | None = None
) -> Spec:
    """The metadata of a pod that the program itself creates. `annotations` are defaults, which the user's override."""
    role = role_metadata(pod).get("metadata", {})
    # What is the stack's gives way to what is the role's, and everything to what selects the pod.
    given = context.common.below(role | {"annotations": (annotations or {}) | role.get("annotations", {})})
    own = given.get("labels", {}) | context.labels | labels | {NO_SIDECAR: "false"}
    return {key: value for key, value in (given | {"labels": own}).items() if value}
