"""The Deployments, Services and pods that the operator creates from our Dask objects, from its own code.

The builders are those of the pinned wheel, so a new operator version is tested with our objects before it runs.
"""

import warnings
from typing import Any

Body = dict[str, Any]
UUID = "0123456789"  # as long as the operator's (controller.py: uuid4().hex[:10])

with warnings.catch_warnings():
    # The wheel's own imports warn of deprecated names in its dependencies.
    warnings.simplefilter("ignore")
    from dask_kubernetes.operator.controller import controller


def made_of(body: Body) -> list[Body]:
    """The objects that come of a DaskCluster, a DaskWorkerGroup or a DaskJob with one worker in each group."""
    name, spec = body["metadata"]["name"], body.get("spec", {})
    if body["kind"] == "DaskCluster":
        return [*_scheduler(body), _worker(body, name, f"{name}-default", spec["worker"])]
    if body["kind"] == "DaskWorkerGroup":
        return [_worker(body, spec["cluster"], name, spec["worker"])]
    if body["kind"] == "DaskJob":
        annotations, labels = _metadata(body, spec["job"])
        namespace = body["metadata"]["namespace"]
        runner = controller.build_job_pod_spec(name, name, namespace, spec["job"]["spec"], annotations, labels)
        cluster = body | {"kind": "DaskCluster", "spec": spec["cluster"]["spec"]}
        return [runner, *made_of(cluster)]
    return []


def _scheduler(body: Body) -> list[Body]:
    name, role = body["metadata"]["name"], body["spec"]["scheduler"]
    annotations, labels = _metadata(body, role)
    return [
        controller.build_scheduler_deployment_spec(name, role["spec"], annotations, labels),
        controller.build_scheduler_service_spec(name, role["service"], annotations, labels),
    ]


def _worker(body: Body, cluster: str, group: str, role: Body) -> Body:
    annotations, labels = _metadata(body, role)
    namespace = body["metadata"]["namespace"]
    return controller.build_worker_deployment_spec(group, namespace, cluster, UUID, role["spec"], annotations, labels)


def _metadata(body: Body, role: Body) -> tuple[dict[str, str], dict[str, str]]:
    """The role's annotations and labels laid over the object's, as in controller.py."""
    own = role.get("metadata", {})
    return (
        body["metadata"].get("annotations", {}) | own.get("annotations", {}),
        body["metadata"]["labels"] | own.get("labels", {}),
    )
