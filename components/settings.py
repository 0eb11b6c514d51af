"""The whole configuration of a stack. In: the `dask:` keys of Pulumi.<stack>.yaml. Out: one frozen `Settings`.

`load()` reads what the engine hands over; `parse()` is the pure part. Both report every mistake at once, as a
`ConfigError`, before anything is registered.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pulumi.runtime import config as pulumi_config
from pydantic import BeforeValidator, Field, ValidationError, WithJsonSchema, model_validator

from components import names
from components.clustersettings import Cluster, longest_name
from components.errors import ConfigError, Rule, Rules, mistakes
from components.jobsettings import Job
from components.model import Cpu, Duration, Labels, Memory, Model, Name, NamespaceName, ObjectName, Raw
from components.podsettings import PodSettings, Resources, floating_images
from components.rules import namespace_rules

PROJECT = "dask"


class Quota(Model):
    """The most that all pods of the namespace together may request and be limited to."""

    cpu: Cpu | None = None
    memory: Memory | None = None
    pods: Annotated[int, Field(ge=1)] | None = None


class Namespace(Model):
    """The namespace that the stack's clusters live in."""

    name: NamespaceName = "dask"
    create: bool = True
    """Whether this stack owns the namespace. `false` uses one that exists."""
    labels: Labels = {}
    quota: Quota | None = None
    limits: Resources | None = None
    """What a container gets that names no resources of its own (a LimitRange)."""
    pod_security: Literal["restricted", "baseline", "privileged"] = "restricted"
    """The Pod Security Standard that the namespace enforces."""
    network_policies: bool = False
    """Whether only the namespace's own pods, the operator and `allowFrom` may connect to the clusters."""
    allow_from: tuple[str, ...] = ()
    """CIDR ranges of clients that may connect although `networkPolicies` is on."""


class ChartRepository(Model):
    """A chart repository to take the operator's chart from, instead of the one in the pinned wheel."""

    repository: str
    version: str


class OperatorImage(Model):
    """The operator's image where it is mirrored."""

    name: str | None = None
    tag: str | None = None


def _all_is_none(value: Any) -> Any:
    """A tuple, because a validator in front of the field turns pydantic's lenient JSON mode off."""
    if value == "all":
        return None
    return tuple(value) if isinstance(value, list) else value


def _bundled_is_none(value: Any) -> Any:
    return None if value == "bundled" else value


Watch = Annotated[
    tuple[NamespaceName, ...] | None,
    BeforeValidator(_all_is_none),
    WithJsonSchema({"anyOf": [{"const": "all"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
Chart = Annotated[ChartRepository | None, BeforeValidator(_bundled_is_none)]


class Operator(Model):
    """The dask-kubernetes-operator. Exactly one stack per Kubernetes cluster installs it."""

    install: bool = True
    namespace: NamespaceName = "dask-operator"
    watch: Watch = None
    """`all`, or a list of namespaces that this operator alone looks after."""
    chart: Chart = None
    """`bundled`: the chart in the pinned dask-kubernetes wheel; or a repository and a version."""
    image: OperatorImage = OperatorImage()
    image_pull_secrets: tuple[ObjectName, ...] = ()
    resources: Resources = Resources(requests={"cpu": "50m", "memory": "192Mi"})
    timeout: Duration = "5m"
    """How long the release may take to install."""
    values: Raw = {}
    """More values of the chart, laid over ours."""


class Settings(Model):
    """Everything that a stack says."""

    namespace: Namespace = Namespace()
    operator: Operator = Operator()
    clusters: dict[Name, Cluster] = {}
    """The Dask clusters, by name."""
    jobs: dict[Name, Job] = {}
    """The DaskJobs, by name: each runs once on a cluster of its own."""
    secrets: dict[Name, dict[str, str]] = {}
    """Kubernetes Secrets to make, by name. Give the values with `pulumi config set --secret`."""
    strict: bool = False
    """Refuses what is only warned about otherwise, such as the image tag `latest`."""

    @model_validator(mode="after")
    def _fits_together(self) -> "Settings":
        broken = _names(self) + namespace_rules(self.namespace, _roles(self))
        if self.strict:
            broken += [Rule(*_FLOATING, path, image) for path, image in _floating(self)]
        if broken:
            raise Rules(broken)
        return self

    def warnings(self) -> list[str]:
        """What works and may surprise."""
        return [f"dask:{'.'.join(path)}: '{image}' {_FLOATING[0]}; {_FLOATING[1]}" for path, image in _floating(self)]


_FLOATING = ("can change under the same name, which no preview shows", "name a version or a digest")


def _roles(settings: Settings) -> dict[tuple[str, ...], PodSettings]:
    clusters = {("clusters", name): cluster.role_pods() for name, cluster in settings.clusters.items()}
    jobs = {("jobs", name): job.role_pods() for name, job in settings.jobs.items()}
    return {(*owner, *role): pod for owner, roles in (clusters | jobs).items() for role, pod in roles.items()}


def _floating(settings: Settings) -> list[tuple[tuple[str, ...], str]]:
    """Each floating image once, where it is written."""
    found = {}
    for path, pod in _roles(settings).items():
        for image in floating_images(pod):
            found.setdefault((*path[:2], image), ((*path[:2], "image"), image))
    return list(found.values())


def _names(settings: Settings) -> list[Rule]:
    broken = []
    for name, cluster in settings.clusters.items():
        if len(name) > longest_name(cluster):
            rule = f"must have at most {longest_name(cluster)} characters, not {len(name)}"
            broken.append(Rule(rule, "shorten it", ("clusters", name), name))
        for group in cluster.worker_groups:
            longest = names.DNS_LABEL_LENGTH - len(name) - 2 * (names.HASH_LENGTH + 1) - 1
            if len(group) > longest:
                rule = f"must have at most {longest} characters beside the cluster's {len(name)}"
                broken.append(Rule(rule, "shorten one of the two", ("clusters", name, "workerGroups", group), group))
        if name in settings.jobs:
            broken.append(Rule("is the name of a cluster too", "rename one", ("jobs", name), name))
    return broken


def parse(raw: Mapping[str, Any]) -> Settings:
    """Settings from JSON values by top-level key. Raises `ConfigError` with every mistake."""
    try:
        return Settings.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        raise ConfigError(list(mistakes(error, Settings))) from None


def load() -> Settings:
    """The settings of the stack that runs."""
    raw: dict[str, Any] = {}
    broken: list[str] = []
    for key, value in pulumi_config.CONFIG.get().items():
        project, _, name = key.partition(":")
        if project != PROJECT:
            continue
        if name != "secrets" and pulumi_config.is_config_secret(key):
            broken.append(f"{key}: holds a secret; move it to `dask:secrets.<name>.<KEY>` and refer to it by `envFrom`")
        try:
            raw[name] = json.loads(value) if isinstance(value, str) else value
        except json.JSONDecodeError:
            raw[name] = value
    if broken:
        raise ConfigError(broken)
    return parse(raw)
