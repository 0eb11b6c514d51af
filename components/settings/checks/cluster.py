"""Rules that span the parts of one cluster or job. Each function yields the rules that its settings break."""

from collections.abc import Iterator

from ...settings.checks.dask_config import encryption
from ...settings.checks.paths import parts
from ...settings.checks.walker import until_unknown
from ...settings.cluster import Cluster, Scheduler
from ...settings.job import Job
from ...settings.mistakes import Mistake, Path
from ...settings.pod import PodSettings
from ...settings.tls import Tls
from ...settings.volumes import Volume, same_place
from ...settings.workers import ScaledPods, WorkerPods


def fixed_or_range(workers: ScaledPods) -> Iterator[Mistake]:
    """Either `replicas`, or `minimum` and `maximum`."""
    low, high = workers.minimum, workers.maximum
    if workers.replicas is not None and (low is not None or high is not None):
        yield Mistake("cannot be combined with minimum and maximum", "keep one or the other", ("replicas",))
    elif (low is None) != (high is None):
        given, other = ("minimum", "maximum") if high is None else ("maximum", "minimum")
        yield Mistake(f"needs the {other} too", f"add `{other}`", (given,))
    elif low is not None and high is not None and low > high:
        yield Mistake(f"is above the maximum of {high}", "swap them", ("minimum",))
    for key, field in (("idleTime", "idle_time"), ("maximumStarting", "maximum_starting")):
        if field in workers.model_fields_set and low is None and high is None:
            yield Mistake("would be ignored: the number of workers is fixed", "remove it", (key,))


def resources_twice(workers: WorkerPods) -> Iterator[Mistake]:
    """`--resources` holds all of a worker's resources: of two, the last one counts."""
    if workers.dask_resources and any(it.split("=")[0] == "--resources" for it in workers.extra_args):
        yield Mistake("would be replaced by `--resources` in `extraArgs`", "remove it", ("daskResources",))


def worker_ports(workers: WorkerPods) -> Iterator[Mistake]:
    """A worker's own port and its dashboard share one network namespace."""
    if workers.port is not None and workers.port == workers.dashboard_port:
        yield Mistake("is the worker's own port too", "choose another", ("dashboardPort",), workers.dashboard_port)


def scheduler_ports(scheduler: Scheduler) -> Iterator[Mistake]:
    """The scheduler's port and its dashboard share one network namespace."""
    if scheduler.port == scheduler.dashboard_port:
        yield Mistake("is the scheduler's port too", "choose another", ("dashboardPort",), scheduler.dashboard_port)


def tls_switched_on(tls: Tls) -> Iterator[Mistake]:
    """Settings of TLS that would have no effect."""
    if tls.secret is not None and not tls.enabled:
        yield Mistake("would be ignored, because tls is not enabled", "add `enabled: true`", ("secret",))
    if tls.issuer is not None and not tls.enabled:
        yield Mistake("would be ignored, because tls is not enabled", "add `enabled: true`", ("issuer",), None)
    if tls.issuer is not None and tls.secret is not None:
        yield Mistake("would be ignored, because the certificates come from `secret`", "remove it", ("issuer",), None)
    for key, given in (("rotation", "rotation"), ("validDays", "valid_days")):
        if tls.secret is not None and given in tls.model_fields_set:
            yield Mistake("would be ignored, because the certificates come from `secret`", "remove it", (key,))


def exposure(cluster: Cluster) -> Iterator[Mistake]:
    """Dask runs whatever code reaches its port."""
    endpoint = cluster.endpoint
    if not (endpoint.type == "ClusterIP" or cluster.tls.enabled or endpoint.insecure):
        rule = "without tls allows everyone who can reach the port to run code on the cluster"
        fix = "set `tls: {enabled: true}`, or `endpoint.insecure: true` if you mean it"
        yield Mistake(rule, fix, ("endpoint", "type"))


def idle_timeout(cluster: Cluster) -> Iterator[Mistake]:
    """The operator's own way to end an idle cluster, which no preview can tell (docs/adr)."""
    if cluster.idle_timeout:
        rule = (
            "would let the operator delete the cluster, with the results that clients hold on it, at a time that no "
            "preview can tell"
        )
        fix = "remove it, and use `workers: {minimum: 0, maximum: 10}`, or `suspended: true` at fixed hours"
        yield Mistake(rule, fix, ("idleTimeout",))


def adoption(cluster: Cluster) -> Iterator[Mistake]:
    """An adopted cluster keeps its name, and a blue/green cluster has a hash in it."""
    if cluster.adopt and cluster.update == "blueGreen":
        rule = "keeps the name that the cluster has, which `update: blueGreen` cannot"
        yield Mistake(rule, "add `update: recreate`", ("adopt",))
    if cluster.adopt and cluster.autoscaled:
        rule = "keeps workers that cannot be told apart by their names, so no number of workers can follow the work"
        yield Mistake(rule, "remove it, or use `replicas`", ("adopt",))
    if cluster.adopt and cluster.suspended:
        rule = "would delete the cluster that `adopt` takes over"
        yield Mistake(rule, "remove it, and suspend the cluster when `adopt` is removed", ("suspended",))


def encrypted(owner: Cluster | Job) -> Iterator[Mistake]:
    """Encryption settings that would conflict with `tls`."""
    if not owner.tls.enabled:
        return
    for path, part in parts(owner):
        if isinstance(part, PodSettings):
            yield from (mistake.below(*path) for mistake in until_unknown(encryption, part))


def inherited_volumes(owner: Cluster | Job) -> Iterator[Mistake]:
    """A role's volume at the mount path of an inherited volume with another name."""
    for path, role in owner.roles().items():
        yield from until_unknown(_beside_inherited, owner, path, role)


def _beside_inherited(owner: PodSettings, path: Path, role: PodSettings) -> Iterator[Mistake]:
    for index, volume in enumerate(role.volumes):
        for inherited in owner.volumes:
            yield from until_unknown(_clash, (*path, "volumes", index, "mountPath"), volume, inherited)


def _clash(path: Path, volume: Volume, inherited: Volume) -> Iterator[Mistake]:
    if volume.name != inherited.name and same_place(volume, inherited):
        rule = f"is already where the inherited volume '{inherited.name}' is mounted"
        yield Mistake(rule, f"use another path, or call the volume '{inherited.name}' to replace that one", path)
