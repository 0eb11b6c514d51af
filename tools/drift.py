"""Reports where the cluster differs from the stack's file. The exit code is 2 if it differs, and 0 otherwise.

    python -m tools.drift --stack dev

Only reads, and needs neither the engine nor its state: so a change of the file that has not been applied shows as well.
"""

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from components.kube import client as kube
from components.kube.client import Object
from components.kube.paths import path_of
from components.lifecycle import drift, expiry
from components.lifecycle.difference import differences
from components.manifests.certificates import requests
from components.manifests.declared import DeclaredCluster
from tools.declared import Declared, run

NONE, FOUND = 0, 2

_HEAD = ("apiVersion", "kind", "metadata")
# The Job of a verification that is done may be missing, and one alert is about certificates that no file declares.
_NOT_KEPT = ("Job", "PrometheusRule")


def main(arguments: list[str] | None = None) -> int:
    """Reports the drift of the stack."""
    return run(arguments, "Reports where Kubernetes differs from the stack's file.", _say)


async def _say(client: Any, declared: Declared, options: argparse.Namespace) -> int:
    survey = await drift.survey(client, declared.settings.namespace.name)
    found = [line for it in declared.clusters.values() for line in await examine(client, it, survey)]
    print("\n".join(found) or f"stack {options.stack}: everything is as declared")
    encrypted = [*declared.clusters.values(), *declared.scheduled_jobs]
    for words in [await expiry.warning(client, it) for it in encrypted]:
        if words:
            print(f"warning: {words}")
    return FOUND if found else NONE


async def examine(client: Any, cluster: DeclaredCluster, survey: drift.Survey) -> list[str]:
    """One line for every field that is not as declared, of the program's objects and of the operator's.

    `survey` is what the namespace holds.
    """
    live = survey.of(cluster)
    if live is None and not cluster.settings.suspended:
        return [f"daskcluster/{cluster.physical_name}: is missing: it was deleted, or `up` has not created it yet"]
    lines: list[str] = []
    for body in declared_objects(cluster):
        lines += compare(body, await kube.find(client, path_of(body)), cluster)
    if cluster.settings.suspended:
        return lines + [_not_suspended(name) for name in _running(cluster, survey)]
    return lines + [line for one in drift.find(cluster, live) for line in str(one).splitlines()] if live else lines


def _running(cluster: DeclaredCluster, survey: drift.Survey) -> list[str]:
    """The DaskClusters of this name."""
    return [it["metadata"]["name"] for it in survey.versions(cluster)]


def _not_suspended(name: str) -> str:
    return f"daskcluster/{name}: exists, and the cluster is suspended: `up` has not drained and deleted it yet"


def declared_objects(cluster: DeclaredCluster) -> Iterator[Object]:
    """What the program creates for a cluster and keeps as it is."""
    yield from (body for body in cluster.bodies if body["kind"] not in _NOT_KEPT)
    yield from requests(cluster.context)


def compare(body: Object, live: Object | None, cluster: DeclaredCluster) -> list[str]:
    """The lines for one object that the program creates."""
    where = f"{body['kind'].lower()}/{body['metadata']['name']}"
    if live is None:
        return [f"{where}: is missing"]
    declared = {key: value for key, value in _kept(body, cluster).items() if key not in _HEAD}
    found = ((key, differences(value, live.get(key, {}))) for key, value in declared.items())
    return [
        f"{where}: {one}" if key in ("data", "spec") else f"{where}: {key}.{one}" for key, all_ in found for one in all_
    ]


def _kept(body: Object, cluster: DeclaredCluster) -> Object:
    """An object without what the program leaves alone: an autoscaler's number, an adopted cluster's pods."""
    if body["kind"] not in ("DaskCluster", "DaskWorkerGroup"):
        return body
    name = body["metadata"]["name"] if body["kind"] == "DaskWorkerGroup" else cluster.default_group
    replicas = {} if cluster.groups[name].autoscaled else {"replicas": cluster.groups[name].wanted}
    worker = {key: it for key, it in body["spec"]["worker"].items() if key != "replicas"} | replicas
    if cluster.settings.adopt and body["kind"] == "DaskCluster":
        return body | {"spec": {"worker": replicas}}
    return body | {"spec": body["spec"] | {"worker": worker}}


if __name__ == "__main__":
    sys.exit(main())
