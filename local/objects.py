"""One Kubernetes object, planned and applied. In: the wanted body and the options. Out: a Plan; then the live object.

The plan comes from a server-side dry run, so "same" means that the API server itself would change nothing.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from components.names import PART_OF
from components.ownership import foreign
from local.awaits import failed_job, until_gone, until_ready
from local.changes import (
    MISSING,
    UNKNOWN,
    Change,
    Path,
    differences,
    fill_unknown,
    has_unknown,
    keep,
    look_up,
    only_wanted,
    touches,
    without_bookkeeping,
)
from local.live import ApiError, Cluster
from local.progress import DEFAULT_TIMEOUT_SECONDS, Progress
from local.refs import MANAGER, Ref, managers

Action = Literal["create", "update", "replace", "same"]
# Resource options that have to be remembered between runs: there is no state, so the object itself carries them.
TRIGGER, PROTECT, RETAIN = (f"local-apply/{name}" for name in ("replacement-trigger", "protect", "retain-on-delete"))
# How the API server words a change that needs a new object; all of them come with HTTP 422.
_IMMUTABLE = re.compile(
    r"immutable|may not change|may not be changed|cannot change|cannot be changed|Forbidden: updates to"
)
_CRD_SECONDS = 30.0


class ProtectedError(Exception):
    """A protected object would have to go."""


class ForeignError(Exception):
    """An object of that name belongs to somebody else."""


@dataclass(frozen=True)
class Options:
    """The resource options that bear on an object."""

    ignore_changes: tuple[Path, ...] = ()
    replace_on_changes: tuple[Path, ...] = ()
    trigger: Any = None
    protect: bool = False
    guarded: bool = False
    retain: bool = False
    create_seconds: float = DEFAULT_TIMEOUT_SECONDS
    update_seconds: float = DEFAULT_TIMEOUT_SECONDS
    delete_seconds: float = DEFAULT_TIMEOUT_SECONDS


@dataclass(frozen=True)
class Plan:
    """What would happen to one object, and what it would then be."""

    action: Action
    ref: Ref
    body: Mapping[str, Any]
    live: dict[str, Any] | None
    result: dict[str, Any]
    changes: tuple[Change, ...] = ()
    note: str = ""


def plan(cluster: Cluster, ref: Ref, desired: Mapping[str, Any], options: Options, preview: bool) -> Plan:
    """Compare with the cluster. Changes nothing."""
    live = cluster.get(ref) if cluster.kind(ref.api_version, ref.kind, fresh=True) else None
    if live and live["metadata"].get("deletionTimestamp"):
        return Plan("create", ref, desired, live, planned(desired), note="the old one is still being deleted")
    unknown = has_unknown(desired)
    body = _marked(fill_unknown(desired, live) if unknown else desired, options)
    if live is None:
        return _plan_of_new(cluster, ref, body, unknown, preview)
    if options.guarded:
        _refuse_foreign(ref, live, body)
    body = keep(body, live, options.ignore_changes)
    wanted = tuple(differences(only_wanted(live, body), body))
    was, becomes = (look_up(obj, ("metadata", "annotations", TRIGGER)) for obj in (live, body))
    if MISSING not in (was, becomes) and was != becomes:
        return Plan("replace", ref, body, live, planned(body), wanted, "the replacement trigger changed")
    if why := failed_job(ref, live):
        return Plan("replace", ref, body, live, planned(body), wanted, f"the last run failed: {why}")
    try:
        result = cluster.apply(ref, body, dry_run=True)
    except ApiError as error:
        if error.status == 422 and _IMMUTABLE.search(str(error)):
            return Plan("replace", ref, body, live, planned(body), wanted, "a changed field is immutable")
        raise
    changes = tuple(differences(without_bookkeeping(live), without_bookkeeping(result)))
    forcing = [change for change in changes if touches(change.path, options.replace_on_changes)]
    if forcing:
        return Plan("replace", ref, body, live, planned(body), changes)
    note = "some values are known only after up" if unknown else ""
    if not changes and MANAGER not in managers(live):
        return Plan("update", ref, body, live, result, note="taken over as it is")
    return Plan("update" if changes or unknown else "same", ref, body, live, result, changes, note)


def _refuse_foreign(ref: Ref, live: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    """What another stack or somebody's hand has made is not taken over."""
    ours = body["metadata"].get("labels", {}).get(PART_OF)
    if ours and (why := foreign(live, ours)):
        raise ForeignError(f"{ref} {why}")


