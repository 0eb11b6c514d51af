"""What the events of a namespace say about a cluster that does not start: which of them are about it, and how bad.

A pod that cannot mount a volume only waits, and what the operator is refused shows up in no object at all.
"""

from collections.abc import Callable, Collection, Iterable

from ..kube import pods as health
from ..kube.client import Object
from ..kube.events import Event
from ..kube.pods import Trouble

# The pod's own status says the same, and with more detail.
_IN_THE_STATUS = {"BackOff", "Failed", "FailedScheduling", "Unhealthy", "Evicted", "NotTriggerScaleUp"}
# A Job never says it in its status.
_FATAL_FOR_JOBS = {"FailedCreate"}
_OPERATORS = {"DaskCluster", "DaskWorkerGroup", "DaskJob", "DaskAutoscaler"}
# What the API server says when it refuses an object whenever it comes.
_REFUSED = ("denied", "is invalid", "violates PodSecurity", "cannot be handled as")
# An event may be a little older than the wait, and the clocks of two machines differ.
_MARGIN_SECONDS = 120
_LONGEST = 400


def troubles(events: Iterable[Event], about: Callable[[str, str], bool], waited: float) -> list[Trouble]:
    """The troubles of the objects that `about(kind, name)` is true for, for a wait of so many seconds."""
    found = [
        _trouble(event)
        for event in events
        if event.reason not in _IN_THE_STATUS
        and about(event.kind, event.name)
        and health.age_of(event.last) < waited + _MARGIN_SECONDS
    ]
    return sorted(found, key=lambda trouble: not trouble.fatal)


def keeping(pods: Iterable[Object], owners: Collection[str], deployments: Iterable[str]) -> Callable[[str, str], bool]:
    """Whether an object of a kind and a name can keep a cluster's pods from starting, as `troubles` asks.

    `owners` are the names of the operator's objects, and `deployments` the beginnings of the names of the Deployments
    that have too few pods.
    """
    waiting = [pod for pod in pods if not health.started(pod)]
    names = {
        "Pod": {pod["metadata"]["name"] for pod in waiting},
        "PersistentVolumeClaim": {claim for pod in waiting for claim in health.claims(pod)},
    } | dict.fromkeys(_OPERATORS, owners)
    started = tuple(deployments)

    def about(kind: str, name: str) -> bool:
        return name in names.get(kind, ()) or (kind in ("Deployment", "ReplicaSet") and name.startswith(started))

    return about


def _trouble(event: Event) -> Trouble:
    where = f"{event.kind.lower()} {event.name}"
    if event.kind in _OPERATORS:
        words = _last_line(event.message)
        refused = any(it in words for it in _REFUSED)
        return Trouble(where, "refused to the operator", words, refused and not health.may_pass(words))
    fatal = event.kind == "Job" and event.reason in _FATAL_FOR_JOBS and not health.may_pass(event.message)
    return Trouble(where, event.reason, _cut(event.message), fatal)


def _last_line(message: str) -> str:
    """Of a traceback that the operator has posted, what was raised: `kr8s._exceptions.ServerError: the words`."""
    line = message.strip().splitlines()[-1] if message.strip() else ""
    return _cut(line.partition("Error: ")[2] or line)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
