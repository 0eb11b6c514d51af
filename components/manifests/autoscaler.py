"""Renders the autoscaler of a cluster: a pod in the cluster's own image, and the permissions that it has.

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
from ..settings.workers import ScaledPods
from ..vocabulary import CLUSTER_NAME, COMPONENT, SKIP_AWAIT

ROLE = "autoscaler"


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


def _rules(cluster: str, elastic: list[str]) -> list[Spec]:
    dask = {"apiGroups": ["kubernetes.dask.org"]}
    return [
        dask | {"resources": ["daskclusters"], "resourceNames": [cluster], "verbs": ["get"]},
        dask | {"resources": ["daskworkergroups"], "resourceNames": elastic, "verbs": ["get", "patch"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list", "delete"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]},
    ]


def _deployment(settings: Cluster, context: PodContext, name: str, groups: Mapping[str, ScaledPods]) -> Spec:
    declared = {
        "namespace": context.namespace,
        "cluster": context.cluster_name,
        "groups": [_group(settings, group, it) for group, it in groups.items()],
    }
    pod = podspec.autoscaler(settings, context, name, json.dumps(declared, sort_keys=True))
    selector = {CLUSTER_NAME: context.cluster_name, COMPONENT: ROLE}
    # The readiness of the cluster waits for its pod, while the workers start.
    body = annotate(context.object("Deployment", name, selector), {SKIP_AWAIT: "true"})
    template = {"metadata": pod_metadata(context, settings.scheduler_pod(), selector), "spec": pod}
    # Never two at a time.
    spec = {"replicas": 1, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": selector}}
    return body | {"spec": spec | {"template": template}}


def _group(settings: Cluster, name: str, group: ScaledPods) -> Spec:
    """A group as the autoscaler's program takes it (scripts/elastic_state.py, Group)."""
    pod = settings.worker_pod(group)
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
