"""The rows of the status table, as text, from live objects and the schedulers' answers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from components.kube import pods as health
from components.kube.client import Object
from components.lifecycle import expiry
from components.lifecycle import load as loads
from components.lifecycle.drift import Live
from components.manifests import certificates
from components.manifests import worker_arguments as workerargs
from components.manifests.addresses import Address
from components.manifests.declared import DeclaredCluster
from components.vocabulary import COMPONENT, DEFAULT_GROUP, INSTANCE

GOOD, SO_SO, BAD = "green", "yellow", "red"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    state: str
    details: str = ""
    age: str = ""
    colour: str = ""
    of: str = ""
    """The cluster that it is a part of."""


@dataclass(frozen=True)
class Seen:
    """What was found of one cluster. `counts` and `identity` are the scheduler's pages, None without an answer."""

    live: Live | None
    service: Object | None
    address: Address | None
    pods: list[Object]
    secret: Object | None
    counts: Object | None
    identity: Object | None
    old: dict[str, str]
    """Replaced clusters of this name, and the clients and tasks that are still on them."""


def cluster(declared: DeclaredCluster, seen: Seen) -> list[Row]:
    """A cluster with its endpoint, scheduler, workers by group, certificates, and what is wrong with its pods."""
    whole, *parts = _cluster(declared, seen)
    return [whole, *(replace(row, of=declared.name) for row in parts)]


def _cluster(declared: DeclaredCluster, seen: Seen) -> Iterator[Row]:
    image = declared.settings.image
    if declared.settings.suspended:
        yield from _suspended(declared, seen)
    elif seen.live is None:
        yield Row(declared.name, "missing", f"{declared.physical_name}: `up` will create it", colour=BAD)
    else:
        workers = list(_workers(declared, seen))
        troubles = list(_troubles(seen))
        ready = seen.counts and _leads_here(declared, seen) and all(row.colour == GOOD for row in workers)
        state, colour = ("ready", GOOD) if ready else ("not ready", BAD if troubles else SO_SO)
        yield Row(declared.name, state, f"{declared.physical_name}, {image}", age(seen.live.cluster), colour)
        yield _endpoint(declared, seen)
        yield _scheduler(declared, seen)
        yield from workers
        if declared.settings.tls.enabled:
            yield _certificates(declared, seen.secret)
        yield from troubles
    for name, load in seen.old.items():
        yield Row("old version", "draining", f"{name}: {load}", colour=SO_SO)


def _suspended(declared: DeclaredCluster, seen: Seen) -> Iterator[Row]:
    """What is left of a cluster without scheduler and workers."""
    details = "no scheduler, no workers: `up` starts them when `suspended` is removed from the file"
    yield Row(
        declared.name, "suspended", details, colour=GOOD if _leads_here(declared, seen) and not seen.old else SO_SO
    )
    yield _endpoint(declared, seen)
    if declared.settings.tls.enabled:
        yield _certificates(declared, seen.secret)


def _leads_here(declared: DeclaredCluster, seen: Seen) -> bool:
    selector = (seen.service or {}).get("spec", {}).get("selector", {})
    return selector.items() >= declared.endpoint["spec"]["selector"].items()


def _endpoint(declared: DeclaredCluster, seen: Seen) -> Row:
    if seen.service is None or seen.address is None:
        return Row("endpoint", "missing", f"Service {declared.name}", colour=BAD)
    state, colour = (seen.service["spec"]["type"], GOOD)
    if not _leads_here(declared, seen):
        state, colour = f"{state}, leads elsewhere", SO_SO
    elif declared.settings.suspended:
        state = f"{state}, refuses connections"
    addresses = [seen.address.scheduler_address, seen.address.dashboard_url]
    return Row("endpoint", state, "  ".join(filter(None, addresses)), age(seen.service), colour)


def _scheduler(declared: DeclaredCluster, seen: Seen) -> Row:
    pods = [pod for pod in seen.pods if pod["metadata"]["labels"].get(COMPONENT) == "scheduler"]
    started = age(pods[0]) if pods else ""
    if seen.counts is None:
        return Row("scheduler", "no answer", declared.scheduler_name, started, BAD)
    load = loads.load(seen.counts)
    busy = f"{_many(load.clients, 'client')}, {_many(load.tasks, 'task')}, {seen.counts['processing']} processing"
    return Row("scheduler", "answers", busy, started, GOOD)


