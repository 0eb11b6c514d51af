"""The DaskCluster component: one cluster with its worker groups, its endpoint and its connection record.

What `up` does, in this order: the DaskCluster and its worker groups, the verify Job, the endpoint Service, the drain
and the deletion of what was replaced. Old versions are other resources with other names: when a step before the drain
fails, the endpoint still points to the old cluster, which keeps serving.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Output, Resource, ResourceHook, ResourceHookBinding, ResourceOptions

from .children import options_of_children
from .configuration import cluster_settings
from .lifecycle import adoption, readiness, verification
from .lifecycle.endpoint_move import Move, ends_well
from .manifests.addresses import Address, address
from .manifests.costs import Cost, cost
from .manifests.declared import DeclaredCluster
from .manifests.services import node_ports
from .notebook import DaskNotebook
from .objects import KubernetesObject, name_of
from .settings.cluster import Cluster
from .settings.endpoint import Endpoint
from .settings.notebook import NotebookEndpoint
from .settings.prices import Prices
from .tls import Certificates, with_certificates
from .version import Version
from .workspace import Home, home_of


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
    """Whether `client_tls` has certificates: those that this program generates, or cert-manager's."""
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
        tls = Certificates(declared, self._connection, self._child)
        self._computed: ResourceHook | None = None
        ready = self._suspended() if settings.suspended else self._runs(tls.resources)
        service = self._endpoint(ready)
        self._dashboard(service)
        self._monitors(tls.generated)
        self._connection_record(service)
        self.notebook = self._notebook(service)
        self.cost = self._cost(home.prices)
        self._publish(service, tls)

    def _runs(self, tls: list[Resource]) -> list[Resource]:
        """The version of the cluster that computes. Returns what the endpoint waits for."""
        version, verify = Version(self._declared, self._connection, self._child), self._declared.settings.verify
        workers = version.register(tls)
        if not verify:
            return workers
        self._computed = verification.before(self._connection, self._declared)
        return [version.verify(workers)]

    def _suspended(self) -> list[Resource]:
        """Nothing is declared that runs pods, so the engine deletes what is left of the version at its end."""
        name = self._declared.name
        pulumi.log.info(f"the cluster {name} is suspended: its address refuses connections, and nothing computes", self)
        return []

    def _monitors(self, tls: KubernetesObject | None) -> None:
        """The monitors, the alerts and the Grafana dashboard. One alert is about generated certificates."""
        for body in self._declared.monitors:
            own: dict[str, Any] = {}
            if tls and body["kind"] == "PrometheusRule":
                own["spec"] = with_certificates(self._declared, body["spec"], tls)
            KubernetesObject(f"{self._declared.name}-{body['kind'].lower()}", body | own, self._child())

    def _dashboard(self, service: Resource) -> None:
        """The Service of the dashboard and what leads to it, after the endpoint: both move to another version."""
        for body in self._declared.dashboard_objects:
            KubernetesObject(f"{name_of(body)}-{body['kind'].lower()}", body, self._child([service]))

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
        first = [] if declared.settings.suspended else [self._computed or self._scheduler_ready()]
        if declared.settings.adopt:
            first.append(adoption.room_for_endpoint(self._connection, declared))
        options = ResourceOptions.merge(ResourceOptions(hooks=_before(*first)), options)
        return KubernetesObject(f"{declared.name}-endpoint", body, options)

    def _scheduler_ready(self) -> ResourceHook:
        return readiness.before_endpoint(self._connection, self._declared)

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

    def _publish(self, service: KubernetesObject, tls: Certificates) -> None:
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
        self.encrypted = bool(tls.resources)
        self.client_tls = tls.of_client(service)
        self.register_outputs(self.outputs())

    def outputs(self) -> dict[str, Output[Any]]:
        """The stack output of this cluster; the names are a contract."""
        more: dict[str, Output[Any]] = {"notebookUrl": self.notebook.url} if self.notebook else {}
        if self._declared.settings.suspended:
            more["suspended"] = Output.from_input(True)
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


def _before(*hooks: ResourceHook) -> ResourceHookBinding:
    return ResourceHookBinding(before_create=[*hooks], before_update=[*hooks])
