"""The settings of a pod, on the cluster and again on its scheduler, workers or one worker group.

`merge(cluster, role)` is how a role inherits: mappings are joined key by key, volumes by name, `podTemplate`
as pod_merge.py does, everything else is taken from the role if it is set there.
"""

from typing import Any, Literal

from ..settings.dask_config import EnvName
from ..settings.fields import Annotations, Image, Labels, Model, ObjectName, Raw, Selector
from ..settings.pod_merge import overlay
from ..settings.pod_parts import EnvSource, Packages, Probes, ProbeTiming, Toleration
from ..settings.resources import Resources
from ..settings.volumes import Volume

__all__ = ["PodSettings", "ProbeTiming", "Probes", "Resources", "merge"]


class PodSettings(Model):
    """The part of the configuration that every kind of pod shares."""

    image: Image | None = None
    """The container image, with a tag. Scheduler, workers and clients should run one version of Dask."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When to pull the image. Default: `IfNotPresent`."""
    image_pull_secrets: tuple[ObjectName, ...] = ()
    """Secrets with registry credentials: entries of `dask:secrets`, or Secrets that exist in the namespace."""
    packages: Packages = Packages()
    """Packages to install when a pod starts."""
    env: dict[EnvName, str] = {}
    """Environment variables. Values are strings: quote numbers."""
    env_from: tuple[EnvSource, ...] = ()
    """Environment variables from Secrets and ConfigMaps."""
    dask_config: Raw = {}
    """Dask's own configuration as a tree, such as `{distributed: {worker: {memory: {target: 0.7}}}}`."""
    volumes: tuple[Volume, ...] = ()
    """Volumes and their mount paths."""
    resources: Resources = Resources()
    """CPU, memory and devices."""
    node_selector: Selector = {}
    """Labels that a node must have."""
    tolerations: tuple[Toleration, ...] = ()
    """Taints that the pods tolerate."""
    affinity: Raw = {}
    """A pod's `affinity`, as in Kubernetes."""
    topology_spread_constraints: tuple[Raw, ...] = ()
    """A pod's `topologySpreadConstraints`, as in Kubernetes."""
    priority_class: ObjectName | None = None
    """The PriorityClass of the pods."""
    service_account: ObjectName | None = None
    """The service account of the pods: an entry of `dask:serviceAccounts`, or one that exists. Its token is not mounted
    unless `podTemplate` sets it."""
    labels: Labels = {}
    """Labels of the pods."""
    annotations: Annotations = {}
    """Annotations of the pods."""
    pod_template: Raw = {}
    """A raw pod spec merged over the generated one, for fields that have no setting. Lists are merged as Kubernetes
    merges them: containers, volumes and `env` by name, mounts by path. A null removes the field."""


def merge(base: PodSettings, over: PodSettings) -> PodSettings:
    """`over`, with the fields that it does not set taken from `base`."""
    fields = {field: merged(field, base, over) for field in PodSettings.model_fields}
    return PodSettings.model_construct(_fields_set=set(fields), **fields)


def merged(field: str, base: PodSettings, over: PodSettings) -> Any:
    """One field of the merged settings."""
    low, high = getattr(base, field), getattr(over, field)
    if field == "pod_template":
        return overlay(dict(low), dict(high))
    if field == "volumes":
        return tuple({volume.name: volume for volume in (*low, *high)}.values())
    if isinstance(low, dict) or isinstance(high, dict):
        return _join(low, high)
    return high if field in over.model_fields_set and high is not None else low


def _join(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: _join(low[key], high[key]) if isinstance(low[key], dict) and isinstance(high[key], dict) else high[key]
        for key in low.keys() & high.keys()
    }
    return low | high | both
