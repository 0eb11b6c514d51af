"""The settings of one Dask cluster under `dask:clusters`."""

from typing import Annotated, Literal

from pydantic import Field

from ..settings.dashboard import Dashboard, DashboardOrSwitch
from ..settings.fields import (
    Annotations,
    Cidr,
    Duration,
    DurationOrZero,
    GroupName,
    Host,
    Hostname,
    Image,
    LabelKey,
    Model,
    ObjectName,
    Port,
    Replicas,
    ResourceName,
)
from ..settings.formats import images
from ..settings.monitors import Monitors
from ..settings.notebook import Notebook
from ..settings.pod import PodSettings, Probes, merge
from ..settings.resources import Resources
from ..vocabulary import COMM_PORT, DASHBOARD_PORT, DASK_IMAGE

Threads = Annotated[int, Field(ge=1, le=1024)]
Role = tuple[str, ...]


class Scheduler(PodSettings):
    """The scheduler's pod."""

    port: Port = COMM_PORT
    """The port of Dask's own protocol."""
    dashboard_port: Port = DASHBOARD_PORT
    """The port of the dashboard, of `/health` and `/metrics`."""
    probes: Probes = Probes()
    """The timing of the health probes."""
    pod_disruption_budget: bool = True
    """Whether a node drain waits until a user moves the scheduler. All work is lost with the scheduler."""
    extra_args: tuple[str, ...] = ()
    """Additional arguments of `dask scheduler`."""


class WorkerPods(PodSettings):
    """What a worker's pod has beyond any pod."""

    command: Annotated[tuple[str, ...], Field(min_length=1)] = ("dask", "worker")
    """The command that starts the workers; the program appends its arguments. `[dask, cuda, worker]` for dask-cuda."""
    processes: Annotated[int, Field(ge=1, le=256)] | None = None
    """Dask workers in each pod (`--nworkers`), which share its CPU and memory. Default: 1, or with dask-cuda one for
    each GPU in `resources`."""
    threads: Threads | None = None
    """Threads of each worker (`--nthreads`). Default: the CPU limit divided by `processes`, rounded up; without a
    limit, Dask decides."""
    port: Port | None = None
    """The port of the worker itself (`--worker-port`), for one worker in each pod. Default: a free one."""
    dashboard_port: Port = 8788
    """The port of the worker's own pages, of `/health` and `/metrics`."""
    probes: Probes = Probes()
    """The timing of the health probes."""
    dask_resources: dict[ResourceName, Annotated[float, Field(ge=0)]] = {}
    """Abstract resources that each worker declares (`--resources`), such as `{GPU: 1}`. A task that asks for
    them, as in `client.submit(train, resources={"GPU": 1})`, runs on these workers only."""
    termination_grace_period: Duration = "2m"
    """How long a terminating worker may take to hand its data to the others."""
    extra_args: tuple[str, ...] = ()
    """Additional arguments of `dask worker`."""


class ScaledPods(WorkerPods):
    """A number of workers: a fixed one, or one that follows the work."""

    replicas: Replicas | None = None
    """How many workers. Default: 1, unless `minimum` and `maximum` are set."""
    minimum: Replicas | None = None
    """The fewest workers, when the number follows the work. Requires `maximum`."""
    maximum: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """The most workers, when the number follows the work. Requires `minimum`."""
    idle_time: Duration = "1m"
    """With `maximum`: how long a worker must be idle before it leaves."""
    maximum_starting: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """With `maximum`: how many workers may be starting at the same time. Default: any number."""

    @property
    def autoscaled(self) -> bool:
        return self.maximum is not None

    @property
    def wanted(self) -> int:
        """The number of worker pods that must start before the cluster counts as ready."""
        if self.autoscaled:
            return self.minimum or 0
        return 1 if self.replicas is None else self.replicas


class Workers(ScaledPods):
    """The default workers: a fixed number, or one that follows the work between `minimum` and `maximum`."""


class WorkerGroup(ScaledPods):
    """An additional group of workers, with its own kind of pods, which scales by itself."""


class NodePorts(Model):
    """The ports on every node, from the range of your Kubernetes cluster: 30000 to 32767 unless its API server sets
    another one (`--service-node-port-range`). Kubernetes picks the ports that are not set; the outputs show them."""

    scheduler: Port | None = None
    """The port that clients connect to."""
    dashboard: Port | None = None
    """The port of the dashboard."""


class Endpoint(Model):
    """How clients reach the scheduler: a Service that keeps its address when the cluster behind it changes."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """The Service's type: inside Kubernetes only, on every node, or through a load balancer."""
    node_ports: NodePorts = NodePorts()
    """The ports on every node, for NodePort and LoadBalancer."""
    host: Host = "auto"
    """The host in the printed addresses. `auto`: an address of a node, of the load balancer, or the Service's name."""
    source_ranges: tuple[Cidr, ...] = ()
    """The CIDR ranges that may connect through a load balancer."""
    dashboard: DashboardOrSwitch = Dashboard()
    """Whether the endpoint exposes the dashboard as well, or the name that an ingress or a gateway serves it under."""
    load_balancer_class: LabelKey | None = None
    """The implementation of the load balancer, such as `service.k8s.aws/nlb`. The API server never lets it change."""
    external_traffic_policy: Literal["Cluster", "Local"] | None = None
    """`Local`: only the node of the scheduler's pod answers, and the pod sees clients' addresses. Default: Cluster."""
    insecure: bool = False
    """Confirms that everyone who can reach the port can run code on the cluster. Required without TLS, unless the type
    is ClusterIP."""
    annotations: Annotations = {}
    """Annotations of the Service, such as a cloud's load balancer settings."""

    @property
    def exposes_dashboard(self) -> bool:
        """Whether the dashboard is a port of the endpoint itself."""
        return self.dashboard.enabled and self.dashboard.hostname is None


