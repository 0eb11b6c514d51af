"""When the certificates that the pods of a cluster or a job use end, and what to do before that.

Dask reads certificates once, when a process starts. Those of a Secret that was renewed in place are therefore not
those that the pods use. Each run of a job with a schedule reads those that there are.
"""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pulumi

from ..kube import client as kube
from ..kube.client import Connection
from ..lifecycle.looks import stopping_nothing
from ..manifests.certificates import lives, soon
from ..manifests.declared import DeclaredCluster
from ..manifests.declared_job import DeclaredJob
from ..vocabulary import CLUSTER_NAME

Owner = DeclaredCluster | DeclaredJob


async def ending(client: kube.Api, owner: Owner) -> datetime | None:
    """The end of the first certificate that this version's pods use, if it is near. None for what cannot be read."""
    if not owner.settings.tls.enabled:
        return None
    names = dict.fromkeys(owner.context.tls_secrets.values())
    pods, secrets = await asyncio.gather(
        kube.unless_forbidden(kube.items(client, owner.path("Pod"), {CLUSTER_NAME: owner.physical_name})),
        asyncio.gather(*(kube.unless_forbidden(kube.find(client, owner.path("Secret", name))) for name in names)),
    )
    since = min((time for pod in pods or [] for time in _started(pod)), default=datetime.now(UTC))
    found = [it["data"] for it in secrets if it and it.get("data")]
    return min((near for data in found for near in _near_ends(data, since)), default=None)


def _started(pod: kube.Object) -> Iterator[datetime]:
    """When the processes of a pod have started."""
    for status in pod.get("status", {}).get("containerStatuses", []):
        if time := (status.get("state", {}).get("running") or {}).get("startedAt"):
            yield datetime.fromisoformat(time)


def _near_ends(data: Mapping[str, str], since: datetime) -> Iterator[datetime]:
    """The ends that are near, of the certificates in a Secret, or of those that it had when a pod started."""
    for issued, last in lives(data):
        if issued > since:
            # It was renewed when the one before it was about to end.
            yield min(last, issued + soon(last - issued))
        elif last - datetime.now(UTC) < soon(last - issued):
            yield last


async def warning(client: kube.Api, owner: Owner) -> str | None:
    """What to do about certificates that end soon; None while there is time."""
    until = await ending(client, owner)
    if until is None:
        return None
    verb = "end" if until > datetime.now(UTC) else "have ended"
    if isinstance(owner, DeclaredJob):
        what, then = "jobs", ("the runs of the job use", "runs fail after that")
    else:
        what, then = "clusters", ("the cluster's pods use", "pods that start or connect after that are refused")
    return (
        f"dask:{what}.{owner.name}.tls: the certificates that {then[0]} {verb} on {until:%Y-%m-%d}, and {then[1]}; "
        f"{fix(owner)}"
    )


def fix(owner: Owner) -> str:
    """How a cluster or a job gets new certificates."""
    tls = owner.settings.tls
    if tls.secret:
        return "create a Secret of another name with new certificates, and write its name into `tls.secret`"
    if isinstance(owner, DeclaredCluster):
        return f"write `rotation: {tls.rotation + 1}`, and the next `up` moves the cluster to new ones"
    if tls.issuer:
        command = f"kubectl describe certificate -n {owner.namespace} {owner.tls_secret}-worker"
        return f"cert-manager has not renewed them, and `{command}` says why"
    return f"write `rotation: {tls.rotation + 1}`, and the runs after the next `up` use new ones"


async def warn(connection: Connection, owner: Owner) -> None:
    """Warns in previews and in `up`. A failed look stops nothing."""

    async def look() -> str | None:
        return await warning(await kube.api(connection), owner)

    if words := await stopping_nothing(look(), f"{owner.name}: the end of its certificates is not known"):
        pulumi.log.warn(words)
