"""Shows the clusters, pods and services of a stack in one table: what runs right now, and what is wrong.

    python -m tools.status --stack dev [--all] [--json]

Asks Kubernetes and, through its API server, the schedulers; needs neither the engine nor its state.
"""

import argparse
import asyncio
import shutil
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from components import kubernetes as kubernetes_module
from components.kube import client as kube
from components.kube.client import Object
from components.kube.errors import ClusterError
from components.kube.paths import path
from components.lifecycle import drift, load, operators
from components.manifests import addresses as endpoint
from components.manifests.declared import DeclaredCluster
from components.vocabulary import CLUSTER_NAME, PART_OF
from tools import statuslist, statusrows
from tools.declared import Declared, run
from tools.statusrows import Row, Seen

# What a pipe or a log gets, where there is no terminal to ask.
_WIDE = 160
_ANSWER_SECONDS = 10
_FLAGS = {"--all": "every pod and Service, not only what is wrong", "--json": "print one line of JSON"}


def main(arguments: list[str] | None = None) -> int:
    """Look and show."""
    return run(arguments, "Shows what runs of a stack, and what is wrong, in one table.", _show, _FLAGS)


async def _show(client: Any, declared: Declared, options: argparse.Namespace) -> int:
    rows, namespace = await look(client, declared), declared.settings.namespace.name
    if options.all:
        rows += await statuslist.everything(client, namespace, declared.part_of)
    if options.json:
        print(statuslist.as_json(options.stack, namespace, rows))
    else:
        Console(width=shutil.get_terminal_size((_WIDE, 24)).columns).print(table(options.stack, declared, rows))
    return 0


def table(stack: str, declared: Declared, rows: list[Row]) -> Table:
    """The rows under a heading."""
    made = Table(title=f"stack {stack}, namespace {declared.settings.namespace.name}", title_justify="left", box=None)
    for heading in ("", "state", "details", "age"):
        made.add_column(heading, overflow="fold", no_wrap=heading == "age")
    for row in rows:
        what = f"  {row.what}" if row.of else row.what
        made.add_row(what, f"[{row.colour}]{row.state}[/]" if row.colour else row.state, row.details, row.age)
    return made


async def look(client: Any, declared: Declared) -> list[Row]:
    """All rows: the operator, then cluster by cluster, then the jobs."""
    clusters = list(declared.clusters.values())
    operator, jobs, seen = await asyncio.gather(
        _operator(client), _jobs(client, declared), _see_all(client, declared, clusters)
    )
    rows = [statusrows.operator(operator)]
    for cluster, one in zip(clusters, seen, strict=True):
        rows += statusrows.cluster(cluster, one)
    return [*rows, *jobs]


async def _hosts(declared: Declared) -> list[str]:
    try:
        return await kubernetes_module.node_hosts(declared.connection)
    except ClusterError:  # no permission to list nodes: the address is shown without a host
        return []


async def _operator(client: Any) -> list[Object] | None:
    """The Deployments of operators; None without permission to list them."""
    try:
        return await operators.deployments(client, path("Deployment"))
    except kube.ServerError:
        return None


async def _jobs(client: Any, declared: Declared) -> list[Row]:
    """The jobs that run once, and those with a schedule."""
    kinds = (
        ("DaskJob", "CronJob", "Job") if any(it.schedule for it in declared.settings.jobs.values()) else ("DaskJob",)
    )
    where, label = declared.settings.namespace.name, {PART_OF: declared.part_of}
    once, *scheduled = await asyncio.gather(*(kube.items(client, path(kind, where), label) for kind in kinds))
    cron_jobs, runs = scheduled or ([], [])
    rows = [statusrows.job(it) for it in once if not statusrows.is_run(it)]
    return [*rows, *(statusrows.schedule(it, runs) for it in cron_jobs)]


async def _see_all(client: Any, declared: Declared, clusters: list[DeclaredCluster]) -> list[Seen]:
    """What there is to know of every cluster; what they share a namespace for is listed once."""
    if not clusters:
        return []
    namespace = declared.settings.namespace.name
    hosts, survey, pods = await asyncio.gather(
        _hosts(declared),
        drift.survey(client, namespace),
        kube.items(client, path("Pod", namespace), {CLUSTER_NAME: None}),
    )
    return await asyncio.gather(*(_see(client, cluster, hosts, survey, pods) for cluster in clusters))


async def _see(
    client: Any, cluster: DeclaredCluster, hosts: list[str], survey: drift.Survey, all_pods: list[Object]
) -> Seen:
    """Everything there is to know of one cluster: of what Kubernetes has shown, and of the schedulers."""
    pages = load.scheduler_pages(cluster.namespace, cluster.physical_name)
    pods = [pod for pod in all_pods if pod["metadata"]["labels"][CLUSTER_NAME] == cluster.physical_name]
    service = next(
        (it for it in survey.services if it["metadata"]["name"] == cluster.endpoint["metadata"]["name"]), None
    )
    current = None if cluster.settings.suspended else cluster.physical_name
    names = [name for it in survey.versions(cluster) if (name := it["metadata"]["name"]) != current]
    old_ones = asyncio.gather(*(load.look(client, cluster.namespace, name) for name in names))
    secret, counts, identity, loads = await asyncio.gather(
        _secret(client, cluster), _ask(client, f"{pages}/counts.json"), _ask(client, f"{pages}/identity.json"), old_ones
    )
    address = endpoint.address(cluster, service["spec"], service.get("status"), hosts) if service else None
    old = {name: str(load or "no scheduler") for name, load in zip(names, loads, strict=True)}
    return Seen(survey.of(cluster), service, address, pods, secret, counts, identity, old)


async def _secret(client: Any, cluster: DeclaredCluster) -> Object | None:
    """The Secret with the certificates, where there is one and it may be read."""
    if not cluster.settings.tls.enabled:
        return None
    try:
        return await kube.find(client, cluster.path("Secret", cluster.context.tls_secrets["scheduler"]))
    except kube.ServerError:
        return None


async def _ask(client: Any, where: str) -> Object | None:
    """A page of the scheduler's; None while it does not answer."""
    try:
        return await asyncio.wait_for(kube.once(client, where), _ANSWER_SECONDS)
    except (kube.ServerError, TimeoutError):
        return None


if __name__ == "__main__":
    sys.exit(main())
