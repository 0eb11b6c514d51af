"""The DaskOperator component: the Helm release of the operator, its namespace, and its CRDs kept current.

Exactly one stack per Kubernetes cluster installs it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
from pulumi import Output, ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions, ResourceOptions

from . import handover
from .children import options_of_children
from .configuration import common, operator_settings
from .kube import chart
from .kube import client as kube
from .kubernetes import Kubernetes
from .lifecycle import crds, ownership, releases
from .lifecycle import operators as peers
from .lifecycle.labels import owned
from .lifecycle.looks import stopping_nothing
from .lifecycle.releases import MARKER, RELEASE
from .manifests.operator import values as operator_values
from .objects import HelmRelease, KubernetesObject
from .operatorrights import rights
from .settings.formats.quantities import seconds
from .settings.secrets import PULL_SECRET
from .settings.stack import Operator
from .vocabulary import ROLE


class DaskOperator(pulumi.ComponentResource):
    """The dask-kubernetes-operator, installed by Helm."""

    release_name: Output[str]
    version: Output[str]

    def __init__(
        self,
        name: str,
        settings: Operator | Mapping[str, Any],
        kubernetes: Kubernetes | None = None,
        *,
        wait: bool = True,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        pull_secrets: Mapping[str, Mapping[str, str]] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`settings` are what stands under `dask:operator` in a stack file, as a mapping or a model.

        `labels` and `annotations` are what stands under `dask:labels` and `dask:annotations`.

        `wait` for the rollout: not needed if a verified cluster proves that the operator works. `pull_secrets` are
        Secrets with registry credentials to create in the operator's namespace. `opts.depends_on` are
        the namespaces in which it gets permissions or is installed. A namespace of its own waits for none of them.
        """
        settings, kubernetes = operator_settings(settings), kubernetes or Kubernetes.of_program()
        super().__init__(handover.OPERATOR, name, {}, kubernetes.options_with(opts))
        child, self._common = options_of_children(self, opts), common(labels, annotations)
        own = self._home(settings, kubernetes)
        options = ResourceOptions(parent=self, depends_on=own) if own else child()
        first = rights(settings, self._common, child, self)
        first += self._pull_secrets(settings, pull_secrets or {}, options)
        self._release(name, settings, kubernetes, wait, options, first)
        pulumi.Output.from_input(_warn_of_trouble(settings, kubernetes))
        self.release_name = Output.from_input(RELEASE)
        self.version = Output.from_input(settings.chart.version if settings.chart else chart.bundled_version())
        self.register_outputs({"release_name": self.release_name, "version": self.version})

    def _home(self, settings: Operator, kubernetes: Kubernetes) -> list[pulumi.Resource]:
        child = ResourceOptions(parent=self)
        if not settings.create_namespace:
            handover.let_namespace_go("operator", settings.namespace, kubernetes, child)
            return []
        labels = owned() | {"pod-security.kubernetes.io/enforce": "restricted"}
        metadata: Any = {"name": settings.namespace, "labels": labels, "annotations": {ROLE: "operator"}}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": self._common.below(metadata)}
        return [KubernetesObject("namespace", body, child)]

    def _pull_secrets(
        self, settings: Operator, secrets: Mapping[str, Mapping[str, str]], options: ResourceOptions
    ) -> Iterator[pulumi.Resource]:
        """Registry credentials for the operator's own pod, under the names that its chart is given."""
        for name, data in secrets.items():
            metadata = self._common.below({"name": name, "namespace": settings.namespace, "labels": owned()})
            body: Any = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": PULL_SECRET}
            hidden = {key: Output.secret(value) for key, value in data.items()}
            yield KubernetesObject(f"{handover.PULL_SECRET}-{name}", body | {"stringData": hidden}, options)

    def _release(
        self,
        name: str,
        settings: Operator,
        kubernetes: Kubernetes,
        wait: bool,
        options: ResourceOptions,
        first: list[pulumi.Resource],
    ) -> None:
        preflight = ResourceHook(
            f"{name}-preflight", _preflight(settings, kubernetes), opts=ResourceHookOptions(on_dry_run=True)
        )
        inputs = {
            "name": RELEASE,
            "namespace": settings.namespace,
            "values": operator_values(settings, self._common) | {MARKER: _marker(settings, kubernetes)},
            "skipCrds": settings.chart is None,
            "skipAwait": not wait,
            "atomic": wait,
            "cleanupOnFail": True,
            "timeout": seconds(settings.timeout),
        }
        own = ResourceOptions(
            depends_on=first,
            # In another namespace it would meet its own ClusterRole, and for a while there would be two operators.
            delete_before_replace=True,
            hooks=ResourceHookBinding(before_create=[preflight], before_update=[preflight]),
            custom_timeouts=pulumi.CustomTimeouts(create=settings.timeout, update=settings.timeout),
        )
        HelmRelease("release", inputs | _chart(settings), ResourceOptions.merge(options, own))


def _chart(settings: Operator) -> dict[str, Any]:
    if settings.chart is None:
        return {"chart": chart.linked()}
    repository, version = settings.chart.repository.rstrip("/"), settings.chart.version
    if repository.startswith("oci://"):
        # Helm knows no OCI repositories, only charts in a registry: the chart's own address.
        whole = repository if repository.endswith(f"/{chart.NAME}") else f"{repository}/{chart.NAME}"
        return {"chart": whole, "version": version}
    return {"chart": chart.NAME, "version": version, "repositoryOpts": {"repo": repository}}


def _marker(settings: Operator, kubernetes: Kubernetes) -> dict[str, Any]:
    """Who owns the release, and its chart's content: with a pinned image nothing else shows a new chart."""
    bundled = {"chart": chart.content()} if settings.chart is None else {}
    return {"owner": kubernetes.owner, "partOf": kubernetes.claim.part_of} | bundled


def _preflight(settings: Operator, kubernetes: Kubernetes) -> Any:
    async def preflight(args: ResourceHookArgs) -> None:
        """Refuses a release or an operator of another owner, and updates the CRDs to the chart's."""
        await kubernetes.ask.answer()
        client = await ownership.reached(kubernetes.connection)
        if client is None:
            return
        owner = args.new_inputs["values"][MARKER]["owner"] if args.new_inputs else ""
        guard = releases.make_room if args.old_inputs is None else releases.refuse_taken
        await guard(client, settings.namespace, owner, kubernetes.claim)
        await peers.refuse_second_operator(client, settings, owner, kubernetes.claim)
        if settings.chart is not None:
            return  # Helm brings the CRDs of a foreign chart, once; `docs/operations.md` describes how to update them.
        steps = await crds.plan(client, chart.crds(chart.bundled()), chart.bundled_version())
        for words in crds.told(steps, would=pulumi.runtime.is_dry_run()):
            pulumi.log.info(words)
        if not pulumi.runtime.is_dry_run():
            await crds.apply(client, steps)

    return preflight


async def _warn_of_trouble(settings: Operator, kubernetes: Kubernetes) -> None:
    """Says what Helm's record does not show: an operator that was deleted or scaled to 0 by hand."""
    namespace = settings.namespace

    async def look() -> str | None:
        client = await kube.api(kubernetes.connection)
        there = await releases.installed(client, namespace)
        return await peers.trouble(client, namespace) if there else None

    if words := await stopping_nothing(look(), f"could not check the operator in namespace '{namespace}'"):
        pulumi.log.warn(words)
