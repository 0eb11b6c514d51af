"""Renders the objects of a job with a schedule: a CronJob whose pod creates the DaskJob of each run and awaits its end.

A DaskJob belongs to the Job of its run, and so Kubernetes itself deletes it: with a Job that is no longer kept, and
with the CronJob. The pod runs no code of users. The permissions that its account has are for its namespace as a whole,
because RBAC selects no objects by the beginning of a name.
"""

import json
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


def scheduled(settings: Job, context: PodContext, dask_job: Spec) -> list[Spec]:
    """The ServiceAccount, its permissions and the CronJob, in the order of their creation."""
    name = f"{context.name}-{ROLE}"
    return [*account(context, name, _rules()), _cron_job(settings, context, name, dask_job)]


def dask_job_in(body: Spec) -> Spec:
    """The DaskJob that the pod of a CronJob creates, under the name that its real ones replace."""
    [container] = body["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    [text] = (it["value"] for it in container["env"] if it["name"] == "JOB")
    return json.loads(text.replace("$$", "$"))


def _rules() -> list[Spec]:
    return [
        {"apiGroups": ["kubernetes.dask.org"], "resources": ["daskjobs"], "verbs": ["get", "create", "delete"]},
        {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get"]},
        # A Job that is deleted in the foreground waits for its DaskJobs. Where Kubernetes checks who may ask for that
        # (OwnerReferencesPermissionEnforcement, as on OpenShift), it asks for this permission.
        {"apiGroups": ["batch"], "resources": ["jobs/finalizers"], "verbs": ["update"]},
    ]


def _cron_job(settings: Job, context: PodContext, name: str, dask_job: Spec) -> Spec:
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
            "spec": _pod(settings, context, name, dask_job),
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


def _pod(settings: Job, context: PodContext, account: str, dask_job: Spec) -> Spec:
    # Kubernetes replaces `$(NAME)` in the value of a variable, and takes `$$` for a `$`.
    job = json.dumps(dask_job, sort_keys=True).replace("$", "$$")
    values = {"JOB": job, "NAME": context.cluster_name, "NAMESPACE": context.namespace}
    values |= {"RETRIES": str(settings.retries), "TIMEOUT_SECONDS": str(seconds(settings.timeout))}
    return podspec.schedule(ROLE, merge(settings, settings.runner), context, account, values)
