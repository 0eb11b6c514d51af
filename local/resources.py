"""One registered resource, from request to outputs. In: a RegisterResourceRequest and the run. Out: (id, outputs).

A Kubernetes object and a Helm release take the same walk: plan, before-hooks, say it, do it, after-hooks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from components.ownership import HOOK
from local import helm, objects
from local.awaits import TIMEOUT_SECONDS
from local.changes import UNKNOWN, parse_path
from local.hooks import Hooks
from local.live import Cluster
from local.progress import DEFAULT_TIMEOUT_SECONDS, seconds
from local.record import Record
from local.refs import Ref
from local.wire import plain, struct

Mode = Literal["up", "preview", "outputs"]
Outcome = tuple[str, dict[str, Any]]


class UnsupportedError(Exception):
    """The program asks for something that only the real engine can do."""


@dataclass(frozen=True)
class Run:
    """What every resource of one run shares."""

    mode: Mode
    part_of: str
    record: Record
    hooks: Hooks


def register_object(run: Run, request: Any, urn: str, cluster: Cluster) -> Outcome:
    """One Kubernetes object."""
    ref, body = _place(request, cluster)
    run.record.registered.add(ref.key)
    run.record.namespaces.add(ref.namespace or ref.name)
    identifier = f"{ref.namespace}/{ref.name}" if ref.namespace else ref.name
    if request.importId not in ("", identifier):
        raise UnsupportedError(f"`import_` of {request.importId} as {identifier} needs state, and so the Pulumi engine")
    if UNKNOWN in (ref.name, ref.namespace):
        run.record.note("create", f"{ref.kind} '{request.name}'", note="its name is known only after up")
        return "", body
    if run.mode == "outputs":
        live = cluster.get(ref) if cluster.kind(ref.api_version, ref.kind) else None
        if live is None:
            run.record.missing.append(str(ref))
        return identifier, live or objects.planned(body)
    options = _options(request, body["metadata"])
    step = objects.plan(cluster, ref, body, options, preview=run.mode == "preview")

    def say() -> None:
        run.record.note(step.action, str(ref), step.changes, step.note, secret=ref.kind == "Secret")

    def do() -> dict[str, Any]:
        return objects.perform(cluster, step, options, run.record.progress)

    outputs = _walk(run, request, {"urn": urn, "id": identifier}, step.action, step.live, say, do)
    return identifier, step.result if outputs is None else outputs


def register_release(run: Run, request: Any, urn: str, cluster: Cluster) -> Outcome:
    """One Helm release."""
    inputs = plain(request.object)
    step = helm.plan(cluster, inputs, run.part_of)
    name, namespace = inputs["name"], inputs.get("namespace") or cluster.namespace
    run.record.releases.add((namespace, name))
    if run.mode == "outputs":
        if step.deployed is None:
            run.record.missing.append(f"Helm release {namespace}/{name}")
        return f"{namespace}/{name}", helm.outputs(inputs, step.deployed)

    def say() -> None:
        run.record.note(step.action, f"Helm release {namespace}/{name}", step.changes, step.note)

    def do() -> dict[str, Any]:
        return helm.install(cluster, step, run.part_of, run.record.progress)

    old = helm.outputs({"values": step.deployed.get("config") or {}}, step.deployed) if step.deployed else None
    outputs = _walk(run, request, {"urn": urn, "id": f"{namespace}/{name}"}, step.action, old, say, do)
    return f"{namespace}/{name}", helm.outputs(inputs, step.deployed) if outputs is None else outputs


def _walk(
    run: Run,
    request: Any,
    hook_arguments: dict[str, Any],
    action: str,
    old: Mapping[str, Any] | None,
    say: Callable[[], None],
    do: Callable[[], dict[str, Any]],
) -> dict[str, Any] | None:
    """Hooks around the deed; None in a preview. A replacement runs the create hooks, as in the engine."""
    moment = "create" if action == "replace" else action
    arguments = {**hook_arguments, "name": request.name, "type": request.type, "new_inputs": request.object}
    if old is not None and action == "update":
        arguments |= {"old_inputs": struct(old), "old_outputs": struct(old)}
    run.hooks.run(request.hooks, f"before_{moment}", arguments)
    say()
    if run.mode == "preview":
        return None
    outputs = do()
    run.hooks.run(request.hooks, f"after_{moment}", {**arguments, "new_outputs": struct(outputs)})
    return outputs


def _place(request: Any, cluster: Cluster) -> tuple[Ref, dict[str, Any]]:
    """Where the object lives, and its body with that namespace in it."""
    body = plain(request.object)
    if not body.get("kind") or not body.get("apiVersion"):
        raise UnsupportedError("this type is not one Kubernetes object; it needs the Pulumi engine")
    metadata = body.get("metadata", {})
    if not metadata.get("name"):
        raise UnsupportedError("`metadata.name` is missing; without an engine no state could remember a made-up one")
    found = cluster.kind(body["apiVersion"], body["kind"])
    namespaced = found[1] if found else "namespace" in metadata
    namespace = metadata.get("namespace") or cluster.namespace if namespaced else ""
    if namespace:
        metadata = {**metadata, "namespace": namespace}
    return Ref(body["apiVersion"], body["kind"], namespace, metadata["name"]), {**body, "metadata": metadata}


def _options(request: Any, metadata: Mapping[str, Any]) -> objects.Options:
    """The resource options, and the provider's annotations that bear on time."""
    timeouts = request.customTimeouts
    fallback = float(metadata.get("annotations", {}).get(TIMEOUT_SECONDS, DEFAULT_TIMEOUT_SECONDS))
    trigger = request.replacement_trigger if request.HasField("replacement_trigger") else None
    return objects.Options(
        ignore_changes=tuple(map(parse_path, request.ignoreChanges)),
        replace_on_changes=tuple(map(parse_path, request.replaceOnChanges)),
        trigger=None if trigger is None or not trigger.WhichOneof("kind") else str(trigger),
        protect=bool(request.protect),
        guarded=HOOK in request.hooks.before_create,
        retain=bool(request.retainOnDelete),
        create_seconds=seconds(timeouts.create) if timeouts.create else fallback,
        update_seconds=seconds(timeouts.update) if timeouts.update else fallback,
        delete_seconds=seconds(timeouts.delete) if timeouts.delete else fallback,
    )
