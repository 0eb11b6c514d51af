"""One Dask cluster as it stands under `dask:clusters`. In: its mapping. Out: a frozen `Cluster`, or every mistake."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from components import names
from components.errors import Rule, Rules
from components.model import Annotations, Duration, Image, Labels, Model, Name, NodePort, ObjectName, Port, Replicas
from components.podsettings import PodSettings, Probes, merge

Threads = Annotated[int, Field(ge=1, le=1024)]


class Scheduler(PodSettings):
    """The scheduler's pod."""

    port: Port = 8786
    """The port of Dask's own protocol."""
    dashboard_port: Port = 8787
    probes: Probes = Probes()
    pod_disruption_budget: bool = True
    """Whether a node drain has to wait for someone to move the scheduler, whose loss loses all work."""
    extra_args: tuple[str, ...] = ()
    """More arguments of `dask scheduler`."""


class WorkerPods(PodSettings):
    """What a worker's pod has beyond any pod."""

    threads: Threads | None = None
    """Threads of each worker (`--nthreads`). Left out: the CPU limit, rounded up, or what Dask finds."""
    port: Port | None = None
    """The port of the worker itself (`--worker-port`). Left out: a free one."""
    dashboard_port: Port = 8788
    probes: Probes = Probes()
    termination_grace_period: Duration = "2m"
    """How long a worker that has to go may take to hand its data to the others."""
    extra_args: tuple[str, ...] = ()
    """More arguments of `dask worker`."""


class Workers(WorkerPods):
    """The default workers: a fixed number, or a range that the operator's autoscaler moves in."""

    replicas: Replicas | None = None
    """How many workers. 1 unless `minimum` and `maximum` are given."""
    minimum: Replicas | None = None
    maximum: Annotated[int, Field(ge=1, le=10_000)] | None = None

    @property
    def autoscaled(self) -> bool:
        return self.maximum is not None

    @property
    def wanted(self) -> int:
        """The number of workers that has to register before the cluster counts as ready."""
        if self.autoscaled:
            return self.minimum or 0
        return 1 if self.replicas is None else self.replicas

    @model_validator(mode="after")
    def _fixed_or_range(self) -> "Workers":
        bounds = (self.minimum is not None) + (self.maximum is not None)
        if self.replicas is not None and bounds:
            raise Rule("cannot stand beside minimum and maximum", "keep one or the other", ("replicas",), self.replicas)
        if bounds == 1:
            raise Rule("needs both minimum and maximum", "add the other", value=None)
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise Rule(f"is above the maximum of {self.maximum}", "swap them", ("minimum",), self.minimum)
        return self


class WorkerGroup(WorkerPods):
    """A further group of workers, with pods of its own kind."""

    replicas: Replicas = 1


class NodePorts(Model):
    """The ports on every node. What is left out, Kubernetes picks, and the outputs tell."""

    scheduler: NodePort | None = None
    dashboard: NodePort | None = None

    @model_validator(mode="after")
    def _apart(self) -> "NodePorts":
        if self.scheduler is not None and self.scheduler == self.dashboard:
            raise Rule("is the scheduler's port too", f"try {self.scheduler + 1}", ("dashboard",), self.dashboard)
        return self


class Endpoint(Model):
    """How clients reach the scheduler: a Service of ours, whose address stays when the cluster behind it changes."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    node_ports: NodePorts = NodePorts()
    host: str = "auto"
    """The host in the printed addresses. `auto`: an address of a node, of the load balancer, or the Service's name."""
    source_ranges: tuple[str, ...] = ()
    """The CIDR ranges that may connect (load balancers)."""
    dashboard: bool = True
    """Whether the dashboard can be reached through the endpoint as well. It has no login."""
    insecure: bool = False
    """Says that everyone who reaches the port may run code on the cluster. Needed outside ClusterIP without TLS."""
    annotations: Annotations = {}
    """Annotations of the Service, such as a cloud's load balancer settings."""

    @model_validator(mode="after")
    def _ports_only_on_nodes(self) -> "Endpoint":
        if self.type == "ClusterIP" and self.node_ports.model_fields_set:
            raise Rule("have no meaning for type ClusterIP", "use `type: NodePort`", ("nodePorts",), None)
        return self


class Tls(Model):
    """Encryption and mutual authentication of everything that speaks Dask's protocol."""

    enabled: bool = False
    secret: ObjectName | None = None
    """An existing Secret with ca.crt, scheduler.crt/.key, worker.crt/.key and client.crt/.key. Left out: made here."""
    rotation: Annotated[int, Field(ge=1)] = 1
    """Raise it to have new certificates made; the cluster is then updated as by any change of its pods."""
    valid_days: Annotated[int, Field(ge=1, le=3650)] = 825


