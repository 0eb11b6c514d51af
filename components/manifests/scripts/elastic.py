"""The autoscaler of one cluster, or of a job's: makes its worker groups follow the work.

It looks once a second at what the scheduler has to do, and at the Kubernetes API only when it acts, while workers
start, and once a minute. It may be killed at any moment: a worker that leaves hands everything over by itself, and the
next look finds a group whose number of workers differs from its `replicas`, and writes the number first. A worker that
was closed to tasks and not deleted is deleted then.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from elastic_api import Api, Refused
from elastic_decisions import Decision, decide
from elastic_scheduler import SchedulerLoad
from elastic_state import Group, Live, Load, Memory, by_pod

LOOK_SECONDS = float(os.environ.get("LOOK_SECONDS", "1"))
# How old the view of the Kubernetes API may be at rest, and while something is about to change.
REST_SECONDS, RESTLESS_SECONDS = 60.0, 5.0
# Workers that have not registered for so long do not count as help, and are reported.
STUCK_SECONDS = float(os.environ.get("STUCK_SECONDS", "180"))
OPERATOR_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 30.0
CONFLICT = 409
TERMINATED = 143
METRICS_PORT = 9100


class Autoscaler:
    """Looks, decides and acts."""

    def __init__(self, groups: list[Group], api: Api, scheduler: SchedulerLoad) -> None:
        self.groups, self.api, self.scheduler = groups, api, scheduler
        self.memory = Memory(groups, STUCK_SECONDS)
        self.live: dict[str, Live] = {}
        self.versions: dict[str, str] = {}
        self.looked = float("-inf")
        self.unsettled_since: float | None = None
        self.told: set[str] = set()
        self.needed: dict[str, int] = {}

    async def step(self) -> None:
        """One look, and what follows from it. Raises `OSError`, `Refused` or `ValueError` where it cannot look."""
        load = await self.scheduler.ask()
        now = time.monotonic()
        if now - self.looked >= self._patience(load):
            await self._look(now)
        decision = self._decided(load, now)
        if (decision.replicas or decision.close) and self.looked != now:
            await self._look(now)
            decision = self._decided(load, now)
        self.memory.add(decision.needed, now)
        self.needed = decision.needed
        await self._act(decision)
        await self._warn(decision, now)

    async def _look(self, now: float) -> None:
        names = [group.name for group in self.groups]
        self.live, self.versions = await asyncio.to_thread(self.api.groups, names)
        self.looked = now

    def _patience(self, load: Load) -> float:
        """How old the view may be: it is looked at again at once while the operator works."""
        registered, pods = by_pod(load.workers), {pod for it in self.live.values() for pod in it.pods}
        if not all(it.settled and it.replicas == len(it.pods) for it in self.live.values()):
            return 0.0
        whole = pods == registered.keys() and len(self.live) == len(self.groups)
        return REST_SECONDS if whole else RESTLESS_SECONDS

    def _decided(self, load: Load, now: float) -> Decision:
        return decide(self.groups, self.live, load, self.memory.look(self.live, load, now))

    async def _act(self, decision: Decision) -> None:
        """Carries a decision out. Another look follows at once."""
        for name, replicas in decision.replicas.items():
            has = len(self.live[name].pods)
            await self._resize(name, replicas)
            if replicas > has:
                tasks = decision.tasks[name]
                why = f"for {tasks} tasks" if tasks else "for its minimum, or for data that needs memory"
                await self._tell("ScaledUp", f"{name}: from {has} to {replicas} workers, {why}", warning=False)
        for name, spare in decision.close.items():
            pods = await self._delete(spare, decision.busy)
            if not pods:
                continue
            has, left = len(self.live[name].pods), len(self.live[name].pods) - len(pods)
            await self._resize(name, left)
            text = f"{name}: from {has} to {left} workers, of which {decision.needed[name]} are needed"
            await self._tell("ScaledDown", f"{text}: {', '.join(pods)}", warning=False)

    async def _delete(self, pods: list[str], busy: list[str]) -> list[str]:
        """Deletes workers, closed to tasks first: a pod that is deleted runs for a while until it leaves the scheduler.

        Returns those that were deleted. Workers that have just been given tasks stay, and so do those that the API
        server does not delete.
        """
        closed = await self.scheduler.close_to_tasks(pods, busy)
        for number, pod in enumerate(closed):
            try:
                await asyncio.to_thread(self.api.delete, pod)
            except (OSError, Refused):
                await self.scheduler.open_to_tasks(closed[number:])
                raise
        return closed

    async def _resize(self, name: str, replicas: int) -> None:
        self.looked = float("-inf")
        try:
            await asyncio.to_thread(self.api.resize, name, replicas, self.versions[name])
        except Refused as error:
            if error.status != CONFLICT:  # the group has been changed meanwhile: the next look sees how
                raise

    async def _warn(self, decision: Decision, now: float) -> None:
        """Reports what keeps the groups from following, once each."""
        notes: dict[str, str] = {}
        for name, it in self.live.items():
            if it.refused:
                notes[f"{name} refused"] = f"{name}: Kubernetes refuses its pods: {it.refused}"
            elif stuck := [pod for pod in it.pods if now - self.memory.missing.get(pod, now) >= STUCK_SECONDS]:
                hint = f"`kubectl describe pods -l dask.org/workergroup-name={name}` says why"
                notes[f"{name} stuck"] = f"{name}: {len(stuck)} workers have not registered; {hint}"
        settled = all(it.settled for it in self.live.values())
        self.unsettled_since = None if settled else (self.unsettled_since or now)
        if self.unsettled_since and now - self.unsettled_since >= OPERATOR_SECONDS:
            notes["operator"] = "the operator has not carried out the last number of workers: see its log"
        for tasks in decision.unmet:
            asked = ", ".join(f"{key}={value:g}" for key, value in tasks.resources.items())
            notes[f"unmet {asked}"] = f"{tasks.count} tasks ask for {asked}, which no worker group declares"
        for key in notes.keys() - self.told:
            await self._tell("CannotScale", notes[key], warning=True)
        self.told = set(notes)

    async def _tell(self, reason: str, text: str, *, warning: bool) -> None:
        log(text)
        try:
            await asyncio.to_thread(self.api.tell, reason, text, warning=warning)
        except (OSError, Refused) as error:
            log(f"no Event about it: {error}")

    def metrics(self) -> str:
        """For Prometheus."""
        lines = [f"dask_autoscaler_api_requests_total {self.api.requests}"]
        for name, it in self.live.items():
            label = f'{{cluster="{self.api.cluster}",group="{name}"}}'
            lines.append(f"dask_autoscaler_workers{label} {len(it.pods)}")
            if name in self.needed:
                lines.append(f"dask_autoscaler_workers_needed{label} {self.needed[name]}")
        return "".join(f"{line}\n" for line in lines)


def log(text: str) -> None:
    """One line of the pod's log."""
    print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), text, flush=True)


