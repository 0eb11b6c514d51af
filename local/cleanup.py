"""What of a stack is on a cluster, and taking it away in safe order. In: the stack's label. Out: deletions.

Ours is what carries the label `app.kubernetes.io/part-of: <project>-<stack>` and was written by `local-apply`. An owner
says nothing: the Dask operator copies labels to what it makes, and adopts the worker groups that we make. CRDs are
never touched.
"""

from collections.abc import Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from components.names import PART_OF
from local import helm
from local.awaits import until_gone
from local.live import ApiError, Cluster
from local.objects import PROTECT, RETAIN
from local.progress import DEFAULT_TIMEOUT_SECONDS, NotInTimeError
from local.record import Record
from local.refs import MANAGER, Ref, managers, ref_of

DASK = "kubernetes.dask.org/v1"
# Every kind that the program can register, in the order of deletion: clusters while their operator still runs, then
# what they use, and namespaces last. Kinds that the cluster does not know are skipped.
STAGES: tuple[tuple[tuple[str, str], ...], ...] = (
    ((DASK, "DaskAutoscaler"), (DASK, "DaskJob"), (DASK, "DaskWorkerGroup"), (DASK, "DaskCluster")),
    (
        ("batch/v1", "Job"),
        ("v1", "Service"),
        ("v1", "ConfigMap"),
        ("v1", "Secret"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding"),
        ("rbac.authorization.k8s.io/v1", "Role"),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
        ("v1", "ServiceAccount"),
        ("v1", "ResourceQuota"),
        ("v1", "LimitRange"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("policy/v1", "PodDisruptionBudget"),
        ("monitoring.coreos.com/v1", "ServiceMonitor"),
        ("monitoring.coreos.com/v1", "PodMonitor"),
    ),
    (("v1", "Namespace"),),
)
_OPERATOR = "app.kubernetes.io/name=dask-kubernetes-operator"
_OPERATOR_GRACE_SECONDS = 15.0


class CleanupError(Exception):
    """Something cannot be deleted, and what to do about it."""


def of_stack(cluster: Cluster, part_of: str, namespaces: Set[str] = frozenset()) -> list[list[dict[str, Any]]]:
    """The stack's objects, stage by stage. `namespaces` are searched where listing the whole cluster is not allowed."""
    kinds = [(stage, api_version, kind) for stage, pairs in enumerate(STAGES) for api_version, kind in pairs]
    stages: list[list[dict[str, Any]]] = [[] for _ in STAGES]
    with ThreadPoolExecutor(len(kinds)) as pool:
        found = pool.map(lambda entry: list(_labelled(cluster, entry[1], entry[2], part_of, namespaces)), kinds)
        for (stage, _, _), objects in zip(kinds, found, strict=True):
            stages[stage] += objects
    return stages


def _labelled(
    cluster: Cluster, api_version: str, kind: str, part_of: str, namespaces: Set[str]
) -> Iterator[dict[str, Any]]:
    selector = f"{PART_OF}={part_of}"
    try:
        yield from cluster.list(api_version, kind, labelSelector=selector)
    except ApiError as error:
        if error.status != 403:
            raise
        if kind == "Namespace":  # an object of its own name; reading single ones may be allowed
            yield from filter(None, (cluster.get(Ref(api_version, kind, "", name)) for name in sorted(namespaces)))
            return
        if kind.startswith("ClusterRole"):  # who may not list them has made none
            return
        for namespace in sorted(namespaces):
            yield from cluster.list(api_version, kind, namespace, labelSelector=selector)


def ours(obj: dict[str, Any]) -> bool:
    """Whether `local-apply` has written this object, and may take it away."""
    return MANAGER in managers(obj) and RETAIN not in obj["metadata"].get("annotations", {})


def prune(cluster: Cluster, part_of: str, record: Record, preview: bool) -> None:
    """Delete what of the stack is on the cluster and was not registered in this run."""
    stages = of_stack(cluster, part_of, record.namespaces)
    gone = [[obj for obj in stage if ours(obj) and ref_of(obj).key not in record.registered] for stage in stages]
    there = helm.of_stack(cluster, part_of, record.namespaces)
    releases = [entry for entry in there if entry not in record.releases]
    if not preview:
        _refuse_protected(gone)
    _take_away(cluster, gone, releases, record, preview, force_finalizers=False)


def down(cluster: Cluster, part_of: str, record: Record, force_finalizers: bool) -> None:
    """Delete the whole stack: clusters, then what they use, the Helm releases, the namespaces."""
    stages = [[obj for obj in stage if ours(obj)] for stage in of_stack(cluster, part_of, record.namespaces)]
    releases = helm.of_stack(cluster, part_of, record.namespaces)
    _refuse_protected(stages)
    _take_away(cluster, stages, releases, record, preview=False, force_finalizers=force_finalizers)


def _refuse_protected(stages: list[list[dict[str, Any]]]) -> None:
    kept = [ref_of(obj) for stage in stages for obj in stage if obj["metadata"].get("annotations", {}).get(PROTECT)]
    if kept:
        names = ", ".join(map(str, kept))
        raise CleanupError(
            f"protected, so nothing was deleted: {names}; switch the protection off, run `up`, and try again"
        )


def _take_away(
    cluster: Cluster,
    stages: list[list[dict[str, Any]]],
    releases: list[tuple[str, str]],
    record: Record,
    preview: bool,
    force_finalizers: bool,
) -> None:
    clusters, others, namespaces = stages
    for objects in (clusters, others):
        _delete(cluster, objects, record, preview, force_finalizers)
    for namespace, name in releases:
        record.note("delete", f"Helm release {namespace}/{name}")
        if not preview:
            _warn_of_strangers(cluster, record)
            helm.uninstall(cluster, namespace, name, DEFAULT_TIMEOUT_SECONDS, record.progress)
    _delete(cluster, namespaces, record, preview, force_finalizers)


def _delete(
    cluster: Cluster, objects: list[dict[str, Any]], record: Record, preview: bool, force_finalizers: bool
) -> None:
    """Ask for all of them, then wait for all of them."""
    for obj in objects:
        record.note("delete", str(ref_of(obj)))
    if preview:
        return
    for obj in objects:
        cluster.delete(ref_of(obj))
        if force_finalizers and obj["apiVersion"] == DASK:
            _clear_finalizers(cluster, ref_of(obj))
    for obj in objects:
        _await_end(cluster, obj, record)


def _await_end(cluster: Cluster, obj: dict[str, Any], record: Record) -> None:
    ref, uid = ref_of(obj), obj["metadata"]["uid"]
    if obj["apiVersion"] != DASK:
        until_gone(cluster, ref, uid, record.progress, DEFAULT_TIMEOUT_SECONDS)
        return
    try:
        until_gone(cluster, ref, uid, record.progress, _OPERATOR_GRACE_SECONDS)
    except NotInTimeError as error:
        live = cluster.get(ref) or {"metadata": {}}
        held = any("kopf" in finalizer for finalizer in live["metadata"].get("finalizers", []))
        if held and not _operator_runs(cluster):
            raise CleanupError(
                f"{ref} waits for the Dask operator to let it go (its finalizer), and no operator is ready; the rest "
                "is left as it is. Bring the operator back, or, when it will not come back, "
                "`make down STACK=<stack> ARGS=--force-finalizers`: Kubernetes then deletes the pods by itself"
            ) from error
        until_gone(cluster, ref, uid, record.progress, DEFAULT_TIMEOUT_SECONDS)


def _operator_runs(cluster: Cluster) -> bool:
    pods = cluster.list("v1", "Pod", labelSelector=_OPERATOR)
    conditions = (condition for pod in pods for condition in pod.get("status", {}).get("conditions", []))
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _clear_finalizers(cluster: Cluster, ref: Ref) -> None:
    try:
        cluster.call("PATCH", cluster.path(ref), {"metadata": {"finalizers": None}}, "application/merge-patch+json")
    except ApiError as error:
        if error.status != 404:
            raise


def _warn_of_strangers(cluster: Cluster, record: Record) -> None:
    """The operator may serve other stacks too; without it their clusters run on, but nothing scales or deletes them."""
    try:
        strangers = [str(ref_of(obj)) for obj in cluster.list(DASK, "DaskCluster")]
    except ApiError as error:
        if error.status != 403:
            raise
        return  # whose rights end at a namespace has no operator for others
    if strangers:
        record.progress.say(f"warning: these clusters of others lose their operator: {', '.join(sorted(strangers))}")
