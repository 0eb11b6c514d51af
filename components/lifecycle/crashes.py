"""Judges pods of a cluster that crash, and finds in their logs the errors that their last words leave out.

kubelet keeps the last 2 KiB of a log as a container's last words. A worker's nanny prints a long traceback of its own
after that of the worker, so the error that a user could correct is no longer in them.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from ..kube import client as kube
from ..kube import logs
from ..kube import pods as health
from ..kube.client import Object
from ..kube.pods import CRASH_LOOP, Trouble, pod_troubles
from ..manifests.declared import DeclaredCluster
from ..vocabulary import COMPONENT

TAIL_LINES = 400
_MOST = 3
# The last line of a traceback, and how command lines report a mistake.
_ERROR = re.compile(r"(?:[\w.]*(?:Error|Exception|Exit)\b(?:: .+)?|Error: .+)")


def troubles(pods: Sequence[Object], worked: Collection[str] = ()) -> list[Trouble]:
    """The troubles of all pods of a cluster; those of some crashes are not fatal, and come last.

    A pod in `worked`, by its name, may crash on a user's task. And while the scheduler is still starting, everyone else
    gives up after half a minute without it, and starts again.
    """
    ready = [health.ready_since(pod) for pod in pods if _is_scheduler(pod) and health.ready(pod)]

    def may_crash(pod: Object) -> bool:
        early = not ready or health.last_run_began(pod) < max(ready)
        return pod["metadata"]["name"] in worked or (early and not _is_scheduler(pod))

    passing = [pod for pod in pods if may_crash(pod)]
    fatal = pod_troubles(pod for pod in pods if pod not in passing)
    return [*fatal, *(replace(it, fatal=it.fatal and it.reason != CRASH_LOOP) for it in pod_troubles(passing))]


def _is_scheduler(pod: Object) -> bool:
    return pod["metadata"].get("labels", {}).get(COMPONENT) == "scheduler"


async def causes(client: kube.Api, cluster: DeclaredCluster, pods: Iterable[Object], told: str) -> str:
    """The errors in the log of the first crashing pod that `told` does not contain; empty if there are none."""
    crashing = (pod for pod in pods if any(it.reason == CRASH_LOOP for it in pod_troubles([pod])))
    first = next(crashing, None)
    if first is None:
        return ""
    log = await _previous_log(client, cluster, first)
    errors = [line for line in dict.fromkeys(map(str.strip, log.splitlines())) if _ERROR.fullmatch(line)]
    new = [error for error in errors if error not in told][:_MOST]
    return f"; its log says before that: {'; '.join(new)}" if new else ""


async def _previous_log(client: kube.Api, cluster: DeclaredCluster, pod: Object) -> str:
    """The log of the container that has crashed; empty if it cannot be read."""
    names = [it["name"] for it in pod["status"].get("containerStatuses", []) if it.get("restartCount") and "name" in it]
    where = cluster.path("Pod", pod["metadata"]["name"])
    return await logs.tail_if_readable(client, where, names[0] if names else None, TAIL_LINES, previous=True)
