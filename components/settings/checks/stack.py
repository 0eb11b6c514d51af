"""Rules that span a whole stack. Each function yields the broken rules, with the path where they are broken."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import TYPE_CHECKING

from ...settings.checks.messages import Path, Rule, shown_path
from ...settings.checks.paths import parts
from ...settings.checks.run import known
from ...settings.formats import images, names
from ...settings.pod import PodSettings, merge

if TYPE_CHECKING:
    from ...settings.cluster import Cluster
    from ...settings.job import Job
    from ...settings.stack import Namespace, Settings

FLOATING = ("is a mutable tag: its content can change without showing up in a preview", "name a version or a digest")


def floating(settings: Settings) -> Iterator[tuple[Path, str]]:
    """Every image that can change under the same name, with its path."""
    for path, part in parts(settings):
        if isinstance(part, PodSettings) and isinstance(part.image, str) and images.is_floating(part.image):
            yield (*path, "image"), part.image


def warnings(settings: Settings) -> Iterator[str]:
    """What works, and may surprise."""
    yield from (floating_line(path, image) for path, image in floating(settings))
    yield from old_pythons(settings)
    yield from unusual_node_ports(settings)


def old_pythons(settings: Settings) -> Iterator[str]:
    """Functions and data travel between client and workers as pickles, so both want one Python."""
    for path, part in parts(settings):
        if isinstance(part, PodSettings) and isinstance(part.image, str) and (fix := images.newer_python(part.image)):
            rule = f"has a Python older than the {images.PYTHON} that this program and its clients start at"
            yield f"{shown_path((*path, 'image'))}: '{part.image}' {rule}; try '{fix}'"


def unusual_node_ports(settings: Settings) -> Iterator[str]:
    """Only the API server knows its range."""
    for name, cluster in settings.clusters.items():
        for key, port in (
            ("scheduler", cluster.endpoint.node_ports.scheduler),
            ("dashboard", cluster.endpoint.node_ports.dashboard),
        ):
            if port is not None and not 30000 <= port <= 32767:
                rule = "is outside of 30000 to 32767, which is the range of most Kubernetes clusters"
                place = shown_path(("clusters", name, "endpoint", "nodePorts", key))
                yield f"{place}: {port} {rule}; check `--service-node-port-range` of your API server"


def fixed_images(settings: Settings) -> Iterator[Rule]:
    if settings.strict:
        yield from (Rule(*FLOATING, path) for path, _ in floating(settings))


def cluster_names(settings: Settings) -> Iterator[Rule]:
    """Name lengths, and clashes between the names of generated objects."""
    for name, cluster in settings.clusters.items():
        yield from known(_cluster_length, name, cluster)
        yield from known(_group_lengths, name, cluster)
        if f"{name}-scheduler" in settings.clusters:
            rule = f"is what the operator calls a Service of the cluster '{name}'"
            yield Rule(rule, "rename one", ("clusters", f"{name}-scheduler"), f"{name}-scheduler")


def job_names(settings: Settings) -> Iterator[Rule]:
    for name in settings.jobs:
        yield from known(_length, ("jobs", name), name, names.VERSIONED_NAME_LENGTH)
        if name in settings.clusters:
            yield Rule("is the name of a cluster too", "rename one", ("jobs", name), name)


def _longest(cluster: Cluster) -> int:
    """With blue/green a hash is added to the name."""
    return names.VERSIONED_NAME_LENGTH if cluster.update == "blueGreen" else names.CLUSTER_NAME_LENGTH


def _cluster_length(name: str, cluster: Cluster) -> Iterator[Rule]:
    yield from _length(("clusters", name), name, _longest(cluster))


def _length(path: Path, name: str, longest: int) -> Iterator[Rule]:
    if len(name) > longest:
        because = "the Service '…-scheduler' can have 63"
        if longest == names.VERSIONED_NAME_LENGTH:
            because = f"a dash and a hash of {names.HASH_LENGTH} are added and {because}"
        rule = f"must have at most {longest} characters, not {len(name)}, because {because}"
        yield Rule(rule, f"try '{names.suggestion(name[:longest])}'", path, name)


def _group_lengths(name: str, cluster: Cluster) -> Iterator[Rule]:
    """A group is called `<cluster>-<hash>-<group>-<hash>`, without the first hash unless the cluster has one."""
    hashes = 2 if cluster.update == "blueGreen" else 1
    both = names.DNS_LABEL_LENGTH - hashes * (names.HASH_LENGTH + 1) - 1
    for group in cluster.worker_groups:
        if len(name) <= _longest(cluster) and len(name) + len(group) > both:
            rule = f"and the cluster's name may have {both} characters together, not {len(name) + len(group)}"
            yield Rule(rule, "shorten one of the two", ("clusters", name, "workerGroups", group), group)


def node_ports(settings: Settings) -> Iterator[Rule]:
    """A node port belongs to one Service of the whole Kubernetes cluster."""
    owners: dict[int, str] = {}
    for name, cluster in settings.clusters.items():
        yield from known(_node_ports, name, cluster, owners)


def _node_ports(name: str, cluster: Cluster, owners: dict[int, str]) -> Iterator[Rule]:
    ports = cluster.endpoint.node_ports
    for key, port in (("scheduler", ports.scheduler), ("dashboard", ports.dashboard)):
        if not isinstance(port, int):
            continue
        if owners.setdefault(port, name) != name:
            free = _free_beside(port, owners)
            rule = f"is a node port of the cluster '{owners[port]}' too"
            yield Rule(rule, f"try {free}", ("clusters", name, "endpoint", "nodePorts", key))


def _free_beside(port: int, taken: Container[int]) -> int:
    """The next port in the same range, whichever range that is."""
    last = 32767 if port <= 32767 else 65535
    return next(number for number in (*range(port, last + 1), *range(port, 0, -1)) if number not in taken)


def pod_security(settings: Settings) -> Iterator[Rule]:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards: what each level forbids."""
    level = settings.namespace.pod_security
    for path, part in parts(settings):
        if isinstance(part, PodSettings):
            yield from known(_host_paths, level, path, part)
            yield from known(_root_packages, level, path, part)


