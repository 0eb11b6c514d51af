"""The DaskJob component: a program that runs to its end on a Dask cluster of its own.

A job that the user changes is a new DaskJob (its name ends in a hash), which runs; the old one is deleted afterwards.
A job that has succeeded does not run again by itself. `up` waits for the end of the runner's pod as well as for
`status.jobStatus`, which can stay at Running for ever (dask-kubernetes #975).

A job with a schedule is a CronJob, whose pods create a DaskJob for each run (manifests/schedule.py). `up` waits for no
run.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import (
    Output,
    ResourceHook,
    ResourceHookArgs,
    ResourceHookBinding,
    ResourceHookOptions,
    ResourceOptions,
)

from .children import options_of_children
from .configuration import job_settings
from .kube.client import Connection
from .lifecycle import jobs as jobrun
from .manifests.declared_job import DeclaredJob
from .objects import KubernetesObject, binding_of, name_of
from .settings.job import Job
from .tls import certificates_of
from .vocabulary import COMPONENT, INSTANCE
from .workspace import Home, home_of


class DaskJob(pulumi.ComponentResource):
    """A DaskJob that has run to its end, or a schedule by which DaskJobs run."""

    name: Output[str]
    namespace: Output[str]
    schedule: str | None
    """As in the settings."""

    def __init__(
        self,
        name: str,
        settings: Job | Mapping[str, Any],
        workspace: Home | str,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`settings` are what stands under `dask:jobs.<name>` in a stack file, as a mapping or a model.

        `workspace` and `opts.depends_on` are those of a `DaskCluster`.
        """
        home = home_of(workspace)
        declared = DeclaredJob(name, job_settings(name, settings, home.as_settings), home.context)
        super().__init__("dask:k8s:Job", name, {}, home.kubernetes.options_with(opts))
        self._child = options_of_children(self, opts)
        certificates = certificates_of(declared, home.kubernetes.connection, self._child)
        if declared.scheduled:
            self._in_order(declared.scheduled, certificates)
        else:
            self._run(declared, home.kubernetes.connection, certificates)
        self.schedule = declared.settings.schedule
        self._label = name
        self.name = Output.from_input(name if declared.scheduled else declared.physical_name)
        self.namespace = Output.from_input(declared.namespace)
        self.register_outputs(self.outputs())

    def _in_order(
        self, bodies: Sequence[Mapping[str, Any]], before: Sequence[KubernetesObject]
    ) -> Sequence[KubernetesObject]:
        """Each object after the one before: a Role has to exist before it is bound, and both before a pod has them."""
        for body in bodies:
            known = binding_of(before[0], body) if body["kind"] == "RoleBinding" else body
            # Nothing of a Job's pods can be changed, and its name depends on what the user wrote only.
            ignored = ["spec"] if body["kind"] == "Job" else None
            before = [KubernetesObject(name_of(body), known, self._child(before, ignore_changes=ignored))]
        return before

    def _run(self, declared: DeclaredJob, connection: Connection, certificates: Sequence[KubernetesObject]) -> None:
        name, before = declared.name, self._hooks(declared.name, declared, connection)
        rights, autoscaler = declared.autoscaler[:-1], declared.autoscaler[-1:]
        allowed = self._in_order(rights, certificates)
        options = self._child(
            [*certificates, *allowed],
            hooks=ResourceHookBinding(before_create=[before["job"]]),
            # Its name depends on what the user wrote only, so a new version of this program affects new jobs only.
            ignore_changes=["spec"],
        )
        job = KubernetesObject(declared.physical_name, declared.dask_job, options)
        # It ends when the DaskJob is missing, and so it comes after it.
        running = self._in_order(autoscaler, [job])
        # Written only once the job has succeeded: an `up` that was interrupted or failed waits for it again.
        hooks = ResourceHookBinding(before_create=[before["result"]], before_update=[before["result"]])
        options = ResourceOptions(parent=self, depends_on=[job, *running], hooks=hooks)
        KubernetesObject(f"{name}-result", declared.record, options)

    def _hooks(self, name: str, declared: DeclaredJob, connection: Connection) -> dict[str, ResourceHook]:
        """The hooks before the DaskJob, and before the record that it has succeeded."""

        async def has_not_succeeded_before(_: ResourceHookArgs) -> None:
            await jobrun.keep_ended(connection, declared)

        async def job_has_ended(_: ResourceHookArgs) -> None:
            await jobrun.await_end(connection, declared)

        once = ResourceHook(f"{name}-once", has_not_succeeded_before, opts=ResourceHookOptions(on_dry_run=True))
        return {"job": once, "result": ResourceHook(f"{name}-end", job_has_ended)}

    def outputs(self) -> dict[str, Output[str]]:
        """The stack output of this job."""
        shown = {"name": self.name, "namespace": self.namespace}
        if self.schedule is None:
            return shown | {"logs": Output.format("kubectl logs -n {0} {1}-runner", self.namespace, self.name)}
        runners = f"{INSTANCE}={self._label},{COMPONENT}=job-runner"
        logs = Output.format("kubectl logs -n {0} -l {1} --prefix --tail=-1", self.namespace, runners)
        return shown | {"logs": logs, "schedule": Output.from_input(self.schedule)}
