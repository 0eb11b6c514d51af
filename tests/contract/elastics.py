"""A Kubernetes API and an operator in this process, for the autoscaler. The workers are real, with their preStop."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import dask.config
from distributed import Client, Scheduler, Security, Worker
from elastic_state import Group

from components.manifests import certificates
from components.manifests import environment as podenv
from components.manifests.embedding import AUTOSCALER, program
from components.settings.tls import Tls
from tests.contract.dasks import QUIET, executions, pre_stop

NAMESPACE, CLUSTER = "lab", "main-1a2b3c4d"
_LAST = "kopf.zalando.org/last-handled-configuration"


def group(name: str, **about: Any) -> Group:
    """An elastic group, whose workers leave after a second."""
    return Group(f"{CLUSTER}-{name}", **{"maximum": 3, "idle_seconds": 1.0, "threads": 1} | about)


@dataclass
class Kept:
    """A DaskWorkerGroup in the API server."""

    replicas: int = 0
    handled: int = 0
    version: int = 1


@dataclass
class Kubernetes:
    """The API server and the operator. `removed` are workers that the operator would have picked by itself."""

    declared: list[Group]
    scheduler: Scheduler
    tls: "Material"
    groups: dict[str, Kept] = field(default_factory=dict)
    deployments: dict[str, str] = field(default_factory=dict)
    workers: dict[str, Worker] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    starting: list["asyncio.Task[None]"] = field(default_factory=list)
    leaving: list["asyncio.Task[None]"] = field(default_factory=list)
    wrong_images: set[str] = field(default_factory=set)
    quota: dict[str, int] = field(default_factory=dict)
    start_seconds: float = 0.0  # until the worker of a new pod registers
    leave_seconds: float = 0.0  # until the preStop of a deleted pod begins
    deletes: bool = True
    away: bool = False
    operator_away: bool = False
    job_ended: bool = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        self.groups = {it.name: Kept() for it in self.declared}
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        operator = asyncio.create_task(self._operate())
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            operator.cancel()
            server.close()
            await asyncio.gather(*self.starting, *self.leaving)
            for worker in self.workers.values():
                await worker.close()

    def count(self, name: str) -> int:
        """How many workers a group has."""
        return list(self.deployments.values()).count(f"{CLUSTER}-{name}")

    async def _operate(self) -> None:
        """The operator acts when a number has changed, and compares it with the number of Deployments."""
        while True:
            await asyncio.sleep(0.05)
            for name, kept in self.groups.items() if not self.operator_away else ():
                if kept.handled != (wanted := kept.replicas):
                    have = list(self.deployments.values()).count(name)
                    for _ in range(wanted - have):
                        await self._start(name)
                    self.removed += [it for it, where in self.deployments.items() if where == name][wanted:]
                    kept.handled, kept.version = wanted, kept.version + 1

    async def _start(self, name: str) -> None:
        pod = f"{name}-worker-{uuid4().hex[:10]}"
        self.deployments[pod] = name
        running = sum(where == name for where in self.deployments.values())
        self.most[name] = max(running, self.most.get(name, 0))
        if name in self.wrong_images or running > self.quota.get(name, running):
            return
        declared = next(it for it in self.declared if it.name == name)
        self.starting.append(asyncio.create_task(self._register(pod, dict(declared.resources))))
        if not self.start_seconds:
            await self.starting[-1]

    async def _register(self, pod: str, resources: dict[str, float]) -> None:
        await asyncio.sleep(self.start_seconds)
        about: dict[str, Any] = {"security": self.tls.security, "host": "tls://127.0.0.1"}
        self.workers[pod] = await Worker(self.scheduler.address, name=pod, nthreads=1, resources=resources, **about)

    async def _leave(self, pod: str) -> None:
        await asyncio.sleep(self.leave_seconds)
        if worker := self.workers.pop(pod, None):
            await pre_stop(self.scheduler.address, pod, env=self.tls.environment("worker"))
            await worker.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, _ = lines[0].split(" ")
        length = next((int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length")), 0)
        body = json.loads(await reader.readexactly(length) or "null")
        path = urlsplit(target).path
        self.asked.append((method, path))
        status, answer = (503, {"message": "away"}) if self.away else self._answer(method, path, body)
        text = json.dumps(answer).encode()
        head = f"HTTP/1.1 {status} Told\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + text)
        await writer.drain()
        writer.close()

    def _answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        resource, name = [*path.split("/"), ""][path.split("/").index(NAMESPACE) + 1 :][:2]
        if (method, resource) == ("GET", "deployments"):
            return 200, {"items": [self._deployment(pod) for pod in self.deployments]}
        if (method, resource) == ("DELETE", "deployments"):
            assert body == {"propagationPolicy": "Background"}
            if not self.deletes:
                return 403, {"message": "a policy refuses it"}
            if self.deployments.pop(name, None) is None:
                return 404, {"message": "not found"}
            self.leaving.append(asyncio.create_task(self._leave(name)))
            return 200, {}
        if resource == "daskworkergroups" and name in self.groups:
            kept = self.groups[name]
            if method == "PATCH":
                if body["metadata"]["resourceVersion"] != str(kept.version):
                    return 409, {"message": "the object has been modified"}
                kept.replicas, kept.version = body["spec"]["worker"]["replicas"], kept.version + 1
            last = json.dumps({"spec": {"worker": {"replicas": kept.handled}}})
            meta = {"resourceVersion": str(kept.version), "annotations": {_LAST: last}}
            return 200, {"metadata": meta, "spec": {"worker": {"replicas": kept.replicas}}}
        if (resource, name) == ("daskjobs", CLUSTER):
            return 200, {"metadata": {}, "status": {"jobStatus": "Running", "clusterName": CLUSTER}}
        if (resource, name) == ("daskclusters", CLUSTER) and not self.job_ended:
            return 200, {"metadata": {"uid": "1"}}
        if (method, resource) == ("POST", "events"):
            self.events.append(body["message"])
            return 201, {}
        return 404, {"message": f"no {resource} {name}"}

    def _deployment(self, pod: str) -> Any:
        group, failed = self.deployments[pod], {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
        refused = group in self.quota and pod not in self.workers
        labels = {"dask.org/workergroup-name": group}
        return {"metadata": {"name": pod, "labels": labels}, "status": {"conditions": [failed] if refused else []}}


@dataclass(frozen=True)
class Material:
    """A cluster's certificates in a folder of this machine."""

    folder: Path

    def write(self) -> None:
        for name, text in certificates.make("main", 10).items():
            (self.folder / name).write_text(text)

    def environment(self, role: str) -> dict[str, str]:
        """The variables of a pod of this role."""
        variables = podenv.tls_environment(role, Tls(enabled=True))
        return {item["name"]: item["value"].replace(podenv.TLS_PATH, str(self.folder)) for item in variables}

    @property
    def security(self) -> Security:
        leaves = {f"tls_{role}_{it}": str(self.folder / f"{role}.{end}") for role in certificates.ROLES
                  for it, end in (("cert", "crt"), ("key", "key"))}  # fmt: skip
        return Security(tls_ca_file=str(self.folder / "ca.crt"), require_encryption=True, **leaves)


