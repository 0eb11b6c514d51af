"""The settings of one Dask cluster under `dask:clusters`."""

from typing import Annotated, Literal

from pydantic import Field

from ..settings.checks import cluster as rules
from ..settings.fields import (
    Annotations,
    Cidr,
    Duration,
    DurationOrZero,
    GroupName,
    Host,
    Image,
    Labels,
    Model,
    ObjectName,
    Port,
    Replicas,
)
from ..settings.pod import PodSettings, Probes, merge

Threads = Annotated[int, Field(ge=1, le=1024)]
Role = tuple[str, ...]


class Scheduler(PodSettings):
    """The scheduler's pod."""

    port: Port = 8786
    """The port of Dask's own protocol."""
    dashboard_port: Port = 8787
    """The port of the dashboard, of `/health` and `/metrics`."""
    probes: Probes = Probes()
    """When the health probes ask."""
    pod_disruption_budget: bool = True
    """Whether a node drain has to wait for someone to move the scheduler, whose loss loses all work."""
    extra_args: tuple[str, ...] = ()
    """More arguments of `dask scheduler`."""

    checks = (*PodSettings.checks, rules.scheduler_ports)


class WorkerPods(PodSettings):
    """What a worker's pod has beyond any pod."""

    command: Annotated[tuple[str, ...], Field(min_length=1)] = ("dask", "worker")
    """What starts the workers: the program's arguments come behind it. `[dask, cuda, worker]` for dask-cuda."""
    processes: Annotated[int, Field(ge=1, le=256)] | None = None
    """Dask workers in each pod (`--nworkers`), which share its CPU and memory. Left out: 1, or with dask-cuda one for
    each GPU in `resources`."""
    threads: Threads | None = None
    """Threads of each worker (`--nthreads`). Left out: the CPU limit by `processes`, rounded up, or what Dask finds."""
    port: Port | None = None
    """The port of the worker itself (`--worker-port`), for one worker in each pod. Left out: a free one."""
    dashboard_port: Port = 8788
    """The port of the worker's own pages, of `/health` and `/metrics`."""
    probes: Probes = Probes()
    """When the health probes ask."""
    termination_grace_period: Duration = "2m"
    """How long a worker that has to go may take to hand its data to the others."""
    extra_args: tuple[str, ...] = ()
    """More arguments of `dask worker`."""

    checks = (*PodSettings.checks, rules.worker_ports)


class Workers(WorkerPods):
    """The default workers: a fixed number, or a range that the operator's autoscaler moves in."""

    replicas: Replicas | None = None
    """How many workers. 1 unless `minimum` and `maximum` are given."""
    minimum: Replicas | None = None
    """The fewest workers that the autoscaler keeps. Needs `maximum`; goes with neither `tls` nor `workerGroups`."""
    maximum: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """The most workers that the autoscaler makes. Needs `minimum`; goes with neither `tls` nor `workerGroups`."""

    checks = (*WorkerPods.checks, rules.fixed_or_range)

    @property
    def autoscaled(self) -> bool:
        return self.maximum is not None

    @property
    def wanted(self) -> int:
        """The number of pods that has to come up before the cluster counts as ready."""
        if self.autoscaled:
            return self.minimum or 0
        return 1 if self.replicas is None else self.replicas


class WorkerGroup(WorkerPods):
    """A further group of workers, with pods of its own kind."""

    replicas: Replicas = 1
    """How many workers."""

    @property
    def wanted(self) -> int:
        """The number of pods that has to come up."""
        return self.replicas


class NodePorts(Model):
    """The ports on every node, from the range of your Kubernetes cluster, which is 30000 to 32767 unless its API server
    says otherwise (`--service-node-port-range`). What is left out, Kubernetes picks, and the outputs tell."""

    scheduler: Port | None = None
    """The port that clients connect to."""
    dashboard: Port | None = None
    """The port of the dashboard."""


