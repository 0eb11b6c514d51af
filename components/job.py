"""The DaskJob component: a program that runs to its end on a Dask cluster of its own.

A job that the person changes is a new DaskJob (its name ends in a hash), which runs; the old one is deleted afterwards.
A job that has succeeded does not run again by itself. `up` waits for the end of the runner's pod as well as for
`status.jobStatus`, which can stay at Running for ever (dask-kubernetes #975).
"""

from collections.abc import Sequence

import pulumi
from pulumi import (
    Output,
    Resource,
    ResourceHook,
    ResourceHookArgs,
    ResourceHookBinding,
    ResourceHookOptions,
    ResourceOptions,
)
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap

from components import jobrun
from components.jobmanifest import JobTarget, dask_job, record
from components.kube import Connection


class DaskJob(pulumi.ComponentResource):
    """A DaskJob that has run to its end."""

    name: Output[str]
    namespace: Output[str]

    def __init__(
        self,
        name: str,
        target: JobTarget,
        connection: Connection,
        *,
        after: Sequence[Resource] = (),
        opts: ResourceOptions | None = None,
    ) -> None:
        """`after` is what has to be there first, and may only go later: children do not inherit `depends_on`."""
        super().__init__("dask:k8s:Job", name, {}, opts)
        body = dask_job(target)
        spec = {key: value for key, value in body.items() if key not in ("apiVersion", "kind")}

        async def has_not_succeeded_before(_: ResourceHookArgs) -> None:
            await jobrun.keep_ended(connection, target)

        once = ResourceHook(f"{name}-once", has_not_succeeded_before, opts=ResourceHookOptions(on_dry_run=True))
        job = CustomResource(
            target.physical_name,
            api_version=body["apiVersion"],
            kind=body["kind"],
            **spec,
            opts=ResourceOptions(
                parent=self,
                depends_on=list(after),
                hooks=ResourceHookBinding(before_create=[once]),
                # Its name says what the person wrote. What a new version of this program makes of it runs in new jobs.
                ignore_changes=["spec"],
            ),
        )

        async def job_has_ended(_: ResourceHookArgs) -> None:
            await jobrun.await_end(connection, target)

        hook = ResourceHook(f"{name}-end", job_has_ended)
        # Written only once the job has succeeded: an `up` that was interrupted or failed waits for it again.
        hooks = ResourceHookBinding(before_create=[hook], before_update=[hook])
        result = record(target)
        ConfigMap(
            f"{name}-result",
            metadata=result["metadata"],
            data=result["data"],
            opts=ResourceOptions(parent=self, depends_on=[job], hooks=hooks),
        )
        self.name = Output.from_input(target.physical_name)
        self.namespace = Output.from_input(target.namespace)
        self.register_outputs(self.outputs())

    def outputs(self) -> dict[str, Output[str]]:
        """The stack output of this job."""
        logs = Output.format("kubectl logs -n {0} {1}-runner", self.namespace, self.name)
        return {"name": self.name, "namespace": self.namespace, "logs": logs}
