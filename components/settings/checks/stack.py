"""Rules that span a whole stack, and warnings about settings that are valid but may surprise."""

from collections.abc import Container, Iterator

from ...settings.checks import monitoring, secrets
from ...settings.checks.paths import parts
from ...settings.checks.walker import until_unknown
from ...settings.cluster import Cluster
from ...settings.endpoint import NodePorts
from ...settings.formats import images, names
from ...settings.job import Job
from ...settings.mistakes import Mistake, Path
from ...settings.pod import PodSettings, merged
from ...settings.stack import Namespace, Operator, Settings
from ...settings.volumes import Volume


def warnings(settings: Settings) -> list[str]:
    """Warnings about settings that are valid but may surprise, in the order of the file."""
    found: list[Mistake] = []
    for path, part in parts(settings):
        if isinstance(part, PodSettings):
            of_pods = (*_mutable_image(part), *_old_python(part), *secrets.no_credentials(part, settings))
            found += (mistake.below(*path) for mistake in of_pods)
        elif isinstance(part, NodePorts):
            found += (mistake.below(*path) for mistake in _unusual_node_ports(part))
        elif isinstance(part, Namespace) and part.labels and not part.create:
            rule = "are left as they are, because this stack does not create the namespace"
            found.append(Mistake(rule, "remove them, or ask its owner to set them", (*path, "labels"), None))
        elif isinstance(part, Cluster):
            of_metrics = (*monitoring.silent(part), *monitoring.shut_out(part, settings))
            found += (mistake.below(*path) for mistake in of_metrics)
    return [str(mistake) for mistake in found]


def fixed_image(pod: PodSettings, settings: Settings) -> Iterator[Mistake]:
    """`strict` turns the warning about a mutable tag into an error."""
    if settings.strict:
        yield from _mutable_image(pod)


def _mutable_image(pod: PodSettings) -> Iterator[Mistake]:
    if pod.image is not None and images.is_floating(pod.image):
        rule = "is a mutable tag: its content can change without showing up in a preview"
        yield Mistake(rule, "name a version or a digest", ("image",), pod.image)


def _old_python(pod: PodSettings) -> Iterator[Mistake]:
    """Functions and data travel between client and workers as pickles, so both want the same Python."""
    if pod.image is not None and (fix := images.newer_python(pod.image)):
        rule = f"has a Python older than {images.PYTHON}, the oldest that this program and its clients run on"
        yield Mistake(rule, f"try '{fix}'", ("image",), pod.image)


def _unusual_node_ports(ports: NodePorts) -> Iterator[Mistake]:
    """Only the API server knows its range."""
    for key, port in (("scheduler", ports.scheduler), ("dashboard", ports.dashboard)):
        if port is not None and not 30000 <= port <= 32767:
            rule = "is outside of 30000 to 32767, which is the range of most Kubernetes clusters"
            yield Mistake(rule, "check `--service-node-port-range` of your API server", (key,), port)


def own_namespace(namespace: Namespace) -> Iterator[Mistake]:
    """What a stack may set for a namespace that it does not own."""
    if namespace.create and namespace.name == "default":
        rule = "exists in every Kubernetes cluster and cannot be deleted"
        yield Mistake(rule, "add `create: false`, or choose another", ("name",))
    if namespace.allow_from and not namespace.network_policies:
        yield Mistake("would be ignored, because networkPolicies is off", "add `networkPolicies: true`", ("allowFrom",))
    for key, given in (("quota", namespace.quota), ("limits", namespace.limits)):
        if given is not None and not namespace.create:
            rule = "would apply to the pods of others, too, because this stack does not create the namespace"
            yield Mistake(rule, "remove it, or leave `create` out", (key,))


def cluster_names(settings: Settings) -> Iterator[Mistake]:
    """Name lengths. Whether two objects have one name is known when they are rendered (manifests/clashes.py)."""
    for name, cluster in settings.clusters.items():
        yield from until_unknown(_cluster_length, name, cluster)
        yield from until_unknown(_group_lengths, name, cluster)


def job_names(settings: Settings) -> Iterator[Mistake]:
    """Name lengths, and jobs with the name of a cluster."""
    for name, job in settings.jobs.items():
        yield from until_unknown(_job_length, name, job)
        if name in settings.clusters:
            yield Mistake("is the name of a cluster too", "rename one", ("jobs", name), name)


def _job_length(name: str, job: Job) -> Iterator[Mistake]:
    longest = names.VERSIONED_NAME_LENGTH if job.schedule is None else names.SCHEDULED_NAME_LENGTH
    yield from _length(("jobs", name), name, longest)


def _longest(cluster: Cluster) -> int:
    """With blue/green a hash is added to the name."""
    return names.VERSIONED_NAME_LENGTH if cluster.update == "blueGreen" else names.CLUSTER_NAME_LENGTH


def _cluster_length(name: str, cluster: Cluster) -> Iterator[Mistake]:
    yield from _length(("clusters", name), name, _longest(cluster))


