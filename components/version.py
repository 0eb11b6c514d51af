"""One version of a cluster: the DaskCluster, its worker groups, its autoscaler, and the Job that verifies it.

A suspended cluster has none.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pulumi
from pulumi import Output, Resource, ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceOptions

from .kube.client import Connection
from .lifecycle import adoption, elastic, readiness, repair
from .manifests.declared import DeclaredCluster
from .objects import KubernetesObject, binding_of, name_of

# How long a pod may take to end after its grace period: its volumes, its finalizers, the operator's turn.
_DELETE_MARGIN_SECONDS = 300
# The number of workers that the autoscaler writes.
_FOLLOWS = ["spec.worker.replicas"]


class Version:
    """Registers the objects of one version."""

    def __init__(
        self, declared: DeclaredCluster, connection: Connection, child: Callable[..., ResourceOptions]
    ) -> None:
        """`child` makes the options of an object that belongs to the cluster's component."""
        self._declared, self._connection, self._child = declared, connection, child

    def register(self, depends_on: list[Resource]) -> list[Resource]:
        """Everything but the verify Job. Returns what has to exist before the cluster is verified."""
        dask = self._dask_cluster(depends_on)
        workers = [dask, *self._worker_groups(dask)]
        repair.keep(self._connection, self._declared, workers)
        return workers + self._autoscaler(workers)

    def _dask_cluster(self, depends_on: list[Resource]) -> Resource:
        """The custom resource and what belongs to this version of it alone."""
        declared, cluster = self._declared, self._declared.settings
        recreate = cluster.update == "recreate"
        body, content = declared.dask_cluster, Output.from_input(declared.content_hash)
        limits = _timeouts(body, create=cluster.ready_timeout)
        if cluster.adopt:
            spec = Output.from_input(adoption.spec(self._connection, declared))
            body = body | {"spec": spec}
            content = spec.apply(partial(adoption.content, declared))
        options = self._child(
            depends_on,
            ignore_changes=_FOLLOWS if cluster.workers.autoscaled else None,
            # The same name cannot exist twice, so it is deleted first.
            delete_before_replace=recreate or None,
            replacement_trigger=content if recreate else None,
            import_=f"{declared.namespace}/{declared.physical_name}" if cluster.adopt else None,
            custom_timeouts=limits,
        )
        dask = KubernetesObject(declared.physical_name, body, options)
        if budget := declared.disruption_budget:
            KubernetesObject(name_of(budget), budget, self._child([dask]))
        return dask

    def _worker_groups(self, dask: Resource) -> list[Resource]:
        made: list[Resource] = []
        for body in self._declared.worker_groups.values():
            ignored = _FOLLOWS if self._declared.groups[name_of(body)].autoscaled else None
            options = self._child([dask], ignore_changes=ignored, custom_timeouts=_timeouts(body))
            made.append(KubernetesObject(name_of(body), body, options))
        return made

    def _autoscaler(self, workers: list[Resource]) -> list[Resource]:
        """The autoscaler, one object after the other: its permissions exist before it starts."""
        made: list[KubernetesObject] = []
        for body in self._declared.autoscaler:
            options = self._child([*workers, *made])
            if body["kind"] == "RoleBinding":
                body = binding_of(made[-1], body)
            if body["kind"] == "Deployment":
                hook = elastic.takes_over(self._connection, self._declared)
                options = ResourceOptions.merge(options, ResourceOptions(hooks=hook))
            made.append(KubernetesObject(f"{name_of(body)}-{body['kind'].lower()}", body, options))
        return [*made]

    def verify(self, workers: list[Resource]) -> Resource:
        """The Job that computes on `workers`."""
        declared, connection = self._declared, self._connection

        async def scheduler_has_a_name(_: ResourceHookArgs) -> None:
            await readiness.await_service(connection, declared)

        job = declared.verify_job
        hook = ResourceHook(f"{name_of(job)}-service", scheduler_has_a_name)
        options = self._child(
            workers,
            hooks=ResourceHookBinding(before_create=[hook]),
            # A policy that rewrites the Job's pods would have it replaced in every run. Its name holds their content.
            ignore_changes=["spec.template"],
        )
        return KubernetesObject(name_of(job), job, options)


def _timeouts(body: dict[str, Any], create: str | None = None) -> pulumi.CustomTimeouts:
    """Deletion waits for the pods, and so for the longest grace period of a role (the provider's own limit: 10 min)."""
    roles = [body["spec"][role]["spec"] for role in ("scheduler", "worker") if role in body["spec"]]
    grace = max(role.get("terminationGracePeriodSeconds", 30) for role in roles)
    return pulumi.CustomTimeouts(create=create, delete=f"{grace + _DELETE_MARGIN_SECONDS}s")