class Issuer(Model):
    """An issuer of cert-manager, which creates the cluster's certificates and renews them."""

    name: Annotated[ObjectName, Field(examples=["cluster-ca"])]
    """The issuer's name. Its CA should sign for this cluster alone: everyone with a certificate of it can run code
    here."""
    kind: Annotated[str, Field(min_length=1, examples=["ClusterIssuer"])] = "Issuer"
    """The issuer's kind: an `Issuer` of the namespace, a `ClusterIssuer`, or one of another controller."""
    group: Hostname = "cert-manager.io"
    """The API group of that kind."""


class Tls(Model):
    """Encryption and mutual authentication for Dask's protocol."""

    enabled: bool = False
    """Whether the cluster accepts `tls://` connections only."""
    secret: ObjectName | None = None
    """An existing Secret with ca.crt, scheduler.crt/.key, worker.crt/.key and client.crt/.key. Default: generated."""
    issuer: Issuer | None = None
    """Has cert-manager create and renew the certificates. Default: the program generates them, with a CA of their
    own."""
    rotation: Annotated[int, Field(ge=1)] = 1
    """Increment it to issue new certificates. The cluster is then updated like for any other change of its pods."""
    valid_days: Annotated[int, Field(ge=1, le=3650)] = 825
    """Validity of new certificates in days. Takes effect when they are next issued: see `rotation`."""

    @property
    def generated(self) -> bool:
        """Whether this program generates the certificates itself."""
        return self.enabled and self.secret is None and self.issuer is None


class Cluster(PodSettings):
    """A Dask cluster: scheduler, workers, worker groups and the endpoint."""

    image: Image = DASK_IMAGE  # pyright: ignore[reportIncompatibleVariableOverride]
    """The image of scheduler and workers, with a tag."""
    scheduler: Scheduler = Scheduler()
    """The scheduler. Its pod settings default to those of the cluster."""
    workers: Workers = Workers()
    """The default workers. Their pod settings default to those of the cluster."""
    worker_groups: dict[GroupName, WorkerGroup] = {}
    """Additional workers of other kinds, by name. They scale and change without affecting the scheduler."""
    endpoint: Endpoint = Endpoint()
    """How clients reach the cluster."""
    tls: Tls = Tls()
    """Encryption and authentication."""
    update: Literal["blueGreen", "recreate"] = "blueGreen"
    """How a change of the pods is applied: by a new cluster next to the replaced one, or by deleting and recreating."""
    drain_timeout: DurationOrZero = "10m"
    """How long a replaced cluster keeps running for clients that are still connected."""
    ready_timeout: Duration = "10m"
    """How long pods may take to be scheduled, pull their images and start before `up` fails."""
    verify: bool = True
    """Whether `up` waits until all workers have registered and a task has computed."""
    verify_resources: Resources = Resources()
    """CPU and memory of the pod that computes it, for namespaces with a small quota or a LimitRange. Default: requests
    of 100m and 256Mi, limits of 2 cores and 512Mi."""
    adopt: bool = False
    """Takes over an existing DaskCluster of exactly this name without restarting it."""
    protect: bool = False
    """Protects the endpoint: the engine then refuses `destroy`, and an `up` that would remove the cluster."""
    suspended: bool = False
    """Whether the cluster has no scheduler and no workers for now. Running work is waited for, as before an update
    (`drainTimeout`); the endpoint with its ports, Secrets, claims, the notebook and the outputs stay. Connections are
    refused until `suspended` is removed and `up` starts a new scheduler."""
    idle_timeout: Duration | None = None
    """Is refused: the operator would delete the cluster without the stack's knowledge. Use `workers.minimum: 0`, or
    `suspended`."""
    monitors: Monitors = Monitors()
    """Metrics for a Prometheus Operator."""
    notebook: Notebook | None = None
    """JupyterLab next to the cluster: `{}` for one with all defaults."""

    @property
    def autoscaled(self) -> bool:
        """Whether the number of any workers follows the work."""
        return any(it.autoscaled for it in (self.workers, *self.worker_groups.values()))

    def scheduler_pod(self) -> PodSettings:
        """The scheduler's pod settings, with those of the cluster where it has none."""
        return merge(self, self.scheduler)

    def worker_pod(self, workers: WorkerPods) -> PodSettings:
        """The pod settings of workers or of a group, with those of the cluster where they have none."""
        return merge(self, workers)

    def notebook_pod(self, notebook: Notebook) -> PodSettings:
        return merge(self, notebook).model_copy(update={"image": self.notebook_image(notebook)})

    def notebook_image(self, notebook: Notebook) -> str | None:
        """The notebook's own image, or the one that belongs to the cluster's."""
        return notebook.image or images.notebook(self.image)

    def roles(self) -> dict[Role, PodSettings]:
        """The settings of each role itself, by its path below the cluster."""
        roles: dict[Role, PodSettings] = {("scheduler",): self.scheduler, ("workers",): self.workers}
        roles |= {("workerGroups", name): group for name, group in self.worker_groups.items()}
        return roles | ({("notebook",): self.notebook} if self.notebook else {})