def perform(cluster: Cluster, step: Plan, options: Options, progress: Progress) -> dict[str, Any]:
    """Do what the plan says, wait until the object is ready, return it live."""
    if step.action == "replace" and look_up(step.live, ("metadata", "annotations", PROTECT)) is not MISSING:
        raise ProtectedError(f"{step.ref} would be replaced, and it is protected; switch the protection off first")
    if step.live and (step.action == "replace" or step.live["metadata"].get("deletionTimestamp")):
        cluster.delete(step.ref)
        until_gone(cluster, step.ref, step.live["metadata"]["uid"], progress, options.delete_seconds)
    if step.action in ("create", "replace"):
        _until_known(cluster, step.ref, progress)
    if step.action != "same":
        body = _marked(step.body, options)
        cluster.apply(step.ref, body)
    timeout = options.update_seconds if step.action == "update" else options.create_seconds
    return until_ready(cluster, step.ref, progress, timeout)


def _until_known(cluster: Cluster, ref: Ref, progress: Progress) -> None:
    """A CRD that a hook or a chart has just made takes a moment until it is served."""

    def look() -> str | None:
        return None if cluster.kind(ref.api_version, ref.kind, fresh=True) else "its CRD is not installed"

    progress.until(f"the kind {ref.kind} in {ref.api_version}", look, _CRD_SECONDS)


def _plan_of_new(cluster: Cluster, ref: Ref, body: Mapping[str, Any], unknown: bool, preview: bool) -> Plan:
    if not preview:
        return Plan("create", ref, body, None, {})
    if unknown:
        return Plan("create", ref, body, None, planned(body), note="some values are known only after up")
    if not cluster.kind(ref.api_version, ref.kind):
        return Plan("create", ref, body, None, planned(body), note="unchecked: its CRD comes with this up")
    if ref.namespace and cluster.get(Ref("v1", "Namespace", "", ref.namespace)) is None:
        _check_elsewhere(cluster, ref, body)
        return Plan("create", ref, body, None, planned(body))
    return Plan("create", ref, body, None, planned(body, cluster.apply(ref, body, dry_run=True)))


def _check_elsewhere(cluster: Cluster, ref: Ref, body: Mapping[str, Any]) -> None:
    """In a namespace that does not exist yet nothing can be tried, not even dry; so the body is tried in `default`."""
    there = Ref(ref.api_version, ref.kind, "default", ref.name)
    if cluster.get(there) is None:
        try:
            cluster.apply(there, {**body, "metadata": {**body["metadata"], "namespace": "default"}}, dry_run=True)
        except ApiError as error:
            if error.status in (400, 422):  # the body itself is wrong; anything else belongs to `default`
                raise


def _marked(body: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """The body with what has to be remembered between runs, which have no state: in annotations."""
    marks: dict[str, str] = {}
    if options.trigger is not None:
        text = json.dumps(options.trigger, sort_keys=True)
        marks[TRIGGER] = hashlib.sha256(text.encode()).hexdigest()[:16]
    if options.protect:
        marks[PROTECT] = "true"
    if options.retain:
        marks[RETAIN] = "true"
    if not marks:
        return dict(body)
    metadata = body["metadata"]
    return {**body, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), **marks}}}


def planned(body: Mapping[str, Any], result: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A new object as a preview may show it to the program: what a dry run made up for the server is unknown."""
    shown = without_bookkeeping(result or body)
    spec = shown.get("spec", {})
    if shown.get("kind") == "Service" and spec.get("type") in ("NodePort", "LoadBalancer"):
        asked = body["spec"].get("ports", [])
        node_ports = [port.get("nodePort") or UNKNOWN for port in asked]
        ports = [{**port, "nodePort": number} for port, number in zip(spec["ports"], node_ports, strict=True)]
        shown["spec"] = {**spec, "ports": ports}
    return shown
