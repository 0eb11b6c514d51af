"""What a program is about to write: the objects that it registers, and which of them are not live yet."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from ..kube import client as kube
from ..kube.client import Object
from ..kube.paths import path_of
from ..lifecycle.difference import differences
from ..vocabulary import PART_OF

# A change of such an object has another name, or the engine ignores it.
_NEVER_CHANGED = {"Secret", "Job", "DaskJob"}
# Fields that are known only when the program runs, and without which the object can be judged all the same.
_MAY_BE_UNKNOWN = {"Secret": {"data", "string_data", "stringData"}}
_OF_THE_SDK = {"api_version", "apiVersion", "kind", "status"}


@dataclass(frozen=True)
class Declared:
    """One object that the program registers."""

    body: Object
    component: tuple[str, str]
    """Type and name of the component that it belongs to, both empty for an object of the program itself."""

    @property
    def kind(self) -> str:
        """The kind, such as `Service`."""
        return self.body["kind"]

    @property
    def namespace(self) -> str:
        """Its namespace; for a Namespace, its own name; empty for other objects of the whole cluster."""
        meta = self.body["metadata"]
        return meta["name"] if self.kind == "Namespace" else meta.get("namespace", "")

    @property
    def collection(self) -> str:
        """The API path of the list that the object belongs to."""
        return path_of(self.body).rpartition("/")[0]


@dataclass(frozen=True)
class Change:
    """An object that will be created, or updated from `live`."""

    declared: Declared
    live: Object | None


def declared(args: pulumi.ResourceTransformationArgs) -> Declared | None:
    """The object of a registration. None where its content is not known before other resources exist."""
    group, _, kind = args.type_.removeprefix("kubernetes:").rpartition(":")
    fields = {key: it for key, it in args.props.items() if it is not None and key not in _OF_THE_SDK}
    known: Object = {_camel(key): it for key, it in fields.items() if _is_plain(it)}
    unknown = {key for key in fields if _camel(key) not in known}
    metadata: Any = known.get("metadata") or {}
    if unknown - _MAY_BE_UNKNOWN.get(kind, set()) or not metadata.get("name"):
        return None
    if unknown and kind == "Secret":
        known.pop("type", None)  # which demands keys of the data
    parent = args.opts.parent
    component = (parent.pulumi_resource_type, parent.pulumi_resource_name) if parent else ("", "")
    return Declared({"apiVersion": group.removeprefix("core/"), "kind": kind} | known, component)


def _camel(key: str) -> str:
    return re.sub("_(.)", lambda found: found[1].upper(), key)


def _is_plain(value: Any) -> bool:
    """Whether the value is known, and JSON."""
    if isinstance(value, Mapping):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float)


async def changes(client: kube.Api, objects: list[Declared]) -> list[Change]:
    """The objects that are missing or not as declared. Those that cannot be read for lack of permission are left out.

    Takes one list for each kind and namespace, answered from the API server's memory, however many objects there are.
    """
    groups: dict[tuple[str, str], list[Declared]] = {}
    for one in objects:
        # Secrets are read by name: nobody needs to see all of a namespace. So is what does not carry our label.
        label = (one.body["metadata"].get("labels") or {}).get(PART_OF, "")
        alone = one.kind in ("Secret", "Namespace") or not label
        key = (path_of(one.body), "") if alone else (one.collection, label)
        groups.setdefault(key, []).append(one)
    found = await asyncio.gather(*(_changes(client, url, label, group) for (url, label), group in groups.items()))
    return [change for group in found for change in group]


async def _changes(client: kube.Api, url: str, label: str, group: list[Declared]) -> list[Change]:
    if label:
        listed = await kube.unless_forbidden(kube.items(client, url, {PART_OF: label}, from_memory=True))
        if listed is None:
            return []
        live = {it["metadata"]["name"]: it for it in listed if "deletionTimestamp" not in it["metadata"]}
        changed = [Change(one, live.get(one.body["metadata"]["name"])) for one in group]
    else:
        answer = await kube.unless_forbidden(_found(client, url))
        changed = [Change(one, it) for it in answer or () for one in group]
    return [it for it in changed if it.live is None or not _is_live(it.declared, it.live)]


async def _found(client: kube.Api, url: str) -> list[Object | None]:
    """A list of one, to keep a missing object apart from a forbidden one."""
    return [await kube.find(client, url)]


def _is_live(one: Declared, live: Object) -> bool:
    if one.kind in _NEVER_CHANGED:
        return True
    ours, theirs = one.body["metadata"], live["metadata"]
    notes = ("labels", "annotations")
    if any((ours.get(key) or {}).items() - (theirs.get(key) or {}).items() for key in notes):
        return False
    content = {key: it for key, it in one.body.items() if key not in ("apiVersion", "kind", "metadata")}
    return not any(any(differences(it, live.get(key, {}))) for key, it in content.items())
