"""Renders the objects of a job with a schedule: a CronJob whose pod creates the DaskJob of each run and awaits its end.

A DaskJob belongs to the Job of its run, and so Kubernetes itself deletes it: with a Job that is no longer kept, and
with the CronJob. So does what makes its workers follow the work. The pod runs no code of users. The permissions of its
account are for its namespace as a whole, because RBAC selects no objects by the beginning of a name; those of an
autoscaler name its run.
"""

import json
from collections.abc import Mapping
from typing import Any

from ..manifests import pod as podspec
from ..manifests.context import PodContext, Spec
from ..manifests.metadata import pod_metadata
from ..manifests.rights import account
from ..settings.formats.quantities import seconds
from ..settings.job import Job
from ..settings.pod import merge
from ..vocabulary import COMPONENT, NO_PROXY_INJECTED

ROLE = "schedule"
# How late a run may start. Without a limit, Kubernetes starts at once what was missed while a job was suspended, and
# what a changed schedule would have had earlier.
START_SECONDS = 600
# The exit code of scripts/run_job.py for a run that has failed. All others are faults of the pod, which starts again.
RUN_FAILED = 3


def scheduled(settings: Job, context: PodContext, dask_job: Spec, autoscaler: list[Spec]) -> list[Spec]:
    """The ServiceAccount, its permissions and the CronJob, in the order of their creation.

    `autoscaler` are the objects that each run's DaskJob is created with; none for a fixed number of workers.
    """
    name = f"{context.name}-{ROLE}"
    # Kubernetes lets nobody grant what they do not have.
    granted = [rule for body in autoscaler if body["kind"] == "Role" for rule in body["rules"]]
    return [
        *account(context, name, [*_rules(), *(_follow(granted) if granted else [])]),
        _cron_job(settings, context, name, {"JOB": dask_job} | ({"AUTOSCALER": autoscaler} if autoscaler else {})),
    ]


def created_by(body: Spec) -> list[Spec]:
    """What the pod of a CronJob creates, the DaskJob first, under the names that the real ones replace."""
    [container] = body["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    values = {it["name"]: it.get("value", "").replace("$$", "$") for it in container["env"]}
    return [json.loads(values["JOB"]), *json.loads(values.get("AUTOSCALER", "[]"))]


def _rules() -> list[Spec]:
    return [
        {"apiGroups": ["kubernetes.dask.org"], "resources": ["daskjobs"], "verbs": ["get", "create", "delete"]},
        {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get"]},
        # A Job that is deleted in the foreground waits for its DaskJobs. Where Kubernetes checks who may ask for that
        # (OwnerReferencesPermissionEnforcement, as on OpenShift), it asks for this permission.
        {"apiGroups": ["batch"], "resources": ["jobs/finalizers"], "verbs": ["update"]},
    ]


def _follow(granted: list[Spec]) -> list[Spec]:
    """The permissions to create an autoscaler, and those that it gets, of which no name is known beforehand."""
    create = {"verbs": ["get", "create"]}
    return [
        {"apiGroups": [""], "resources": ["serviceaccounts"]} | create,
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"]} | create,
        {"apiGroups": ["batch"], "resources": ["jobs"]} | create,
        *({key: it for key, it in rule.items() if key != "resourceNames"} for rule in granted),
    ]


def _cron_job(settings: Job, context: PodContext, name: str, created: Mapping[str, Any]) -> Spec:
    own, metadata = {COMPONENT: ROLE}, context.object("Job", "")["metadata"]
    run: Spec = {
        "backoffLimit": 6,
        "podFailurePolicy": {
            "rules": [
                {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [RUN_FAILED]}},
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            ]
        },
        "template": {
            "metadata": pod_metadata(context, merge(settings, settings.runner), own, {NO_PROXY_INJECTED: "disabled"}),
            "spec": _pod(settings, context, name, created),
        },
    }
    if settings.ttl:
        run["ttlSecondsAfterFinished"] = seconds(settings.ttl)
    labels = {key: metadata[key] for key in ("labels", "annotations") if key in metadata}
    spec: dict[str, Any] = {
        "schedule": settings.schedule,
        "timeZone": settings.time_zone,
        "suspend": settings.suspended,
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": START_SECONDS,
        "successfulJobsHistoryLimit": settings.history.succeeded,
        "failedJobsHistoryLimit": settings.history.failed,
        "jobTemplate": {"metadata": labels, "spec": run},
    }
    return context.object("CronJob", context.name) | {"spec": spec}


def _pod(settings: Job, context: PodContext, account: str, created: Mapping[str, Any]) -> Spec:
    # Kubernetes replaces `$(NAME)` in the value of a variable, and takes `$$` for a `$`.
    values = {name: json.dumps(it, sort_keys=True).replace("$", "$$") for name, it in created.items()}
    values |= {"NAME": context.cluster_name, "NAMESPACE": context.namespace}
    values |= {"RETRIES": str(settings.retries), "TIMEOUT_SECONDS": str(seconds(settings.timeout))}
    return podspec.schedule(ROLE, merge(settings, settings.runner), context, account, values)
