"""The objects that the operator and Kubernetes create from ours: Deployments, a Service, and pods.

They are a pure function of the DaskCluster (controller.py, `build_*`). Importing the operator's own builders would take
half a second of every preview, so they are written again here, and tests/contract compares the two.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ..manifests.schedule import created_by
from ..vocabulary import API_VERSIONS, CLUSTER_NAME, COMM_PORT, COMPONENT, DEFAULT_GROUP, NO_SIDECAR, WORKER_GROUP

Spec = dict[str, Any]
Role = Literal["scheduler", "worker", "runner", "verify", "schedule", "autoscaler"]
_NOT_COPIED = ("kopf.zalando.org", "kubectl.kubernetes.io")
# The operator's own names end in ten random digits.
_SOME_WORKER = "0123456789"
# No object has it: the garbage collector would look for the owner, and a dry run leaves nothing to collect.
_NO_UID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Made:
    """An object that comes of one of ours, and whose pod it is about."""

    role: Role
    body: Spec


def made_of(body: Spec) -> list[Made]:
    """What comes of one of our objects that leads to pods, with one worker of each group."""
    kind, name, spec = body["kind"], body["metadata"]["name"], body.get("spec", {})
    if kind == "DaskCluster":
        return [*_scheduler(body), *_worker(body, name, f"{name}-{DEFAULT_GROUP}", spec["worker"])]
    if kind == "DaskWorkerGroup":
        return [*_worker(body, spec["cluster"], name, spec["worker"])]
    if kind == "DaskJob":
        cluster = body | {"kind": "DaskCluster", "spec": spec["cluster"]["spec"]}
        return [Made("runner", _runner(body, spec["job"])), *made_of(cluster)]
    if kind == "Job":
        of_autoscaler = spec["template"]["metadata"]["labels"][COMPONENT] == "autoscaler"
        return [Made("autoscaler" if of_autoscaler else "verify", _pod(body))]
    if kind == "CronJob":
        job = spec["jobTemplate"] | {"kind": "Job"}
        job["metadata"] = job.get("metadata", {}) | {"name": name, "namespace": body["metadata"]["namespace"]}
        dask_job, *autoscaler = created_by(body)
        made = [Made("schedule", _pod(job)), Made("runner", dask_job), *made_of(dask_job)]
        for one in autoscaler[-1:]:
            made += [Made("autoscaler", one), *made_of(one)]
        return made
    return []


def _scheduler(body: Spec) -> Iterator[Made]:
    name, role = body["metadata"]["name"], body["spec"]["scheduler"]
    metadata = _metadata(body, role) | {"name": f"{name}-scheduler", "namespace": body["metadata"]["namespace"]}
    metadata["labels"] |= {CLUSTER_NAME: name, COMPONENT: "scheduler"}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": copy.deepcopy(metadata), "spec": role["service"]}
    metadata["labels"] |= {NO_SIDECAR: "false"}
    yield from _deployed("scheduler", metadata, role["spec"])
    yield Made("scheduler", service)


def _worker(body: Spec, cluster: str, group: str, role: Spec) -> Iterator[Made]:
    name, namespace = f"{group}-worker-{_SOME_WORKER}", body["metadata"]["namespace"]
    metadata = _metadata(body, role) | {"name": name, "namespace": namespace}
    metadata["labels"] |= {
        CLUSTER_NAME: cluster,
        WORKER_GROUP: group,
        COMPONENT: "worker",
        NO_SIDECAR: "false",
    }
    variables = {"DASK_WORKER_NAME": name, "DASK_SCHEDULER_ADDRESS": _scheduler_address(cluster, namespace)}
    yield from _deployed("worker", metadata, _with_variables(role["spec"], variables))


def _runner(body: Spec, role: Spec) -> Spec:
    name, namespace = body["metadata"]["name"], body["metadata"]["namespace"]
    metadata = _metadata(body, role) | {"name": f"{name}-runner", "namespace": namespace}
    metadata["labels"] |= {
        CLUSTER_NAME: name,
        COMPONENT: "job-runner",
        NO_SIDECAR: "false",
    }
    pod = _with_variables(role["spec"], {"DASK_SCHEDULER_ADDRESS": _scheduler_address(name, namespace)})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod}


def _deployed(role: Role, metadata: Spec, pod: Spec) -> Iterator[Made]:
    """A Deployment, and the pod that its ReplicaSet creates: most policies judge pods, not Deployments."""
    template = {"metadata": copy.deepcopy(metadata), "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": metadata["labels"]}, "template": template}
    deployment = {"apiVersion": API_VERSIONS["Deployment"], "kind": "Deployment", "metadata": metadata, "spec": spec}
    yield Made(role, deployment)
    yield Made(role, _pod(deployment))


def _pod(owner: Spec) -> Spec:
    """A pod as its controller creates it: policies let pods without an owner pass, or refuse them."""
    meta, template = owner["metadata"], owner["spec"]["template"]
    is_job = owner["kind"] == "Job"
    reference = {
        "apiVersion": API_VERSIONS["Job" if is_job else "Deployment"],
        "kind": "Job" if is_job else "ReplicaSet",
        "name": meta["name"] if is_job else f"{meta['name']}-{_SOME_WORKER}",
        "uid": _NO_UID,
        "controller": True,
    }
    kept = {key: value for key, value in template.get("metadata", {}).items() if key in ("labels", "annotations")}
    metadata = kept | {"namespace": meta["namespace"], "generateName": f"{reference['name']}-"}
    metadata["ownerReferences"] = [reference]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def _metadata(body: Spec, role: Spec) -> Spec:
    """The role's annotations and labels over the object's."""
    meta, own = body["metadata"], role.get("metadata", {})
    copied = {key: it for key, it in meta.get("annotations", {}).items() if not key.startswith(_NOT_COPIED)}
    return {
        "annotations": copied | own.get("annotations", {}),
        "labels": meta.get("labels", {}) | own.get("labels", {}),
    }


def _with_variables(pod: Spec, variables: dict[str, str]) -> Spec:
    built = copy.deepcopy(pod)
    for container in built["containers"]:
        env = container.setdefault("env", [])
        names = {item["name"] for item in env}
        env += [{"name": name, "value": value} for name, value in variables.items() if name not in names]
    return built


def _scheduler_address(cluster: str, namespace: str) -> str:
    return f"tcp://{cluster}-scheduler.{namespace}.svc.cluster.local:{COMM_PORT}"
