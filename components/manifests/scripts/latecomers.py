"""Workers that register after their pod was deleted.

A pod may be deleted while its worker still starts. The scheduler does not know the worker yet, so its preStop has
nothing to hand over, and the autoscaler has nothing to close to tasks. The worker may register a moment later and begin
tasks, which SIGTERM, or SIGKILL at the end of the grace period, cuts off: they begin again on another worker.
"""

from typing import Any


def turn_away(dask_scheduler: Any, pods: list[str], hosts: list[str] | None, seconds: float) -> None:
    """Runs in the scheduler: the workers of these pods that register within `seconds` begin no task, and end.

    A pod's workers are `<pod>`, or `<pod>-0`, `<pod>-1`, ... with --nworkers. Each that is not registered yet is turned
    away once, and only from one of `hosts` where they are given: the pod that takes the place of an evicted one has the
    same name. 0 seconds: they are welcome again.
    """
    from inspect import signature
    from re import escape, fullmatch
    from time import time

    from distributed.diagnostics.plugin import SchedulerPlugin

    name = "dask-on-kubernetes-latecomers"
    # The connection over which a worker hears anything is complete some milliseconds after it has registered.
    hear_seconds = 1.0

    def add_worker(scheduler: Any, worker: str) -> None:
        it = scheduler.workers[worker]
        called = str(it.name)
        for pod, (hosts, until, known) in plugin.pods.items():
            late = fullmatch(rf"{escape(pod)}(-\d+)?", called) and time() < until
            if late and called not in known and (hosts is None or it.host in hosts):
                known.add(called)
                close(scheduler, worker)

    def close(scheduler: Any, worker: str) -> None:
        """Closes it to tasks, as Scheduler.retire_workers does, and then removes it without blame."""
        about = {"status": "closing_gracefully", "stimulus_id": f"{name}-{time()}"}
        scheduler.handle_worker_status_change(worker=worker, **about)
        scheduler.stream_comms[worker].send({"op": "worker-status-change", **about})
        blameless = "expected" if "expected" in signature(scheduler.remove_worker).parameters else "safe"
        ends = {"address": worker, "stimulus_id": about["stimulus_id"], "close": True, blameless: True}
        scheduler.loop.call_later(hear_seconds, scheduler.remove_worker, **ends)

    plugin: Any = dask_scheduler.plugins.get(name)
    if plugin is None:
        plugin = SchedulerPlugin()
        plugin.pods = {}
        dask_scheduler.add_plugin(plugin, name=name)
    plugin.add_worker = add_worker
    kept = {pod: it for pod, it in plugin.pods.items() if it[1] > time() and pod not in pods}
    here = [str(it.name) for it in dask_scheduler.workers.values()]
    known = {pod: {it for it in here if it.startswith(pod)} for pod in pods if seconds}
    plugin.pods = kept | {pod: (hosts, time() + seconds, names) for pod, names in known.items()}
