"""The DaskOperator component: the Helm release of the operator, its namespace, and its CRDs kept current.

In: `settings.operator`. Out: the release's name and version. Exactly one stack per Kubernetes cluster installs it.
"""

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi import Output, ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions, ResourceOptions
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

from components import chart, crds, peers
from components.kube import Connection, api
from components.labels import owned
from components.operatorrights import RELEASE, rights
from components.quantities import seconds
from components.settings import Operator


class DaskOperator(pulumi.ComponentResource):
    """The dask-kubernetes-operator, installed by Helm."""

    release_name: Output[str]
    version: Output[str]

    def __init__(
        self,
        name: str,
        settings: Operator,
        connection: Connection,
        *,
        wait: bool = True,
        after: Sequence[pulumi.Resource] = (),
        opts: ResourceOptions | None = None,
    ) -> None:
        """`wait` for the rollout: not needed where a verified cluster proves that the operator works.

        `after` are the namespaces that a namespaced operator gets its rights in.
        """
        super().__init__("dask:k8s:Operator", name, {}, opts)
        child = ResourceOptions(parent=self)
        metadata: Any = {"name": settings.namespace, "labels": owned() | _RESTRICTED}
        own = [Namespace("namespace", metadata=metadata, opts=child)] if settings.create_namespace else []
        preflight = ResourceHook(
            f"{name}-preflight", _preflight(settings, connection), opts=ResourceHookOptions(on_dry_run=True)
        )
        Release(
            "release",
            name=RELEASE,
            namespace=settings.namespace,
            **_chart(settings),
            values=chart.values(settings),
            skip_crds=settings.chart is None,
            skip_await=not wait,
            atomic=wait,
            cleanup_on_fail=True,
            timeout=seconds(settings.timeout),
            opts=ResourceOptions(
                parent=self,
                # A namespace that is not its own may be one that `after` has made.
                depends_on=[*(own or after), *rights(self, settings, after)],
                hooks=ResourceHookBinding(before_create=[preflight], before_update=[preflight]),
                # Helm resolves the path itself; what the chart holds shows in the values and in the hook.
                custom_timeouts=pulumi.CustomTimeouts(create=settings.timeout, update=settings.timeout),
            ),
        )
        self.release_name = Output.from_input(RELEASE)
        self.version = Output.from_input(settings.chart.version if settings.chart else chart.bundled_version())
        self.register_outputs({"release_name": self.release_name, "version": self.version})


_RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def _chart(settings: Operator) -> dict[str, Any]:
    if settings.chart is None:
        return {"chart": chart.relative(chart.bundled())}
    repository = RepositoryOptsArgs(repo=settings.chart.repository)
    return {"chart": chart.NAME, "version": settings.chart.version, "repository_opts": repository}


def _preflight(settings: Operator, connection: Connection) -> Any:
    async def preflight(_: ResourceHookArgs) -> None:
        """Refuses a second operator for the same namespaces, and brings the CRDs up to the chart's."""
        client = await api(connection)
        await peers.refuse_second_operator(client, settings)
        if settings.chart is not None:
            return  # Helm brings the CRDs of a foreign chart, once; `docs/operations.md` tells how to update them.
        steps = await crds.plan(client, crds.read(chart.bundled()))
        for step, crd in steps:
            verb = f"would {step}" if pulumi.runtime.is_dry_run() else f"{step}s"
            pulumi.log.info(f"{verb} the CRD {crd['metadata']['name']}")
        if not pulumi.runtime.is_dry_run():
            await crds.apply(client, steps)

    return preflight
