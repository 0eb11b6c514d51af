"""The settings of one Dask cluster under `dask:clusters`."""

from typing import Literal

from ..settings.endpoint import Endpoint
from ..settings.fields import (
    Duration,
    DurationOrZero,
    GroupName,
    Image,
    Port,
)
from ..settings.formats import images
from ..settings.monitors import Monitors
from ..settings.notebook import Notebook
from ..settings.pod import PodSettings, Probes, merge
from ..settings.resources import Resources
from ..settings.tls import Tls
from ..settings.workers import WorkerGroup, WorkerPods, Workers
from ..vocabulary import COMM_PORT, DASHBOARD_PORT, DASK_IMAGE

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
    """How long a replaced cluster may keep running for tasks that are unfinished or held for a client. After that, its
    clients are disconnected; with `0s` at once. For workers that leave a cluster that stays, `terminationGracePeriod`
    says it."""
    ready_timeout: Duration = "10m"
    """How long pods may take to be scheduled, pull their images and start before `up` fails."""
    verify: bool = True
    """Whether `up` waits until all workers have registered and a task has computed. If not, it waits for no workers,
    and only for the scheduler of a new cluster."""
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
