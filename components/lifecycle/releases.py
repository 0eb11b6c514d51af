"""The operator's Helm releases, as Helm records them: one Secret `sh.helm.release.v1.<name>.v<revision>` per revision.

The provider takes over objects that exist, but no release: "cannot re-use a name that is still in use". Helm itself
takes over the objects of a release of the same name and namespace once there is no record of it (action/install.go,
existingResourceConflict). So a record that belongs to this stack and that the state does not know is removed.
"""

import base64
import gzip
import json
from dataclasses import dataclass
from typing import Any

import pulumi

from ..kube import client as kube
from ..kube.chart import RELEASE
from ..kube.client import Object
from ..kube.errors import ClusterError
from ..kube.paths import path
from ..lifecycle import ownership
from ..lifecycle.ownership import Claim
from ..vocabulary import PART_OF

# A value that no template of the chart reads: who owns the release, and which chart it comes from.
MARKER = "daskOnKubernetes"
_RECORDS = {"owner": "helm", "name": RELEASE}
# One record for each release: `!` makes the selector `status!=superseded`.
_CURRENT = _RECORDS | {"status!": "superseded"}


@dataclass(frozen=True)
class Found:
    """A release with the operator in it."""

    namespace: str
    values: dict[str, Any]
    """The values that it was installed with."""

    @property
    def owner(self) -> str | None:
        """The id of the state that it belongs to; None without an owner, or for an earlier version of this program."""
        return (self.values.get(MARKER) or {}).get("owner")

    @property
    def part_of(self) -> str | None:
        """`<project>-<stack>` of the stack that installed the release; None for a release of another origin."""
        return (self.values.get(MARKER) or {}).get("partOf")


def read(record: Object) -> Found:
    """The release behind one of its records: JSON, compressed, encoded by Helm and once more by Kubernetes."""
    packed = base64.b64decode(base64.b64decode(record["data"]["release"]))
    content = json.loads(gzip.decompress(packed))
    return Found(record["metadata"]["namespace"], content.get("config") or {})


async def everywhere(client: kube.Api, *namespaces: str) -> list[Found]:
    """The releases of all namespaces; without permission for that, those of the given namespaces that can be listed."""
    found = await kube.unless_forbidden(kube.items(client, path("Secret"), _CURRENT))
    if found is None:
        found = []
        for namespace in dict.fromkeys(namespaces):
            here = kube.items(client, path("Secret", namespace), _CURRENT)
            found += await kube.unless_forbidden(here) or []
    return [read(record) for record in found]


async def installed(client: kube.Api, namespace: str) -> bool:
    """Whether a release is recorded in the namespace; False without permission to read it. Reads no content."""
    selector = ",".join(f"{key}={value}" for key, value in _RECORDS.items())
    headers = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}
    try:
        async with kube.call(
            client, "GET", path("Secret", namespace), params={"labelSelector": selector}, headers=headers
        ) as response:
            return bool(response.json()["items"])
    except kube.ServerError:
        return False


async def is_ours(client: kube.Api, release: Found, owner: str, claim: Claim) -> bool:
    """Whether this state has installed the release. Earlier versions wrote no marker; then the namespace decides."""
    if release.owner is not None:
        return release.owner == owner
    home = await kube.unless_forbidden(kube.find(client, path("Namespace", name=release.namespace)))
    if home is None:
        return False
    labels = home["metadata"].get("labels") or {}
    return labels.get(PART_OF) == claim.part_of and ownership.owner_of(home) in (None, owner)


async def make_room(client: kube.Api, namespace: str, owner: str, claim: Claim) -> None:
    """Lets Helm install the release where one of this stack exists that the state does not know.

    Raises `ClusterError` if it has another owner. A preview removes nothing.
    """
    records = await _history(client, namespace)
    if not records:
        return
    release, where = read(records[-1]), _where(namespace)
    if not await is_ours(client, release, owner, claim):
        if release.part_of != claim.part_of:
            raise ClusterError(
                f"{where} already exists and {_whose(release)}; set `dask:operator.install: false` to use it, or "
                f"remove it with `helm uninstall {RELEASE} -n {namespace}`, which leaves CRDs and clusters"
            )
        ownership.refuse_other_state(where, claim)
    if pulumi.runtime.is_dry_run():
        return  # it may as well be what is about to be replaced
    pulumi.log.info(f"{where} already exists and belongs to this stack: taking it over")
    # Remove the newest record last: it shows who owns the release, in case this is interrupted.
    for record in records:
        await kube.delete(client, path("Secret", namespace, record["metadata"]["name"]))


async def refuse_taken(client: kube.Api, namespace: str, owner: str, claim: Claim) -> None:
    """Raises `ClusterError` where another state has taken the release over since this one installed it."""
    records = await _history(client, namespace)
    if records and read(records[-1]).owner not in (None, owner):
        ownership.refuse_other_state(_where(namespace), claim)


async def _history(client: kube.Api, namespace: str) -> list[Object]:
    return sorted(await kube.items(client, path("Secret", namespace), _RECORDS), key=_revision)


def _where(namespace: str) -> str:
    return f"the Helm release '{RELEASE}' in namespace '{namespace}'"


def _whose(release: Found) -> str:
    return f"belongs to '{release.part_of}'" if release.part_of else "was not installed by this program"


def _revision(record: Object) -> int:
    return int(record["metadata"]["labels"]["version"])
