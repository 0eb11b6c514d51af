"""The DaskCluster component: one cluster with its worker groups, its endpoint and its connection record.

What `up` does, in this order: the DaskCluster and its worker groups, the verify Job, the endpoint Service, the drain
and the deletion of what was replaced. Old versions are other resources with other names: when a step before the drain
fails, the endpoint still points to the old cluster, which keeps serving.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pulumi
from pulumi import Output, Resource, ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceOptions

from .children import options_of_children
from .configuration import cluster_settings
from .lifecycle import adoption, elastic, readiness, repair, verification
from .lifecycle.endpoint_move import Move, ends_well
from .manifests import certificates
from .manifests.addresses import Address, address
from .manifests.cluster import node_ports
from .manifests.costs import Cost, cost
from .manifests.declared import DeclaredCluster
from .notebook import DaskNotebook
from .objects import KubernetesObject, binding_of
from .settings.cluster import Cluster, Endpoint
from .settings.notebook import NotebookEndpoint
from .settings.prices import Prices
from .tls import tls_secret, with_certificates
from .workspace import Home, home_of

# How long a pod may take to end after its grace period: its volumes, its finalizers, the operator's turn.
_DELETE_MARGIN_SECONDS = 300
# The number of workers that the autoscaler writes.
_FOLLOWS = ["spec.worker.replicas"]


class DaskCluster(pulumi.ComponentResource):
    """A Dask cluster that has computed a result, and the endpoint that leads to it."""

    name: Output[str]
    namespace: Output[str]
    scheduler_address: Output[str | None]
    dashboard_url: Output[str | None]
    scheduler_node_port: Output[int | None]
    dashboard_node_port: Output[int | None]
    image: Output[str]
    client_tls: Output[dict[str, str]]
    encrypted: bool
    """Whether `client_tls` has generated certificates."""
    notebook: DaskNotebook | None
    cost: Cost | None
    """The cost of an hour, if anything has a price."""

    def __init__(
        self,
        name: str,
        settings: Cluster | Mapping[str, Any],
        workspace: Home | str,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`settings` are what stands under `dask:clusters.<name>` in a stack file, as a mapping or a model.

        `workspace` says where: a `Workspace`, or the name of a namespace that exists. What `opts.depends_on` names is
        created before the cluster and deleted after it. Raises `LoadError` with every mistake in the settings.
        """
        home = home_of(workspace)
        settings = cluster_settings(name, settings, home.as_settings)
        super().__init__("dask:k8s:Cluster", name, {}, home.kubernetes.options_with(opts))
        self._child = options_of_children(self, opts)
        self._kubernetes = home.kubernetes
        self._connection = home.kubernetes.connection
        self._declared = declared = DeclaredCluster(name, settings, home.context)
        self._move = Move(self._connection, declared)
        tls = self._tls()
        dask = self._dask_cluster([tls] if tls else [])
        workers = [dask, *self._worker_groups(dask)]
        repair.keep(self._connection, declared, workers)
        workers += self._autoscaler(workers)
        self._computed = verification.before(self._connection, declared) if settings.verify else None
        ready = [self._verify(workers)] if settings.verify else workers
        service = self._endpoint(ready)
        self._dashboard(service)
        self._monitors(dask, tls)
        self._connection_record(service)
        self.notebook = self._notebook(service)
        self.cost = self._cost(home.prices)
        self._publish(service, tls)

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
            KubernetesObject(_logical(budget), budget, self._child([dask]))
        return dask

    def _monitors(self, dask: Resource, tls: KubernetesObject | None) -> None:
        """The monitors, the alerts and the Grafana dashboard. One alert is about generated certificates."""
        for body in self._declared.monitors:
            own: dict[str, Any] = {}
            if tls and body["kind"] == "PrometheusRule":
                own["spec"] = with_certificates(self._declared, body["spec"], tls)
            KubernetesObject(f"{self._declared.name}-{body['kind'].lower()}", body | own, self._child([dask]))

    def _dashboard(self, service: Resource) -> None:
        """The Service of the dashboard and what leads to it, after the endpoint: both move to another version."""
        for body in self._declared.dashboard_objects:
            KubernetesObject(f"{_logical(body)}-{body['kind'].lower()}", body, self._child([service]))

    def _worker_groups(self, dask: Resource) -> list[Resource]:
        made: list[Resource] = []
        for body in self._declared.worker_groups.values():
            ignored = _FOLLOWS if self._declared.groups[_logical(body)].autoscaled else None
            options = self._child([dask], ignore_changes=ignored, custom_timeouts=_timeouts(body))
            made.append(KubernetesObject(_logical(body), body, options))
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
            made.append(KubernetesObject(f"{_logical(body)}-{body['kind'].lower()}", body, options))
        return [*made]

    def _verify(self, workers: list[Resource]) -> Resource:
        declared, connection = self._declared, self._connection

        async def scheduler_has_a_name(_: ResourceHookArgs) -> None:
            await readiness.await_service(connection, declared)

        job = declared.verify_job
        hook = ResourceHook(f"{_logical(job)}-service", scheduler_has_a_name)
        options = self._child(
            workers,
            hooks=ResourceHookBinding(before_create=[hook]),
            # A policy that rewrites the Job's pods would have it replaced in every run. Its name holds their content.
            ignore_changes=["spec.template"],
        )
        return KubernetesObject(_logical(job), job, options)

    def _endpoint(self, ready: list[Resource]) -> KubernetesObject:
        declared, body = self._declared, self._declared.endpoint
        if declared.settings.adopt:
            self._kubernetes.leave_to_adoption(f"{declared.name}-endpoint")
        if declared.settings.adopt and pulumi.runtime.is_dry_run():
            body = body | {"spec": Output.from_input(adoption.endpoint(self._connection, declared))}
        elif node_ports(body["spec"]) and pulumi.runtime.is_dry_run():
            body = body | {"spec": Output.from_input(self._move.endpoint_spec())}
        # The endpoint is what stays: protecting the versions of the cluster would forbid every update.
        options = self._child(ready, protect=declared.settings.protect or None, hooks=self._move.endpoint_hooks())
        first = [self._computed or readiness.before_endpoint(self._connection, declared)]
        if declared.settings.adopt:
            first.append(adoption.room_for_endpoint(self._connection, declared))
        options = ResourceOptions.merge(ResourceOptions(hooks=_before(*first)), options)
        return KubernetesObject(f"{declared.name}-endpoint", body, options)

    def _connection_record(self, service: Resource) -> None:
        """A ConfigMap that changes with the cluster. A before-hook on it drains the replaced clusters.

        It is a step of its own rather than a hook on the endpoint, so that the next `up` resumes an interrupted drain.
        """
        declared, body = self._declared, self._declared.connection
        options = self._child([service], hooks=self._move.record_hooks())
        if self._computed:
            options = ResourceOptions.merge(ResourceOptions(hooks=_before(self._computed)), options)
        record = KubernetesObject(f"{declared.name}-connection", body, options)
        Output.from_input(ends_well(declared, record))

    def _tls(self) -> KubernetesObject | None:
        tls = self._declared.settings.tls
        if not tls.enabled or tls.secret:
            return None
        return tls_secret(self._declared, self._child())

    def _notebook(self, service: KubernetesObject) -> DaskNotebook | None:
        settings = self._declared.settings.notebook
        if settings is None:
            return None
        name = f"{self._declared.name}-notebook"
        return DaskNotebook(name, self._declared, self._hosts(settings.endpoint), self._child([service]))

    def _hosts(self, endpoint: Endpoint | NotebookEndpoint) -> Output[list[str]]:
        """The nodes' addresses, if the printed address of an endpoint needs one."""
        asked = endpoint.type == "NodePort" and endpoint.host == "auto"
        return self._kubernetes.node_hosts if asked else Output.from_input([])

    def _cost(self, prices: Prices | None) -> Cost | None:
        """Says what the cluster costs, in previews too."""
        if prices is None or not prices.given:
            return None
        found = cost(self._declared.kinds_of_pods, prices)
        pulumi.log.info(f"the cluster {self._declared.name} costs {found}", self)
        return found

    def _publish(self, service: KubernetesObject, tls: KubernetesObject | None) -> None:
        declared = self._declared

        def locate(parts: list[Any]) -> Address:
            return address(declared, *parts)

        where = Output.all(service.spec, service.status, self._hosts(declared.settings.endpoint)).apply(locate)
        self.name = Output.from_input(declared.physical_name)
        self.namespace = Output.from_input(declared.namespace)
        self.image = Output.from_input(declared.settings.image)
        self.scheduler_address = where.apply(lambda found: found.scheduler_address)
        self.dashboard_url = where.apply(lambda found: found.dashboard_url)
        self.scheduler_node_port = where.apply(lambda found: found.scheduler_node_port)
        self.dashboard_node_port = where.apply(lambda found: found.dashboard_node_port)
        self.encrypted = tls is not None
        self.client_tls = Output.secret(tls.data.apply(certificates.client_files) if tls else {})
        self.register_outputs(self.outputs())

    def outputs(self) -> dict[str, Output[Any]]:
        """The stack output of this cluster; the names are a contract."""
        more: dict[str, Output[Any]] = {"notebookUrl": self.notebook.url} if self.notebook else {}
        if self.cost:
            price = {"minimum": self.cost.minimum, "maximum": self.cost.maximum}
            more["costPerHour"] = Output.from_input(price)
        return more | {
            "name": self.name,
            "namespace": self.namespace,
            "schedulerAddress": self.scheduler_address,
            "dashboardUrl": self.dashboard_url,
            "schedulerNodePort": self.scheduler_node_port,
            "dashboardNodePort": self.dashboard_node_port,
            "image": self.image,
        }


def _timeouts(body: dict[str, Any], create: str | None = None) -> pulumi.CustomTimeouts:
    """Deletion waits for the pods, and so for the longest grace period of a role (the provider's own limit: 10 min)."""
    roles = [body["spec"][role]["spec"] for role in ("scheduler", "worker") if role in body["spec"]]
    grace = max(role.get("terminationGracePeriodSeconds", 30) for role in roles)
    return pulumi.CustomTimeouts(create=create, delete=f"{grace + _DELETE_MARGIN_SECONDS}s")


def _before(*hooks: ResourceHook) -> ResourceHookBinding:
    return ResourceHookBinding(before_create=[*hooks], before_update=[*hooks])


def _logical(body: dict[str, Any]) -> str:
    return body["metadata"]["name"]
