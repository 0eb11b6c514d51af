"""What pods refer to and nobody has created yet: Secrets, ConfigMaps, claims and service accounts.

kubelet and the controllers try again until it exists, so a pod that lacks it is not lost. It is waited for, unless the
stack itself has created it: then it was deleted, and waiting does not help.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..kube import client as kube
from ..kube.pods import PULL_BACK_OFF, Trouble
from ..manifests.declared import DeclaredCluster
from ..manifests.declared_job import DeclaredJob

# As kubelet, the scheduler and the API server word it.
_NOT_FOUND = re.compile(r'\b(secret|configmap|persistentvolumeclaim|serviceaccount) "([^"]+)" not found', re.IGNORECASE)
_PULL_SECRETS = re.compile(r"image pull secrets \(([^)]+)\)")
_KINDS = ("Secret", "ConfigMap", "PersistentVolumeClaim", "ServiceAccount")
_BY_WORD = {kind.lower(): kind for kind in _KINDS}
Owner = DeclaredCluster | DeclaredJob


async def named(client: kube.Api, owner: Owner, troubles: Sequence[Trouble]) -> list[Trouble]:
    """The troubles; of those about an object that is missing, one for each object instead, which names it."""
    lacks: dict[tuple[str, str], bool] = {}
    found: dict[Trouble, None] = {}
    no_credentials = False
    for trouble in troubles:
        refers = list(_refers(trouble))
        for key in refers:
            if key not in lacks:
                lacks[key] = await _is_missing(client, owner, *key)
        absent = [key for key in refers if lacks[key]]
        no_credentials |= bool(absent) and bool(_PULL_SECRETS.search(trouble.message))
        for key in absent:
            found[_missing(owner, *key)] = None
        if not absent:
            # What exists by now is noticed at the next attempt.
            found[replace(trouble, fatal=trouble.fatal and not refers)] = None
    settled = [replace(it, fatal=False) if no_credentials and it.reason == PULL_BACK_OFF else it for it in found]
    return sorted(settled, key=lambda trouble: not trouble.fatal)


def _refers(trouble: Trouble) -> Iterator[tuple[str, str]]:
    """Kind and name of the objects that are missing, by the words of a trouble."""
    for word, name in _NOT_FOUND.findall(trouble.message):
        yield _BY_WORD[word.lower()], name
    if secrets := _PULL_SECRETS.search(trouble.message):
        yield from (("Secret", name.strip()) for name in secrets[1].split(","))


async def _is_missing(client: kube.Api, owner: Owner, kind: str, name: str) -> bool:
    """Whether the object does not exist. Without permission to read it, it is as missing as the trouble says."""
    answer = await kube.unless_forbidden(_found(client, owner.path(kind, name)))
    return answer is None or answer == [None]


async def _found(client: kube.Api, url: str) -> list[kube.Object | None]:
    """A list of one, to keep a missing object apart from a forbidden one."""
    return [await kube.find(client, url)]


def _missing(owner: Owner, kind: str, name: str) -> Trouble:
    where = f"the {kind} '{name}' is missing in the namespace '{owner.namespace}'"
    if owner.context.has_created(kind, name):
        words = "something has deleted it, and the next `up` creates it again"
        return Trouble(where, "this stack has created it", words, fatal=True)
    fix = "create it, or correct the name"
    if kind == "Secret" and owner.context.tls.issuer and name in owner.context.tls_secrets.values():
        command = f"kubectl describe certificate -n {owner.namespace} {name}"
        fix = f"cert-manager creates it, and `{command}` says what it waits for"
    return Trouble(where, "pods wait for it", fix, fatal=False)