class Endpoint(Model):
    """How clients reach the scheduler: a Service of ours, whose address stays when the cluster behind it changes."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """The Service's type: inside Kubernetes only, on every node, or through a load balancer."""
    node_ports: NodePorts = NodePorts()
    """The ports on every node, for NodePort and LoadBalancer."""
    host: Host = "auto"
    """The host in the printed addresses. `auto`: an address of a node, of the load balancer, or the Service's name."""
    source_ranges: tuple[Cidr, ...] = ()
    """The CIDR ranges that may connect through a load balancer."""
    dashboard: bool = True
    """Whether the dashboard can be reached through the endpoint as well. It has no login."""
    insecure: bool = False
    """Says that everyone who reaches the port may run code on the cluster. Needed outside ClusterIP without TLS."""
    annotations: Annotations = {}
    """Annotations of the Service, such as a cloud's load balancer settings."""

    checks = (rules.node_ports, rules.source_ranges)


class Tls(Model):
    """Encryption and mutual authentication of everything that speaks Dask's protocol."""

    enabled: bool = False
    """Whether the cluster speaks `tls://` only."""
    secret: ObjectName | None = None
    """An existing Secret with ca.crt, scheduler.crt/.key, worker.crt/.key and client.crt/.key. Left out: made here."""
    rotation: Annotated[int, Field(ge=1)] = 1
    """Increment it to issue new certificates. The cluster is then updated like for any other change of its pods."""
    valid_days: Annotated[int, Field(ge=1, le=3650)] = 825
    """Validity of generated certificates in days. Takes effect when they are next issued: see `rotation`."""

    checks = (rules.tls_switched_on,)


class Monitors(Model):
    """Prometheus Operator monitors for scheduler and workers. Needs the CRDs of monitoring.coreos.com."""

    enabled: bool = False
    """Whether to create the monitors."""
    interval: Duration = "15s"
    """How often Prometheus asks."""
    labels: Labels = {}
    """Labels by which your Prometheus picks its monitors."""


class Cluster(PodSettings):
    """A Dask cluster: scheduler, workers, worker groups and the endpoint."""

    image: Image = "ghcr.io/dask/dask:2026.8.0-py3.11"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The image of scheduler and workers, with a tag."""
    scheduler: Scheduler = Scheduler()
    """The scheduler. What is not said here is taken from the cluster."""
    workers: Workers = Workers()
    """The default workers. What is not said here is taken from the cluster."""
    worker_groups: dict[GroupName, WorkerGroup] = {}
    """More workers of other kinds, by name. They scale and change without touching the scheduler."""
    endpoint: Endpoint = Endpoint()
    """How clients reach the cluster."""
    tls: Tls = Tls()
    """Encryption and authentication."""
    update: Literal["blueGreen", "recreate"] = "blueGreen"
    """What a change of the pods does: a new cluster beside the old one, or delete and make again."""
    drain_timeout: DurationOrZero = "10m"
    """How long a replaced cluster keeps running for clients that are still connected."""
    ready_timeout: Duration = "10m"
    """How long pods may take to be pulled, placed and started before `up` fails."""
    verify: bool = True
    """Whether `up` waits until all workers have registered and a task has computed."""
    adopt: bool = False
    """Takes over a DaskCluster of this very name that was made by kubectl, without restarting it."""
    protect: bool = False
    """Protects the endpoint: the engine then refuses `destroy`, and an `up` without the cluster's entry."""
    idle_timeout: Duration | None = None
    """The operator deletes the cluster after so much idleness. The next `up` makes it again: it shows as drift."""
    monitors: Monitors = Monitors()
    """Metrics for a Prometheus Operator."""

    checks = (
        *PodSettings.checks,
        *(rules.exposure, rules.autoscaling, rules.adoption, rules.encrypted, rules.inherited_volumes),
    )

    def scheduler_pod(self) -> PodSettings:
        return merge(self, self.scheduler)

    def worker_pod(self, workers: WorkerPods) -> PodSettings:
        return merge(self, workers)

    def roles(self) -> dict[Role, PodSettings]:
        """What is said of each role itself, by its path below the cluster."""
        roles: dict[Role, PodSettings] = {("scheduler",): self.scheduler, ("workers",): self.workers}
        return roles | {("workerGroups", name): group for name, group in self.worker_groups.items()}

    def role_pods(self) -> dict[Role, PodSettings]:
        """The effective pod settings of every role, by its path below the cluster."""
        return {path: merge(self, role) for path, role in self.roles().items()}
