"""The operator's CRDs, kept current: Helm installs them once and never again (dask-kubernetes #882).

As Pulumi resources they would cost every command 6 s and 845 KB of state (docs/adr). They are never deleted: that
would delete every DaskCluster of every stack.
"""

import asyncio
import hashlib
import json
import re

import pulumi

from ..kube import client as kube
from ..kube.client import Object
from ..kube.errors import ClusterError
from ..kube.paths import path
from ..vocabulary import CRD_CHART_VERSION, CRD_CONTENT


def stamped(crd: Object, version: str) -> Object:
    """The CRD, annotated with the chart's version and its own hash, so that the next run need not compare 200 KB."""
    content = hashlib.sha256(json.dumps(crd, sort_keys=True).encode()).hexdigest()[:16]
    stamps = {CRD_CONTENT: content, CRD_CHART_VERSION: version}
    return crd | {"metadata": crd["metadata"] | {"annotations": crd["metadata"].get("annotations", {}) | stamps}}


async def plan(client: kube.Api, wanted: list[Object], version: str) -> list[tuple[str, Object]]:
    """What has to be applied of a chart of this version: ("create" or "update", CRD).

    Raises `ClusterError` for a harmful downgrade.
    """
    found = await kube.unless_forbidden(kube.items(client, path("CustomResourceDefinition")))
    if found is None:
        pulumi.log.warn(
            "no permission to list CRDs, so they are assumed to match the operator; ask a cluster administrator to "
            "keep them up to date"
        )
        return []
    live = {crd["metadata"]["name"]: crd for crd in found}
    steps = []
    for crd in (stamped(crd, version) for crd in wanted):
        name = crd["metadata"]["name"]
        if name not in live:
            steps.append(("create", crd))
        elif _annotation(live[name], CRD_CONTENT) != _annotation(crd, CRD_CONTENT):
            refuse_dropped_versions(live[name], crd)
            refuse_older_chart(live[name], version)
            steps.append(("update", crd))
    return steps


def told(steps: list[tuple[str, Object]], *, would: bool) -> list[str]:
    """What `plan` found, in words: a line for what is created, and one for what is updated."""
    names: dict[str, list[str]] = {}
    for step, crd in steps:
        names.setdefault(step, []).append(crd["spec"]["names"]["plural"])
    return [
        f"{f'would {step}' if would else f'{step}s'} the operator's CRDs: {', '.join(sorted(found))}"
        for step, found in names.items()
    ]


def refuse_older_chart(live: Object, version: str) -> None:
    """Two stacks with an operator each share the CRDs: the older chart's would remove fields that the newer one uses,
    and the API server then drops them from every object that is written."""
    theirs = _annotation(live, CRD_CHART_VERSION)
    if theirs and _numbers(theirs) > _numbers(version):
        raise ClusterError(
            f"the CRD {live['metadata']['name']} is that of the operator's chart {theirs}, and this stack's chart "
            f"{version} is older: it would remove fields that clusters use; take dask-kubernetes {theirs} or newer"
        )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def refuse_dropped_versions(live: Object, wanted: Object) -> None:
    """Objects stored in a version that is no longer served cannot be read any more."""
    kept = {version["name"] for version in wanted["spec"]["versions"] if version["served"]}
    dropped = [
        version["name"] for version in live["spec"]["versions"] if version["served"] and version["name"] not in kept
    ]
    if dropped:
        raise ClusterError(
            f"the chart's CRD {live['metadata']['name']} no longer serves {', '.join(dropped)}, which the cluster has; "
            "use a newer operator chart"
        )


async def apply(client: kube.Api, steps: list[tuple[str, Object]]) -> None:
    """Applies what `plan` found, all at once: one after another takes half a second of a first `up`."""
    where = {crd["metadata"]["name"]: crd for _, crd in steps}
    applied = (kube.apply(client, path("CustomResourceDefinition", name=name), crd) for name, crd in where.items())
    await asyncio.gather(*applied)


def _annotation(crd: Object, key: str) -> str | None:
    return (crd["metadata"].get("annotations") or {}).get(key)