def _length(path: Path, name: str, longest: int) -> Iterator[Mistake]:
    if len(name) > longest:
        because = "the Service '…-scheduler' can have 63"
        if longest == names.VERSIONED_NAME_LENGTH:
            because = f"a dash and a hash of {names.HASH_LENGTH} are added and {because}"
        elif longest == names.SCHEDULED_NAME_LENGTH:
            because = f"the time and the number of the attempt are added to it ('-29400480-0') and {because}"
        rule = f"must have at most {longest} characters, not {len(name)}, because {because}"
        yield Mistake(rule, f"try '{names.suggestion(name[:longest])}'", path, name)


def _group_lengths(name: str, cluster: Cluster) -> Iterator[Mistake]:
    """A group is called `<cluster>-<hash>-<group>-<hash>`, without the first hash unless the cluster has one."""
    hashes = 2 if cluster.update == "blueGreen" else 1
    both = names.DNS_LABEL_LENGTH - hashes * (names.HASH_LENGTH + 1) - 1
    for group in cluster.worker_groups:
        if len(name) <= _longest(cluster) and len(name) + len(group) > both:
            rule = f"and the cluster's name may have {both} characters together, not {len(name) + len(group)}"
            yield Mistake(rule, "shorten one of the two", ("clusters", name, "workerGroups", group), group)


def node_ports(settings: Settings) -> Iterator[Mistake]:
    """A node port belongs to one Service of the whole Kubernetes cluster."""
    owners: dict[int, str] = {}
    for name, cluster in settings.clusters.items():
        yield from until_unknown(_node_ports, name, cluster, owners)


def _node_ports(name: str, cluster: Cluster, owners: dict[int, str]) -> Iterator[Mistake]:
    ports = cluster.endpoint.node_ports
    for key, port in (("scheduler", ports.scheduler), ("dashboard", ports.dashboard)):
        if port is not None and owners.setdefault(port, name) != name:
            rule = f"is a node port of the cluster '{owners[port]}' too"
            yield Mistake(rule, f"try {_free_near(port, owners)}", ("clusters", name, "endpoint", "nodePorts", key))
    port = cluster.notebook.endpoint.node_port if cluster.notebook else None
    if port is not None and owners.setdefault(port, f"{name}-notebook") != f"{name}-notebook":
        rule = f"is a node port of the cluster '{owners[port]}' too"
        path = ("clusters", name, "notebook", "endpoint", "nodePort")
        yield Mistake(rule, f"try {_free_near(port, owners)}", path)


def _free_near(port: int, taken: Container[int]) -> int:
    """The next port in the same range, whichever range that is."""
    last = 32767 if port <= 32767 else 65535
    return next(number for number in (*range(port, last + 1), *range(port, 0, -1)) if number not in taken)


def host_paths(pod: PodSettings, settings: Settings) -> Iterator[Mistake]:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards: only `privileged` allows them."""
    level = settings.namespace.pod_security
    for index, volume in enumerate(pod.volumes):
        yield from until_unknown(_host_path, index, volume, level)


def _host_path(index: int, volume: Volume, level: str) -> Iterator[Mistake]:
    if level != "privileged" and volume.host_path:
        rule = f"is a directory of the node, which pod security '{level}' forbids"
        yield Mistake(rule, "set `dask:namespace.podSecurity: privileged`", ("volumes", index, "hostPath"))


def root_packages(pod: PodSettings, settings: Settings) -> Iterator[Mistake]:
    """The image's start script installs these packages as root, and `restricted` pods do not run as root."""
    for manager in ("conda", "apt"):
        if settings.namespace.pod_security == "restricted" and getattr(pod.packages, manager):
            rule = "are installed by root, which pod security 'restricted' forbids"
            fix = "set `dask:namespace.podSecurity: baseline`, use `packages.pip`, or bake them into an image"
            yield Mistake(rule, fix, ("packages", manager))


def quota(owner: Cluster | Job, settings: Settings) -> Iterator[Mistake]:
    """Under a quota on cpu or memory, Kubernetes refuses every pod that does not say how much it needs."""
    for path, role in owner.roles().items():
        yield from (mistake.below(*path) for mistake in until_unknown(_quota, settings.namespace, owner, role))


def _quota(namespace: Namespace, owner: PodSettings, role: PodSettings) -> Iterator[Mistake]:
    if namespace.quota is None:
        return
    limits = merged("resources", owner, role).all_limits()
    given = limits | (namespace.limits.all_limits() if namespace.limits else {})
    for name in ("cpu", "memory"):
        if getattr(namespace.quota, name) is not None and name not in given:
            rule = f"is missing, and the namespace has a quota on {name}"
            yield Mistake(rule, "set it, or `dask:namespace.limits`", ("resources", name), None)


def operator_namespace(operator: Operator, settings: Settings) -> Iterator[Mistake]:
    """The operator's own namespace is one that this stack may create, and no other part of the stack creates."""
    home = settings.namespace.name
    if operator.install and operator.create_namespace and operator.namespace in (home, "default"):
        rule = "is created for the clusters" if operator.namespace == home else "is always there"
        yield Mistake(rule, "choose another, or add `createNamespace: false`", ("namespace",))


def watched(operator: Operator, settings: Settings) -> Iterator[Mistake]:
    """An operator that watches other namespaces would never see the stack's clusters."""
    home = settings.namespace.name
    if not (settings.clusters or settings.jobs):
        return
    if operator.install and operator.watch is not None and home not in operator.watch:
        yield Mistake(f"does not contain '{home}', where this stack's clusters are", "add it", ("watch",))
