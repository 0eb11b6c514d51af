"""Where the measurements happen: a Kubernetes of the bench's own, emptied before every measurement.

Commands run against that cluster and no other.
"""

import contextlib
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from devcluster import engine
from devcluster.kubernetes import build, cgroups
from tools.backend import address

PROJECT = Path(__file__).parent.parent
NAME = "bench"
KEPT_NAMESPACES = {"default", "kube-system", "kube-public", "kube-node-lease"}
EMPTY_SECONDS = 180
CRDS = ("daskclusters", "daskworkergroups", "daskautoscalers", "daskjobs")


@dataclass(frozen=True)
class Place:
    """The bench's cluster, the programs to speak to it, and a directory for what is thrown away afterwards."""

    kubeconfig: str
    tools: str
    scratch: Path
    engine: Mapping[str, str] = field(default_factory=dict)
    """The variables under which `pulumi` is the engine; empty for the one on PATH."""

    @cached_property
    def environment(self) -> dict[str, str]:
        """The environment of every command of the bench."""
        inherited = os.environ | self.engine
        # As `make` does: every start would compile all modules once more.
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)
        return inherited | {
            "KUBECONFIG": self.kubeconfig,
            "PATH": os.pathsep.join([self.tools, str(PROJECT / ".venv/bin"), inherited["PATH"]]),
            "PULUMI_BACKEND_URL": address(self._state),
            "PULUMI_CONFIG_PASSPHRASE": "bench",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def _state(self) -> Path:
        return self.scratch / "state"

    def forget_stacks(self) -> None:
        """Empty the engine's state. The objects of the stacks stay."""
        shutil.rmtree(self._state, ignore_errors=True)
        self._state.mkdir()

    def run(self, *command: str, timeout: float = 300) -> str:
        """The command's stdout. Raises `CalledProcessError` or `TimeoutExpired`."""
        ended = subprocess.run(
            command, env=self.environment, cwd=PROJECT, capture_output=True, text=True, timeout=timeout, check=True
        )
        return ended.stdout

    def kubectl(self, *arguments: str, timeout: float = 300) -> str:
        """The standard output of a kubectl command. Raises as `run` does."""
        return self.run("kubectl", *arguments, timeout=timeout)

    def items(self, kind: str) -> list[dict[str, Any]]:
        """All objects of a kind, in every namespace; none where the kind does not exist."""
        try:
            return json.loads(self.kubectl("get", kind, "--all-namespaces", "--output=json"))["items"]
        except subprocess.CalledProcessError:
            return []

    @cached_property
    def node_address(self) -> str:
        """The IP address of the only node."""
        [node] = self.items("nodes")
        return next(item["address"] for item in node["status"]["addresses"] if item["type"] == "InternalIP")


def cpu_seconds() -> dict[str, float]:
    """Processor time so far: of the whole Kubernetes with its pods, and of this process with its ended children."""
    times = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {"cluster": _cluster_cpu_seconds(), "clients": sum(one.ru_utime + one.ru_stime for one in times)}


def _cluster_cpu_seconds() -> float:
    """The cluster's control group in cgroup v1 (nanoseconds) or v2 (microseconds)."""
    for hierarchy in cgroups.hierarchies():
        group = hierarchy / cgroups.root(NAME)[1:]
        if (group / "cpuacct.usage").exists():
            return int((group / "cpuacct.usage").read_text()) / 1e9
        if (group / "cpu.stat").exists() and "usage_usec" in (text := (group / "cpu.stat").read_text()):
            return int(text.split("usage_usec", 1)[1].split()[0]) / 1e6
    return 0.0


@contextlib.contextmanager
def own_cluster(*, keep: bool) -> Iterator[Place]:
    """The bench's own Kubernetes with the images in it, and the engine; both are removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        chosen = {} if shutil.which("pulumi") else engine.environment(Path(scratch) / "engine")
        try:
            yield Place(_devcluster("up"), str(build.tools()), Path(scratch), chosen)
        finally:
            if not keep:
                _devcluster("down")


def _devcluster(command: str) -> str:
    argv = [sys.executable, "-m", "devcluster", command, "--name", NAME]
    return subprocess.run(argv, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def empty(place: Place) -> None:
    """Removes clusters, operator, namespaces and CRDs: the next measurement starts from nothing but images."""
    for cluster in place.items(f"{CRDS[0]}.kubernetes.dask.org"):
        name, namespace = cluster["metadata"]["name"], cluster["metadata"]["namespace"]
        try:
            place.kubectl("delete", "daskcluster", name, f"--namespace={namespace}", "--timeout=60s")
        except subprocess.CalledProcessError:  # its operator is missing or hangs: nothing else removes the finalizer
            patch = '{"metadata":{"finalizers":null}}'
            place.kubectl("patch", "daskcluster", name, f"--namespace={namespace}", "--type=merge", f"--patch={patch}")
    # Their owner may be deleted before the garbage collector has seen it; then they stay for ever.
    owned = ["deployments,services", "--all-namespaces", "--selector=dask.org/cluster-name", "--timeout=60s"]
    place.kubectl("delete", *owned)
    for release in json.loads(place.run("helm", "list", "--all-namespaces", "--output=json")):
        place.run("helm", "uninstall", release["name"], f"--namespace={release['namespace']}", "--wait")
    names = {namespace["metadata"]["name"] for namespace in place.items("namespaces")} - KEPT_NAMESPACES
    if names:
        place.kubectl("delete", "namespace", *sorted(names), "--timeout=120s")
    crds = [f"{crd}.kubernetes.dask.org" for crd in CRDS]
    place.kubectl("delete", "customresourcedefinition", *crds, "--ignore-not-found", "--timeout=120s")
    _wait_for_no_pods(place)


def _wait_for_no_pods(place: Place) -> None:
    """The garbage collector takes the pods of a deleted cluster a little later."""
    deadline = time.monotonic() + EMPTY_SECONDS
    while left := [pod["metadata"] for pod in place.items("pods") if pod["metadata"]["namespace"] != "kube-system"]:
        if time.monotonic() > deadline:
            names = ", ".join(f"{one['namespace']}/{one['name']}" for one in left)
            raise RuntimeError(f"the cluster is not empty: {names} still run after {EMPTY_SECONDS} s")
        time.sleep(0.5)


def facts(place: Place) -> dict[str, Any]:
    """The machine and the versions; nothing that names the machine."""
    kubernetes = json.loads(place.kubectl("version", "--output=json"))["serverVersion"]["gitVersion"]
    found = {
        "cores": os.cpu_count(),
        "memoryGB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "python": platform.python_version(),
        "kubernetes": kubernetes,
        "helm": place.run("helm", "version", "--template={{.Version}}").strip(),
    }
    found |= {name: version(name) for name in ("dask", "dask-kubernetes", "pulumi", "pulumi-kubernetes")}
    return found | {"pulumi engine": place.run("pulumi", "version").strip()}
