"""A Kubernetes in memory with the Dask operator on it, as far as drift goes.

The operator acts as the real one does: on a changed number of a worker group, and on the phase `Created`. The
Deployment controller rolls out at once.
"""

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from components.kube import client as kube
from components.lifecycle import drift
from components.manifests.declared import DeclaredCluster
from tests.support.declared import declared

Body = dict[str, Any]


def target(**cluster: Any) -> DeclaredCluster:
    """A cluster of two workers, and a group with one more."""
    given = {"workers": {"replicas": 2}, "workerGroups": {"big": {"replicas": 1}}} | cluster
    return declared("a", given)


def found(world: "World", declared: DeclaredCluster | None = None) -> list[str]:
    """The lines of what drifts, with `a` for the cluster's name in Kubernetes."""

    async def look() -> list[str]:
        live = await drift.look(world, world.target)  # type: ignore[arg-type]
        return [str(one) for one in drift.find(declared or world.target, live)] if live else ["no cluster"]

    return [line.replace(world.target.physical_name, "a") for line in asyncio.run(look())]


def box(deployment: Body) -> Body:
    """A Deployment's container."""
    return deployment["spec"]["template"]["spec"]["containers"][0]


class World:
    """Objects by their path. `patched` is what was written, in order; `first` is what happens right before a patch.

    `veto` is an admission webhook of updates, and `on_create` one of creations: they may change the object that is
    about to be written, or raise. A dry run asks them as well, and changes nothing.
    """

    def __init__(self, target: DeclaredCluster) -> None:
        self.target = target
        self.objects: dict[str, Body] = {}
        self.patched: list[str] = []
        self.veto: Callable[[Body], None] = lambda _: None
        self.on_create: Callable[[Body], None] = lambda _: None
        self.first: Callable[[str], object] = lambda _: None
        self._made = 0
        cluster = copy.deepcopy(target.dask_cluster) | {"status": {"phase": "Running"}}
        self.objects[self.url("DaskCluster", target.physical_name)] = cluster
        for group in target.worker_groups.values():
            self._group(copy.deepcopy(group))
        self._make_what_is_missing(cluster)

    def url(self, kind: str, name: str = "") -> str:
        return self.target.path(kind, name)

    def of(self, kind: str, name: str) -> Body:
        """An object by the end of its name."""
        [found] = [it for path, it in self.objects.items() if path.startswith(self.url(kind)) and path.endswith(name)]
        return found

    def workers(self, group: str = "default") -> list[str]:
        prefix = self.url("Deployment", f"{self.target.physical_name}-{group}")
        return [path for path in self.objects if path.startswith(prefix)]

    def _make_what_is_missing(self, cluster: Body) -> None:
        name, role = self.target.physical_name, cluster["spec"]["scheduler"]
        if self.url("Deployment", f"{name}-scheduler") not in self.objects:
            self._deployment(f"{name}-scheduler", {}, role["spec"])
        service = {"metadata": {"name": f"{name}-scheduler"}, "spec": copy.deepcopy(role["service"])}
        self.objects.setdefault(self.url("Service", f"{name}-scheduler"), service)
        group = {
            "metadata": {"name": f"{name}-default"},
            "spec": {"cluster": name, "worker": cluster["spec"]["worker"]},
        }
        if self.url("DaskWorkerGroup", f"{name}-default") not in self.objects:
            self._group(copy.deepcopy(group))

    def _group(self, group: Body) -> None:
        self.objects[self.url("DaskWorkerGroup", group["metadata"]["name"])] = group
        self._scale(group)

    def _scale(self, group: Body) -> None:
        name, worker = group["metadata"]["name"], group["spec"]["worker"]
        there = [path for path in self.objects if path.startswith(self.url("Deployment", f"{name}-worker-"))]
        for path in there[worker["replicas"] :]:
            del self.objects[path]
        for _ in range(worker["replicas"] - len(there)):
            self._made += 1
            self._worker(f"{name}-worker-{self._made:010}", name, worker["spec"])
        done = json.dumps({"spec": {"worker": {"replicas": worker["replicas"]}}})
        group["metadata"]["annotations"] = {"kopf.zalando.org/last-handled-configuration": done}

    def _worker(self, name: str, group: str, pod: Body) -> None:
        built = copy.deepcopy(pod)
        built["containers"][0]["env"].append({"name": "DASK_WORKER_NAME", "value": name})
        self._deployment(name, {"dask.org/workergroup-name": group}, built)

    def _deployment(self, name: str, labels: dict[str, str], pod: Body) -> None:
        meta = {"name": name, "generation": 1, "labels": labels | {"dask.org/cluster-name": self.target.physical_name}}
        spec = {"replicas": 1, "strategy": {"type": "RollingUpdate"}, "template": {"spec": copy.deepcopy(pod)}}
        status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
        self.objects[self.url("Deployment", name)] = {"metadata": meta, "spec": spec, "status": status}

    @asynccontextmanager
    async def send(self, method: str, path: str, **options: Any) -> AsyncIterator[httpx.Response]:
        dry_run = options.get("params", {}).get("dryRun") == "All"
        if method == "POST":
            answer = json.loads(options["content"])
            self.on_create(answer)
        elif method == "PATCH":
            answer = self._patch(path, json.loads(options["content"]), dry_run=dry_run)
        else:
            answer = self._get(path)
        if answer is None:
            response = httpx.Response(404, request=httpx.Request(method, f"http://kubernetes/{path}"))
            raise kube.ServerError("not found", response)
        yield httpx.Response(200, json=answer)

    def _get(self, path: str) -> Body | None:
        below = [it for key, it in self.objects.items() if key.rpartition("/")[0] == path]
        return self.objects.get(path) or ({"items": below} if below else None)

    def _patch(self, path: str, body: Any, *, dry_run: bool) -> Body | None:
        if not dry_run:
            self.first(path)
        live = self.objects.get(path)
        if live is None:
            return None
        before = copy.deepcopy(live)
        if dry_run:
            live = copy.deepcopy(live)
        else:
            self.patched.append(path.rpartition("/")[2])
        if isinstance(body, list):
            for step in body:
                *parents, last = step["path"].strip("/").split("/")
                _inside(live, parents)[last] = step["value"]
        else:
            _merge(live, body)
        self.veto(live)
        if not dry_run:
            self._react(path, before, live)
        return live

    def _react(self, path: str, before: Body, live: Body) -> None:
        if "/daskworkergroups/" in path and before["spec"] != live["spec"]:
            self._scale(live)
        if live.get("status", {}).get("phase") == "Created":
            self._make_what_is_missing(live)
            live["status"]["phase"] = "Pending"
        if "/deployments/" in path and before["spec"] != live["spec"]:
            live["metadata"]["generation"] += 1
            live["status"]["observedGeneration"] += 1


def _inside(body: Any, keys: list[str]) -> Any:
    for key in keys:
        body = body[key]
    return body


def _merge(into: Body, body: Body) -> None:
    for key, value in body.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