class Monitors(Model):
    """Prometheus Operator monitors for scheduler and workers. Needs the CRDs of monitoring.coreos.com."""

    enabled: bool = False
    interval: Duration = "15s"
    labels: Labels = {}


class Cluster(PodSettings):
    """A Dask cluster: scheduler, workers, worker groups and the endpoint."""

    image: Image = "ghcr.io/dask/dask:2026.8.0"
    """The image of scheduler and workers, with a tag."""
    scheduler: Scheduler = Scheduler()
    workers: Workers = Workers()
    worker_groups: dict[Name, WorkerGroup] = {}
    """More workers of other kinds, by name. They scale and change without touching the scheduler."""
    endpoint: Endpoint = Endpoint()
    tls: Tls = Tls()
    update: Literal["blueGreen", "recreate"] = "blueGreen"
    """What a change of the pods does: a new cluster beside the old one, or delete and make again."""
    drain_timeout: Duration = "10m"
    """How long a replaced cluster may go on for the clients that are still on it."""
    ready_timeout: Duration = "10m"
    """How long pods may take to be pulled, placed and started before `up` fails."""
    verify: bool = True
    """Whether `up` waits until all workers have registered and a task has computed."""
    adopt: bool = False
    """Takes over a DaskCluster of this very name that was made by kubectl, without restarting it."""
    protect: bool = False
    """Makes the engine refuse to delete the cluster."""
    idle_timeout: Duration | None = None
    """The operator deletes the cluster after so much idleness. The next `up` makes it again: it shows as drift."""
    monitors: Monitors = Monitors()

    def scheduler_pod(self) -> PodSettings:
        return merge(self, self.scheduler)

    def worker_pod(self, workers: WorkerPods) -> PodSettings:
        return merge(self, workers)

    def role_pods(self) -> dict[tuple[str, ...], PodSettings]:
        """The effective pod settings of every role, by its path below the cluster."""
        groups = {("workerGroups", name): self.worker_pod(group) for name, group in self.worker_groups.items()}
        return {("scheduler",): self.scheduler_pod(), ("workers",): self.worker_pod(self.workers)} | groups

    @model_validator(mode="after")
    def _fits_together(self) -> "Cluster":
        broken = [rule for check in (_exposure, _groups, _autoscaling, _adoption, _ports) for rule in check(self)]
        if broken:
            raise Rules(broken)
        return self


def _exposure(cluster: Cluster) -> list[Rule]:
    endpoint = cluster.endpoint
    if endpoint.type == "ClusterIP" or cluster.tls.enabled or endpoint.insecure:
        return []
    rule = "without tls lets everyone who reaches the port run code on the cluster"
    return [
        Rule(
            rule, "set `tls: {enabled: true}`, or `insecure: true` if you mean it", ("endpoint", "type"), endpoint.type
        )
    ]


def _groups(cluster: Cluster) -> list[Rule]:
    if "default" not in cluster.worker_groups:
        return []
    return [
        Rule(
            "is what the operator calls the workers under `workers`",
            "choose another name",
            ("workerGroups", "default"),
            None,
        )
    ]


def _autoscaling(cluster: Cluster) -> list[Rule]:
    """What needs the operator's own RPC: it is plain tcp (networking.py) and knows no groups (dask-kubernetes #914)."""
    wants = ("workers", "minimum") if cluster.workers.autoscaled else ("idleTimeout",)
    if not (cluster.workers.autoscaled or cluster.idle_timeout):
        return []
    broken = []
    if cluster.worker_groups:
        rule = "cannot be used with workerGroups: the operator would retire workers of any group"
        broken.append(Rule(rule, "remove one of the two", wants, None))
    if cluster.tls.enabled:
        rule = "cannot be used with tls: the operator asks the scheduler over plain tcp only"
        broken.append(Rule(rule, "remove one of the two", wants, None))
    return broken


def _adoption(cluster: Cluster) -> list[Rule]:
    if cluster.adopt and cluster.update == "blueGreen":
        rule = "keeps the name that the cluster has, which `update: blueGreen` cannot"
        return [Rule(rule, "add `update: recreate`", ("adopt",), True)]
    return []


def _ports(cluster: Cluster) -> list[Rule]:
    if cluster.scheduler.port == cluster.scheduler.dashboard_port:
        rule = "is the scheduler's port too"
        return [Rule(rule, "choose another", ("scheduler", "dashboardPort"), cluster.scheduler.dashboard_port)]
    return []


def longest_name(cluster: Cluster) -> int:
    """How long the cluster's name may be: with blue/green a hash is added to it."""
    return names.VERSIONED_NAME_LENGTH if cluster.update == "blueGreen" else names.CLUSTER_NAME_LENGTH
