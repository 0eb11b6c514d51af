"""Which rules hold for which part of the configuration.

A rule is a function that yields a `Mistake` for everything that breaks it. It holds for the class that it is listed
under, and for the classes derived from that one.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...settings.checks import cluster, dask_config, endpoint, job, notebook, pod, pod_fields, secrets, stack, walker
from ...settings.checks.walker import Rules
from ...settings.cluster import Cluster, Scheduler
from ...settings.dashboard import Dashboard
from ...settings.endpoint import Endpoint
from ...settings.job import Job, Runner
from ...settings.mistakes import Mistake
from ...settings.notebook import Notebook, NotebookEndpoint
from ...settings.peers import Peer
from ...settings.pod import PodSettings
from ...settings.pod_parts import EnvSource, Toleration
from ...settings.resources import Resources
from ...settings.stack import Namespace, Operator, Settings
from ...settings.tls import Tls
from ...settings.volumes import Volume
from ...settings.workers import ScaledPods, WorkerPods

# Rules of a part by itself.
ALONE: Rules = {
    PodSettings: (pod.volumes, dask_config.dask_config),
    Volume: (pod.volume_source,),
    EnvSource: (pod.env_source,),
    Toleration: (pod.toleration,),
    Resources: (pod.resources,),
    Scheduler: (cluster.scheduler_ports,),
    WorkerPods: (cluster.worker_ports,),
    ScaledPods: (cluster.fixed_or_range, cluster.resources_twice),
    Endpoint: (endpoint.node_ports, endpoint.source_ranges, endpoint.load_balancer),
    Dashboard: (endpoint.hostname, endpoint.login),
    Peer: (endpoint.peer,),
    Tls: (cluster.tls_switched_on,),
    Cluster: (
        cluster.exposure,
        cluster.idle_timeout,
        cluster.adoption,
        cluster.encrypted,
        cluster.inherited_volumes,
        notebook.image,
    ),
    Job: (job.timing, cluster.encrypted, cluster.inherited_volumes),
    Runner: (job.something_to_run,),
    Notebook: (notebook.arguments,),
    NotebookEndpoint: (notebook.exposure,),
    Namespace: (stack.own_namespace,),
    Settings: (stack.cluster_names, stack.job_names, stack.node_ports, secrets.types, secrets.service_accounts),
}
# Rules that also look at the rest of the stack.
WITHIN: Rules = {
    PodSettings: (stack.fixed_image, stack.host_paths, stack.root_packages, pod_fields.raw_fields),
    Cluster: (stack.quota,),
    Job: (stack.quota,),
    Operator: (stack.operator_namespace, stack.watched),
}


def check(
    raw: Mapping[str, Any], more: Callable[[Settings], Iterable[Mistake]], unread: Iterable[str] = ()
) -> tuple[Settings | None, list[Mistake]]:
    """The settings, or None if its own keys are invalid, and every mistake in the order of the file.

    `more` is one more rule for the whole stack. `unread` are top-level keys that exist and must not be read.
    """
    return walker.check(Settings, raw, {**ALONE, Settings: (*ALONE[Settings], more)}, WITHIN, unread)