async def run(autoscaler: Autoscaler, *, job: bool) -> None:
    """Steps until the job has ended, and for a cluster for ever.

    Says once what is wrong, and tries again after a while that grows to half a minute.
    """
    trouble, pause = "", LOOK_SECONDS
    while True:
        try:
            await autoscaler.step()
            if trouble:
                log("it works again")
            trouble, pause = "", LOOK_SECONDS
        except Exception as error:
            if job and await has_ended(autoscaler.api):
                return log("the job has ended")
            autoscaler.looked = float("-inf")
            if str(error) != trouble:
                trouble = str(error)
                log(f"nothing changes until it works again: {error!r}")
            pause = min(LONGEST_PAUSE_SECONDS, pause * 1.5)
        await asyncio.sleep(pause)


async def has_ended(api: Api) -> bool:
    """Whether the job has ended, as far as the API server answers."""
    try:
        return await asyncio.to_thread(api.job_has_ended)
    except (OSError, Refused):
        return False


def serve_metrics(autoscaler: Autoscaler, port: int) -> None:
    """Serves `/metrics`, and anything else as the answer to a health probe."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = autoscaler.metrics().encode() if self.path.startswith("/metrics") else b"ok\n"
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are not logged."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

        def server_bind(self) -> None:
            if self.address_family == socket.AF_INET6:
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            super().server_bind()

    threading.Thread(target=Server(("", port), Handler).serve_forever, daemon=True).start()


def main() -> None:
    """Reads what is declared, and starts."""
    declared = json.loads(os.environ["ELASTIC"])
    job = declared.get("job", False)
    # A Job whose pod ends with 0 is done, and one whose pod is evicted must not be.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED if job else 0))
    groups = [Group(**group) for group in declared["groups"]]
    api = Api(declared["namespace"], declared["cluster"])
    autoscaler = Autoscaler(groups, api, SchedulerLoad(os.environ["DASK_SCHEDULER_ADDRESS"]))
    serve_metrics(autoscaler, int(os.environ.get("METRICS_PORT", str(METRICS_PORT))))
    bounds = ", ".join(f"{it.name} {it.minimum} to {it.maximum}" for it in groups if it.elastic)
    log(f"the autoscaler of {api.cluster} follows the work: {bounds}")
    asyncio.run(run(autoscaler, job=job))


if __name__ == "__main__":
    main()
