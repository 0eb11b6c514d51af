"""The whole configuration of a stack: the `dask:` keys of Pulumi.<stack>.yaml.

configuration.py makes `Settings` of them, and reports every mistake at once before any resource is registered.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ..settings.cluster import Cluster
from ..settings.fields import (
    ClusterName,
    CommonAnnotations,
    Cpu,
    Duration,
    ImageName,
    ImageTag,
    Labels,
    Memory,
    Model,
    Name,
    NamespaceName,
    ObjectName,
    Raw,
    SecretKey,
    Url,
    word,
)
from ..settings.job import Job
from ..settings.peers import PeerOrRange
from ..settings.prices import Prices
from ..settings.resources import Resources
from ..settings.secrets import PULL_SECRET, SecretType, ServiceAccount, type_of


class Quota(Model):
    """The upper bound for the requests and the limits of all pods of the namespace together."""

    cpu: Cpu | None = None
    """Cores of all pods together."""
    memory: Memory | None = None
    """Bytes of all pods together."""
    pods: Annotated[int, Field(ge=1)] | None = None
    """The number of pods."""


class Namespace(Model):
    """The namespace that the stack's clusters live in."""

    name: NamespaceName = "dask"
    """Its name."""
    create: bool = True
    """Whether this stack owns the namespace. `false` uses an existing one."""
    labels: Labels = {}
    """Labels of the namespace."""
    quota: Quota | None = None
    """The upper bound for all pods together (a ResourceQuota)."""
    limits: Resources | None = None
    """The resources of containers that set none themselves (a LimitRange)."""
    pod_security: Literal["restricted", "baseline", "privileged"] = "restricted"
    """The Pod Security Standard that the namespace enforces."""
    network_policies: bool = False
    """Whether only the namespace's own pods, the operator and `allowFrom` may connect to the clusters."""
    allow_from: tuple[PeerOrRange, ...] = ()
    """Who else may connect with `networkPolicies`: address ranges, and pods of other namespaces."""


class ChartRepository(Model):
    """A chart repository to take the operator's chart from, instead of the one in the pinned wheel."""

    repository: Annotated[Url, Field(examples=["https://helm.dask.org"])]
    """Its address: `https://…`, or `oci://…` of the registry's folder that the chart is in, or of the chart itself."""
    version: Annotated[str, Field(min_length=1, examples=["2026.3.0"])]
    """The chart's version."""


class OperatorImage(Model):
    """The operator's image, for a mirror."""

    name: ImageName | None = None
    """The image without a tag. Default: the upstream one."""
    tag: ImageTag | None = None
    """The tag, followed by `@sha256:…` to pin a digest. Default: the version of the chart."""


def _all_is_none(value: Any) -> Any:
    """A tuple, because a validator before the field turns off pydantic's lenient JSON mode."""
    if value == "all":
        return None
    return tuple(value) if isinstance(value, list) else value


def _bundled_is_none(value: Any) -> Any:
    return None if value == "bundled" else value


Namespaces = Annotated[tuple[NamespaceName, ...], Field(min_length=1)]
Watch = Annotated[Namespaces | None, BeforeValidator(_all_is_none), word("all")]
Chart = Annotated[ChartRepository | None, BeforeValidator(_bundled_is_none), word("bundled")]


class Operator(Model):
    """The dask-kubernetes-operator. One stack per Kubernetes cluster installs it, or several with a `watch` list."""

    install: bool = True
    """Whether this stack installs the operator. `false` if it is installed by another stack or in another way."""
    namespace: NamespaceName = "dask-operator"
    """The operator's own namespace."""
    create_namespace: bool = True
    """Whether this stack creates that namespace. `false` uses an existing one."""
    watch: Watch = None
    """`all`, or a list of namespaces that only this operator watches."""
    cluster_role: bool = True
    """With a list in `watch`: whether a ClusterRole allows the operator to list namespaces and CRDs. Without it, every
    start of the operator takes a minute longer."""
    chart: Chart = None
    """`bundled`: the chart in the pinned dask-kubernetes wheel; or a repository and a version."""
    image: OperatorImage = OperatorImage()
    """The operator's image, for a mirror."""
    image_pull_secrets: tuple[ObjectName, ...] = ()
    """Secrets with registry credentials: entries of `dask:secrets`, or existing ones in the operator's namespace."""
    resources: Resources = Resources(requests={"cpu": "50m", "memory": "192Mi"})
    """CPU and memory of the operator. Default: requests of 50m and 192Mi."""
    timeout: Duration = "5m"
    """How long the release may take to install."""
    values: Raw = {}
    """Extra chart values, merged over the defaults."""

    @property
    def pull_secrets(self) -> tuple[str, ...]:
        """The Secrets with registry credentials that the chart is given, those in `values` included."""
        listed = self.values.get("imagePullSecrets")
        more = listed if isinstance(listed, list) else []
        return (*self.image_pull_secrets, *(str(it["name"]) for it in more if isinstance(it, dict) and "name" in it))


class Settings(Model):
    """The whole configuration of a stack."""

    namespace: Namespace = Namespace()
    """The namespace that the clusters live in."""
    operator: Operator = Operator()
    """The operator that runs the clusters."""
    clusters: dict[ClusterName, Cluster] = {}
    """The Dask clusters, by name."""
    jobs: dict[ClusterName, Job] = {}
    """The DaskJobs, by name: programs that run once, or on a schedule, each run on a cluster of its own."""
    secrets: dict[Name, dict[SecretKey, str]] = {}
    """Kubernetes Secrets to create, by name. Set the values with `pulumi config set --secret`. One with the key
    `.dockerconfigjson` has registry credentials, and `imagePullSecrets` may name it."""
    secret_types: dict[Name, SecretType] = {}
    """The types of Secrets under `dask:secrets`, by name. Default: `kubernetes.io/dockerconfigjson` with the key
    `.dockerconfigjson`, otherwise `Opaque`."""
    service_accounts: dict[Name, ServiceAccount] = {}
    """Service accounts to create, by name. Pods use them with `serviceAccount`."""
    prices: Prices = Prices()
    """What resources cost. `preview` and `up` then say what each cluster costs for an hour."""
    labels: Labels = {}
    """Labels of everything that the stack creates, its pods included, for cost centres and policies. The labels of a
    cluster, a role or a monitor come first."""
    annotations: CommonAnnotations = {}
    """Annotations of everything that the stack creates, like `labels`."""
    strict: bool = False
    """Turns these warnings into errors: mutable image tags such as `latest`, and secrets in plain text."""
    take_over: bool = False
    """Takes over objects that another state of a stack of this name has created. Use it after a state was lost, for one
    `up`."""

    def secret_type(self, name: str) -> str:
        """The type in Kubernetes of a Secret under `dask:secrets`."""
        return type_of(self.secrets[name], self.secret_types.get(name))

    @property
    def operator_pull_secrets(self) -> dict[str, dict[str, str]]:
        """The Secrets with registry credentials that the operator's namespace gets as well."""
        if self.operator.namespace == self.namespace.name:
            return {}
        named = self.operator.pull_secrets
        return {
            name: it for name, it in self.secrets.items() if name in named and self.secret_type(name) == PULL_SECRET
        }
