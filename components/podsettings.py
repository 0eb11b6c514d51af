"""What may be said of a pod, on the cluster and again on its scheduler, workers or one worker group.

`merge(cluster, role)` is how a role inherits: mappings are joined key by key, volumes by name, everything else is
taken from the role where it is set there.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from components import names
from components.errors import Rule
from components.model import (
    Annotations,
    Cpu,
    EnvName,
    Image,
    LabelKey,
    Labels,
    Memory,
    Model,
    ObjectName,
    Quantity,
    Raw,
)
from components.quantities import amount
from components.volumes import Volume, check_volumes

# The program sets these itself: overriding them would cut workers off from their scheduler, or from their own name.
RESERVED_ENV = {
    "DASK_SCHEDULER_ADDRESS": "the program sets it to the cluster's own scheduler",
    "DASK_WORKER_NAME": "the operator sets it to the Deployment's name, which scaling down relies on",
    "EXTRA_CONDA_PACKAGES": "`packages.conda` sets it",
    "EXTRA_PIP_PACKAGES": "`packages.pip` sets it",
    "EXTRA_APT_PACKAGES": "`packages.apt` sets it",
}


def _env(name: str) -> str:
    if name in RESERVED_ENV:
        raise Rule(f"cannot be overridden: {RESERVED_ENV[name]}", "remove it")
    return name


class Packages(Model):
    """Packages that the image installs when a pod starts: the EXTRA_*_PACKAGES of the upstream image."""

    conda: tuple[str, ...] = ()
    """conda-forge packages. The pod needs to run as root for it (`namespace.podSecurity: baseline`)."""
    pip: tuple[str, ...] = ()
    """PyPI packages."""
    apt: tuple[str, ...] = ()
    """Debian or Ubuntu packages. The pod needs to run as root for it."""


class Resources(Model):
    """`cpu` and `memory` are both request and limit; `requests` and `limits` say them apart, and name others."""

    cpu: Cpu | None = None
    """Cores, requested and limited."""
    memory: Memory | None = None
    """Bytes, requested and limited."""
    requests: dict[str, Quantity] = {}
    limits: dict[str, Quantity] = {}

    @model_validator(mode="after")
    def _limits_cover_requests(self) -> "Resources":
        limits = self.all_limits()
        for name, request in self.all_requests().items():
            if name in limits and amount(limits[name]) < amount(request):
                raise Rule(
                    f"is less than the request of {request}", f"raise it to '{request}'", ("limits", name), limits[name]
                )
        return self

    def all_requests(self) -> dict[str, str]:
        return self._shorthand() | self.requests

    def all_limits(self) -> dict[str, str]:
        return self._shorthand() | self.limits

    def _shorthand(self) -> dict[str, str]:
        return {name: value for name, value in (("cpu", self.cpu), ("memory", self.memory)) if value}


class EnvSource(Model):
    """All keys of a Secret or ConfigMap as environment variables."""

    secret: ObjectName | None = None
    """A Secret, or the name of an entry of `dask:secrets`."""
    config_map: ObjectName | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "EnvSource":
        if (self.secret is None) == (self.config_map is None):
            raise Rule("needs exactly one of `secret` and `configMap`", "keep one")
        return self


class Toleration(Model):
    """A taint that pods put up with, as in a pod's `tolerations`."""

    key: LabelKey | None = None
    operator: Literal["Exists", "Equal"] | None = None
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: int | None = None


class PodSettings(Model):
    """The part of the configuration that every kind of pod shares."""

    image: Image | None = None
    """The container image, with a tag. Scheduler, workers and clients should run one version of Dask."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    image_pull_secrets: tuple[ObjectName, ...] = ()
    """Secrets with registry credentials; they must exist in the namespace."""
    packages: Packages = Packages()
    env: dict[Annotated[EnvName, AfterValidator(_env)], str] = {}
    """Environment variables. Values are strings: quote numbers."""
    env_from: tuple[EnvSource, ...] = ()
    """Environment variables from Secrets and ConfigMaps."""
    dask_config: Raw = {}
    """Dask's own configuration as a tree, such as `{distributed: {worker: {memory: {target: 0.7}}}}`."""
    volumes: tuple[Volume, ...] = ()
    """Volumes together with where they are mounted."""
    resources: Resources = Resources()
    node_selector: Labels = {}
    tolerations: tuple[Toleration, ...] = ()
    affinity: Raw = {}
    """A pod's `affinity`, as Kubernetes takes it."""
    topology_spread_constraints: tuple[Raw, ...] = ()
    """A pod's `topologySpreadConstraints`, as Kubernetes takes them."""
    priority_class: ObjectName | None = None
    service_account: ObjectName | None = None
    """The service account of the pods. Its token is not mounted unless `podTemplate` says so."""
    labels: Labels = {}
    annotations: Annotations = {}
    pod_template: Raw = {}
    """A raw pod spec laid over the made one, for what is missing here. Containers are matched by name."""

    @model_validator(mode="after")
    def _volumes_fit(self) -> "PodSettings":
        check_volumes(self.volumes)
        return self


Probe = Annotated[int, Field(ge=0, le=86_400)]


class ProbeTiming(Model):
    """When a health probe asks, in seconds. The fields are those of a Kubernetes probe."""

    initial_delay_seconds: Probe | None = None
    period_seconds: Annotated[int, Field(ge=1, le=3600)] | None = None
    timeout_seconds: Annotated[int, Field(ge=1, le=3600)] | None = None
    failure_threshold: Annotated[int, Field(ge=1, le=1000)] | None = None


class Probes(Model):
    """Health probes against `/health` of the dashboard. Left out, they have the timing described in the docs."""

    readiness: ProbeTiming | None = None
    liveness: ProbeTiming | None = None


def merge(base: PodSettings, over: PodSettings) -> PodSettings:
    """`over` with what it leaves out taken from `base`."""
    merged: dict[str, Any] = {}
    for field in PodSettings.model_fields:
        low, high = getattr(base, field), getattr(over, field)
        if isinstance(low, dict):
            merged[field] = _join(low, high)
        elif field == "volumes":
            merged[field] = tuple({volume.name: volume for volume in (*low, *high)}.values())
        else:
            merged[field] = high if field in over.model_fields_set else low
    return PodSettings.model_construct(_fields_set=set(merged), **merged)


def _join(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: _join(low[key], high[key]) if isinstance(low[key], dict) and isinstance(high[key], dict) else high[key]
        for key in low.keys() & high.keys()
    }
    return low | high | both


def floating_images(settings: PodSettings) -> list[str]:
    """The image, where it can change under the same name."""
    return [settings.image] if settings.image and names.is_floating(settings.image) else []
