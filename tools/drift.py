"""Reports where the cluster differs from the stack's file. The exit code is 2 if it differs, and 0 otherwise.

    python -m tools.drift --stack dev

Only reads, and needs neither the engine nor its state: so a change of the file that has not been applied shows as well.
"""

import sys
from collections.abc import Iterator
from typing import Any

from components.kube import client as kube
from components.kube.client import Object
from components.lifecycle import drift
from components.lifecycle.difference import differences
from components.manifests import cluster as manifest
from components.manifests.cluster import Target
from tools.declared import Declared, run

NONE, FOUND = 0, 2


def main(arguments: list[str] | None = None) -> int:
    """Reports the drift of the stack."""
    return run(arguments, "Compare the cluster with the file.", _say)


async def _say(client: Any, declared: Declared, stack: str) -> int:
    found = [line for it in (declared.targets).values() for line in await examine(client, it)]
    print("\n".join(found) or f"stack {stack}: everything is as declared")
    return FOUND if found else NONE


async def examine(client: Any, target: Target) -> list[str]:
    """One line for every field that is not as declared, of the program's objects and of the operator's."""
    live = await drift.look(client, target)
    if live is None:
        return [f"daskcluster/{target.physical_name}: is missing: it was deleted, or `up` has not created it yet"]
    lines: list[str] = []
    for body in declared_objects(target):
        lines += compare(body, await kube.find(client, kube.url(body)), target)
    return lines + [line for one in drift.find(target, live) for line in str(one).splitlines()]


def declared_objects(target: Target) -> Iterator[Object]:
    """What the program makes for a cluster and keeps as it is."""
    yield manifest.dask_cluster(target)
    yield from manifest.worker_groups(target).values()
    yield manifest.endpoint(target)
    yield manifest.connection(target)
    yield from filter(None, (manifest.autoscaler(target), manifest.disruption_budget(target)))


def compare(body: Object, live: Object | None, target: Target) -> list[str]:
    """The lines for one object that the program makes."""
    where = f"{body['kind'].lower()}/{body['metadata']['name']}"
    if live is None:
        return [f"{where}: is missing"]
    part = "data" if "data" in body else "spec"
    declared = _kept(body, target) if body["kind"] == "DaskCluster" else body[part]
    return [f"{where}: {difference}" for difference in differences(declared, live.get(part, {}))]


def _kept(body: Object, target: Target) -> Object:
    """Of a DaskCluster's spec without what the program leaves alone: an autoscaler's number, an adopted one's pods."""
    worker, workers = body["spec"]["worker"], target.cluster.workers
    replicas = {} if workers.autoscaled else {"replicas": workers.wanted}
    if target.cluster.adopt:
        return {"worker": replicas}
    return body["spec"] | {"worker": {key: it for key, it in worker.items() if key != "replicas"} | replicas}


if __name__ == "__main__":
    sys.exit(main())
