"""Renders the autoscaler of a cluster or of a job: a pod in its own image, and the permissions that it has.

RBAC selects no objects by labels or by the beginning of a name, and a worker's Deployment has a random name. So the
Role names the worker groups that the autoscaler may change, and lets it list and delete Deployments of the namespace.
"""

import json
from collections.abc import Mapping

from ..manifests import pod as podspec
from ..manifests import worker_arguments as workerargs
from ..manifests.context import PodContext, Spec, annotate
from ..manifests.metadata import pod_metadata
from ..manifests.rights import account
from ..settings.cluster import Cluster
from ..settings.formats.quantities import seconds
from ..settings.job import Job
from ..settings.pod import PodSettings, merge
from ..settings.workers import ScaledPods
from ..vocabulary import CLUSTER_NAME, COMPONENT, DEFAULT_GROUP, NO_PROXY_INJECTED, SKIP_AWAIT

ROLE = "autoscaler"
# How often a fault of its own, or of its node, may end the pod of a job's autoscaler. Its pauses grow to minutes.
_RESTARTS = 100


def autoscaler(settings: Cluster, context: PodContext, groups: Mapping[str, ScaledPods]) -> list[Spec]:
    """The ServiceAccount, its permissions and the Deployment, in the order of their creation.

    `groups` are the settings of all worker groups by their names in Kubernetes. Empty if no group is autoscaled, and
    while the cluster is suspended.
    """
    if not settings.autoscaled or settings.suspended:
        return []
    name = f"{context.cluster_name}-{ROLE}"
    elastic = [group for group, it in groups.items() if it.autoscaled]
    rights = account(context, name, _rules(context.cluster_name, elastic))
    return [*rights, _deployment(settings, context, name, groups)]


def of_job(settings: Job, context: PodContext) -> list[Spec]:
    """The ServiceAccount, its permissions and the Job of a DaskJob's autoscaler; empty for a fixed number of workers.

    It ends with the cluster of the DaskJob, which the operator calls like the DaskJob and deletes at its end.
    """
    if not settings.workers.autoscaled:
        return []
    # The cluster's name may have 53 characters, and a Job's 63.
    cluster, group = context.cluster_name, f"{context.cluster_name}-{DEFAULT_GROUP}"
    name = f"{cluster}-elastic"
    dask_job = {"apiGroups": ["kubernetes.dask.org"], "resources": ["daskjobs"], "verbs": ["get"]}
    rules = [*_rules(cluster, [group]), dask_job | {"resourceNames": [cluster]}]
    return [*account(context, name, rules), _job(settings, context, name, group)]


def _rules(cluster: str, elastic: list[str]) -> list[Spec]:
    dask = {"apiGroups": ["kubernetes.dask.org"]}
    return [
        dask | {"resources": ["daskclusters"], "resourceNames": [cluster], "verbs": ["get"]},
        dask | {"resources": ["daskworkergroups"], "resourceNames": elastic, "verbs": ["get", "patch"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list", "delete"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]},
    ]


def _deployment(settings: Cluster, context: PodContext, name: str, groups: Mapping[str, ScaledPods]) -> Spec:
    known = [_group(group, it, settings.worker_pod(it)) for group, it in groups.items()]
    pod = podspec.autoscaler(settings.scheduler_pod(), context, name, _declared(context, known))
    selector = {CLUSTER_NAME: context.cluster_name, COMPONENT: ROLE}
    # The readiness of the cluster waits for its pod, while the workers start.
    body = annotate(context.object("Deployment", name, selector), {SKIP_AWAIT: "true"})
    template = {"metadata": pod_metadata(context, settings.scheduler_pod(), selector), "spec": pod}
    # Never two at a time.
    spec = {"replicas": 1, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": selector}}
    return body | {"spec": spec | {"template": template}}


def _job(settings: Job, context: PodContext, name: str, group: str) -> Spec:
    workers, scheduler = merge(settings, settings.workers), merge(settings, settings.scheduler)
    known = [_group(group, settings.workers, workers)]
    # A container that a webhook adds would run on after the autoscaler's end.
    alone = {NO_PROXY_INJECTED: "disabled"}
    template = {
        "metadata": pod_metadata(context, scheduler, {CLUSTER_NAME: context.cluster_name, COMPONENT: ROLE}, alone),
        "spec": podspec.autoscaler(scheduler, context, name, _declared(context, known, job=True))
        | {"restartPolicy": "OnFailure"},
    }
    body = annotate(context.object("Job", name), {SKIP_AWAIT: "true"})
    return body | {"spec": {"backoffLimit": _RESTARTS, "template": template}}


def _declared(context: PodContext, groups: list[Spec], *, job: bool = False) -> str:
    """What the autoscaler's program is told (scripts/elastic.py)."""
    about: Spec = {"namespace": context.namespace, "cluster": context.cluster_name, "groups": groups}
    return json.dumps(about | ({"job": True} if job else {}), sort_keys=True)


def _group(name: str, group: ScaledPods, pod: PodSettings) -> Spec:
    """A group as the autoscaler's program takes it (scripts/elastic_state.py, Group)."""
    about: Spec = {
        "name": name,
        "elastic": group.autoscaled,
        "processes": workerargs.processes(group, pod),
        "threads": workerargs.threads(group, pod),
        "resources": dict(group.dask_resources),
    }
    if group.autoscaled:
        about |= {"minimum": group.minimum, "maximum": group.maximum, "idle_seconds": seconds(group.idle_time)}
        about["starting"] = group.maximum_starting
    return about