def _host_paths(level: str, path: Path, pod: PodSettings) -> Iterator[Rule]:
    for index, volume in enumerate(pod.volumes):
        if level != "privileged" and volume.host_path:
            rule = f"is a directory of the node, which pod security '{level}' forbids"
            fix = "set `dask:namespace.podSecurity: privileged`"
            yield Rule(rule, fix, (*path, "volumes", index, "hostPath"))


def _root_packages(level: str, path: Path, pod: PodSettings) -> Iterator[Rule]:
    for manager in ("conda", "apt"):
        if level == "restricted" and getattr(pod.packages, manager):
            rule = "are installed by root, which pod security 'restricted' forbids"
            fix = "set `dask:namespace.podSecurity: baseline`, use `packages.pip`, or bake them into an image"
            yield Rule(rule, fix, (*path, "packages", manager))


def quota(settings: Settings) -> Iterator[Rule]:
    """Under a quota on cpu or memory Kubernetes refuses every pod that does not say how much it needs."""
    owners: dict[Path, Cluster | Job] = {("clusters", name): cluster for name, cluster in settings.clusters.items()}
    owners |= {("jobs", name): job for name, job in settings.jobs.items()}
    for path, owner in owners.items():
        for role, pod in owner.roles().items():
            yield from known(_quota, settings.namespace, (*path, *role), owner, pod)


def _quota(namespace: Namespace, path: Path, owner: PodSettings, role: PodSettings) -> Iterator[Rule]:
    if namespace.quota is None:
        return
    given = merge(owner, role).resources.all_limits() | (namespace.limits.all_limits() if namespace.limits else {})
    for name in ("cpu", "memory"):
        if getattr(namespace.quota, name) is not None and name not in given:
            rule = f"is missing, and the namespace has a quota on {name}"
            yield Rule(rule, "set it, or `dask:namespace.limits`", (*path, "resources", name), None)


def watched(settings: Settings) -> Iterator[Rule]:
    """An operator that watches other namespaces would never see the stack's clusters."""
    operator, home = settings.operator, settings.namespace.name
    if operator.install and operator.create_namespace and operator.namespace in (home, "default"):
        rule = "is created for the clusters" if operator.namespace == home else "is always there"
        yield Rule(rule, "choose another, or add `createNamespace: false`", ("operator", "namespace"))
    if not (settings.clusters or settings.jobs):
        return
    if operator.install and operator.watch is not None and home not in operator.watch:
        yield Rule(f"does not contain '{home}', where this stack's clusters are", "add it", ("operator", "watch"))


def floating_line(path: Path, image: str) -> str:
    """The warning about a floating image."""
    return f"{shown_path(path)}: '{image}' {FLOATING[0]}; {FLOATING[1]}"