def _workers(declared: DeclaredCluster, seen: Seen) -> Iterator[Row]:
    """One row per group: how many of its workers the scheduler knows, of how many there have to be."""
    names = [str(worker["name"]) for worker in ((seen.identity or {}).get("workers") or {}).values()]
    groups = seen.live.groups if seen.live else {}
    for group, expected in declared.expected_workers.items():
        live = groups.get(group)
        replicas = live["spec"]["worker"]["replicas"] if live else 0
        default = group == declared.default_group
        settings = declared.groups[group]
        running = replicas * workerargs.processes(settings, declared.settings.worker_pod(settings))
        wanted = running if settings.autoscaled else expected
        registered = sum(name.startswith(f"{group}-worker-") for name in names)
        details = f"group {group}" + (f" is scaled to {replicas}" if running != wanted else "")
        label = DEFAULT_GROUP if default else group.removeprefix(f"{declared.physical_name}-").rpartition("-")[0]
        state = f"{registered} of {wanted} registered"
        colour = GOOD if registered == wanted == running else SO_SO
        yield Row(f"workers {label}", state, details, age(live) if live else "", colour)


def _certificates(declared: DeclaredCluster, secret: Object | None) -> Row:
    if secret is None:
        return Row(
            "certificates", "unknown", "the Secret is missing, or there is no permission to read it", colour=SO_SO
        )
    end = certificates.end(secret["data"])
    left = (end - datetime.now(UTC)).days
    state = f"valid until {end:%Y-%m-%d}" if left >= 0 else f"expired on {end:%Y-%m-%d}"
    near = left < certificates.SOON.days
    # Nobody but its owner changes a Secret of the user's own.
    fix = expiry.fix(declared) if declared.settings.tls.secret else "increment `tls.rotation` before that"
    colour = GOOD if not near else SO_SO if left >= 0 else BAD
    return Row("certificates", state, fix if near else "", age(secret), colour)


def _troubles(seen: Seen) -> Iterator[Row]:
    deployments = seen.live.deployments.values() if seen.live else []
    for trouble in [*health.deployment_troubles(deployments), *health.pod_troubles(seen.pods)]:
        yield Row(trouble.where, trouble.reason, trouble.message, colour=BAD)


def operator(deployments: list[Object] | None) -> Row:
    """The operator, which creates and scales all Dask pods."""
    if deployments is None:
        return Row("operator", "unknown", "no permission to list Deployments cluster-wide", colour=SO_SO)
    if not deployments:
        return Row("operator", "missing", "`dask:operator.install: true` in one stack installs it", colour=BAD)
    found = deployments[0]
    available = found.get("status", {}).get("availableReplicas", 0) > 0
    [container] = found["spec"]["template"]["spec"]["containers"]
    where = f"{found['metadata']['namespace']}/{found['metadata']['name']}, {container['image']}"
    state, colour = ("ready", GOOD) if available else ("not ready", BAD)
    return Row("operator", state, where, age(found), colour)


def job(live: Object) -> Row:
    """A DaskJob."""
    state = live.get("status", {}).get("jobStatus", "unknown")
    colour = {"Successful": GOOD, "Failed": BAD}.get(state, SO_SO)
    meta = live["metadata"]
    return Row(f"job {meta['labels'][INSTANCE]}", state, meta["name"], age(live), colour)


def is_run(live: Object) -> bool:
    """Whether a DaskJob is an attempt of a job with a schedule, which has a row of its own."""
    return any(owner["kind"] == "Job" for owner in live["metadata"].get("ownerReferences", ()))


def schedule(live: Object, runs: Iterable[Object]) -> Row:
    """A job with a schedule: a CronJob, and those of its Jobs that are kept."""
    meta, spec, status = live["metadata"], live["spec"], live.get("status", {})
    own = [run for run in runs if any(it["uid"] == meta["uid"] for it in run["metadata"].get("ownerReferences", ()))]
    last = max(own, key=lambda run: run["metadata"]["creationTimestamp"], default=None)
    ended = _end(last) if last else ""
    state = "suspended" if spec.get("suspend") else "running" if status.get("active") else "scheduled"
    colour = BAD if ended == "failed" else GOOD if state == "scheduled" else SO_SO
    when = status.get("lastScheduleTime")
    ago = f"last run {age({'metadata': {'creationTimestamp': when}})} ago" if when else "no run yet"
    details = f"{spec['schedule']} {spec.get('timeZone', '')}, {ago}{f', {ended}' if ended else ''}"
    return Row(f"job {meta['labels'][INSTANCE]}", state, details, age(live), colour)


def _end(run: Object) -> str:
    """How a Job has ended."""
    said = {it["type"] for it in run.get("status", {}).get("conditions", ()) if it["status"] == "True"}
    return "failed" if "Failed" in said else "succeeded" if "Complete" in said else ""


def age(live: Object, now: datetime | None = None) -> str:
    """The age of an object, as kubectl shows it: `42s`, `12m`, `3h`, `9d`."""
    made: Any = datetime.fromisoformat(live["metadata"]["creationTimestamp"])
    passed = int(((now or datetime.now(UTC)) - made).total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if passed >= 2 * length:
            return f"{passed // length}{unit}"
    return f"{max(0, passed)}s"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
