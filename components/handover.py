"""Hands over what a stack has created and no longer owns: it stays, with everything in it.

`dask:namespace.create`, `dask:operator.createNamespace` and `dask:operator.install` that turn from true to false take
resources out of the program, and the engine deletes what a program no longer registers. So the program reads them
instead (`Namespace.get`): the engine then treats them as not its own ("relinquish", step_generator.go), deletes
nothing, and `pulumi destroy` leaves them too (docs/adr/0015).

A read of an object that the state never held changes nothing. A read under another name would delete the object
that the state holds, so only objects with the state's own id are read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import ResourceOptions

from .kube import client as kube
from .kube.paths import path
from .kubernetes import Kubernetes
from .lifecycle import ownership, releases
from .lifecycle.engine_state import LET_GO
from .lifecycle.ownership import Claim
from .lifecycle.releases import RELEASE, Found
from .objects import RELEASE_TYPE, read
from .vocabulary import PART_OF, ROLE

OPERATOR = "dask:k8s:Operator"
PULL_SECRET = "pull-secret"
_SECRET = "kubernetes:core/v1:Secret"
_HIDDEN = ResourceOptions(additional_secret_outputs=["data", "stringData"])
# What a namespace was created for is in its annotation `ROLE`: `workspace` or `operator`.


@dataclass(frozen=True)
class Held:
    """What a stack that installs no operator any more still holds of it, by the name in the program."""

    release: str | None = None
    namespace: str | None = None
    rights: tuple[tuple[str, str], ...] = ()
    """Roles, bindings and pull secrets: the name in the program and `[<namespace>/]<name>` in Kubernetes."""


def let_namespace_go(role: str, name: str, kubernetes: Kubernetes, opts: ResourceOptions) -> None:
    """Reads the namespace that this state has created as `role`, if it exists. `name` is the declared one."""

    async def look(owner: str) -> str | None:
        client = await ownership.reached(kubernetes.connection)
        return await _namespace(client, role, name, owner, kubernetes.claim) if client else None

    kubernetes.owner.apply(look).apply(lambda found: _read_namespace(role, found, opts))


def let_operator_go(name: str, namespaces: Sequence[str], kubernetes: Kubernetes) -> None:
    """Reads the release, its RBAC objects and its namespace if this state has installed the operator.

    `namespaces` are the candidates, the declared one first, if not all namespaces can be listed.
    """

    async def look(owner: str) -> list[Any]:
        client = await ownership.reached(kubernetes.connection)
        held = await _held(client, namespaces, owner, kubernetes.claim) if client else Held()
        # An Output lifts dataclasses of its own only: plain values.
        return [held.release, held.namespace, [list(one) for one in held.rights]]

    def read_all(found: list[Any]) -> None:
        release, home, rights = found
        if release or home:
            parent = _Operator(name, kubernetes.options)
            _read_operator(Held(release, home, tuple(map(tuple, rights))), ResourceOptions(parent=parent))

    kubernetes.owner.apply(look).apply(read_all)


class _Operator(pulumi.ComponentResource):
    """The parent of what is handed over: of the operator's type, as children's URNs have the types of their parents."""

    def __init__(self, name: str, opts: ResourceOptions) -> None:
        super().__init__(OPERATOR, name, {}, opts)
        self.register_outputs({})


def _read_namespace(role: str, found: str | None, opts: ResourceOptions) -> None:
    if not found:
        return
    key = "operator.createNamespace" if role == "operator" else "namespace.create"
    read("kubernetes:core/v1:Namespace", "namespace", found, opts)
    _remember(role, found, opts)
    pulumi.log.info(
        f"the namespace '{found}' was created by this stack and is no longer managed, because `dask:{key}` is false: "
        "it stays with all that is in it, and `pulumi destroy` leaves it too"
    )


def _read_operator(held: Held, opts: ResourceOptions) -> None:
    _read_namespace("operator", held.namespace, opts)
    if not held.release:
        return
    read(RELEASE_TYPE, "release", held.release, opts)
    _remember("release", held.release, opts)
    kinds = {"role": "Role", "binding": "RoleBinding", "start": "ClusterRole", "start-binding": "ClusterRoleBinding"}
    for logical, physical in held.rights:
        if logical.startswith(PULL_SECRET):
            read(_SECRET, logical, physical, ResourceOptions.merge(opts, _HIDDEN))
            continue
        kind = kinds[logical if logical in kinds else logical.partition("-")[0]]
        read(f"kubernetes:rbac.authorization.k8s.io/v1:{kind}", logical, physical, opts)
    pulumi.log.info(
        f"the operator's release '{held.release}' was installed by this stack and is no longer managed, "
        "because `dask:operator.install` is false: it keeps running, and `pulumi destroy` leaves it too"
    )


def _remember(what: str, name: str, opts: ResourceOptions) -> None:
    """Notes in the state that the program has only read this, so that the next `up` may create it again."""
    pulumi.Stash(f"{what}{LET_GO}", input=name, opts=ResourceOptions(parent=opts.parent))


async def _namespace(client: kube.Api, role: str, declared: str, owner: str, claim: Claim) -> str | None:
    """The namespace that this state has created as `role`: mostly the declared one, which takes one request."""
    here = await kube.unless_forbidden(kube.find(client, path("Namespace", name=declared)))
    if here and _created_here(here, role, owner, claim):
        return declared
    labelled = await kube.unless_forbidden(kube.items(client, path("Namespace"), {PART_OF: claim.part_of}))
    known = [it for it in labelled or [] if ownership.owner_of(it) and _created_here(it, role, owner, claim)]
    return known[0]["metadata"]["name"] if known else None


def _created_here(body: kube.Object, role: str, owner: str, claim: Claim) -> bool:
    meta = body["metadata"]
    if "deletionTimestamp" in meta:
        return False
    known = ownership.owner_of(body)
    if known is None:  # of an earlier version, which wrote neither
        return (meta.get("labels") or {}).get(PART_OF) == claim.part_of
    return known == owner and meta["annotations"].get(ROLE, role) == role


async def _held(client: kube.Api, namespaces: Sequence[str], owner: str, claim: Claim) -> Held:
    found = await releases.everywhere(client, *namespaces)
    ours = [release for release in found if await releases.is_ours(client, release, owner, claim)]
    home = ours[0].namespace if ours else namespaces[0]
    created = await _namespace(client, "operator", home, owner, claim)
    if not ours:
        return Held(namespace=created)
    candidates = list(_rights(ours[0]))
    exists = [await kube.unless_forbidden(kube.find(client, path)) for _, _, path in candidates]
    rights = tuple(
        (logical, physical)
        for (logical, physical, _), live in zip(candidates, exists, strict=True)
        # A Secret of the user's may have the name as well.
        if live and (not logical.startswith(PULL_SECRET) or ownership.owner_of(live) == owner)
    )
    return Held(f"{home}/{RELEASE}", created, rights)


def _rights(release: Found) -> Iterator[tuple[str, str, str]]:
    """What may have been created for the release: the name in the program, the one in Kubernetes, the path."""
    for named in release.values.get("imagePullSecrets") or []:
        secret = f"{release.namespace}/{named['name']}"
        yield f"{PULL_SECRET}-{named['name']}", secret, path("Secret", release.namespace, named["name"])
    watched = [argument.partition("=")[2] for argument in release.values.get("kopfArgs", [])]
    for namespace in watched:
        physical = f"{namespace}/{RELEASE}"
        yield f"role-{namespace}", physical, path("Role", namespace, RELEASE)
        yield f"binding-{namespace}", physical, path("RoleBinding", namespace, RELEASE)
    if watched:
        name = f"{RELEASE}-{release.namespace}"
        yield "start", name, path("ClusterRole", name=name)
        yield "start-binding", name, path("ClusterRoleBinding", name=name)