@dataclass
class Autoscaler:
    """The program as it runs in its pod, which may be killed and started again."""

    env: dict[str, str]
    log: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-W", "ignore", "-c", program(*AUTOSCALER)),
                env=os.environ | self.env,
                stdout=log,
                stderr=log,
            )

    async def end(self) -> int | None:
        """What it ends with when Kubernetes asks it to."""
        assert self.process
        self.process.terminate()
        return await self.process.wait()

    async def kill(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@asynccontextmanager
async def elastic(folder: Path, *groups: Group, job: bool = False) -> AsyncIterator[tuple[Kubernetes, Any, Autoscaler]]:
    """A cluster, or that of a job, with TLS whose groups an autoscaler follows: the API, a client, the autoscaler."""
    executions.clear()
    tls = Material(folder)
    tls.write()
    with dask.config.set(QUIET):
        listening: dict[str, Any] = {"security": tls.security, "host": "tls://127.0.0.1"}
        async with Scheduler(port=0, dashboard_address=":0", **listening) as scheduler:
            kubernetes = Kubernetes(list(groups), scheduler, tls)
            async with (
                kubernetes.running() as api,
                Client(scheduler.address, asynchronous=True, set_as_default=False, security=tls.security) as client,
            ):
                about = {"namespace": NAMESPACE, "cluster": CLUSTER, "job": job}
                declared = about | {"groups": [asdict(it) for it in groups]}
                env = tls.environment("client") | {
                    "DASK_SCHEDULER_ADDRESS": scheduler.address,
                    "ELASTIC": json.dumps(declared),
                    "KUBERNETES_API": api,
                    "KUBERNETES_SERVICE_HOST": "unused",
                    "KUBERNETES_SERVICE_PORT": "1",
                    "SERVICE_ACCOUNT": str(folder),
                    "LOOK_SECONDS": "0.2",
                    "STUCK_SECONDS": "3",
                    "METRICS_PORT": "0",
                }
                autoscaler = Autoscaler(env, folder / "log")
                await autoscaler.start()
                try:
                    yield kubernetes, client, autoscaler
                finally:
                    await autoscaler.kill()
                    print(autoscaler.log.read_text())
