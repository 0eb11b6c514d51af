"""Nodes that do not exist: kwok plays their kubelets, for measurements with more workers than a machine can run.

Nothing runs on such a node. A pod there is ready as soon as it is scheduled, and only pods that tolerate `TAINT` are.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devcluster import golang
from devcluster.kubernetes import cgroups, cluster, state
from devcluster.shell import DevclusterError, plain_environment, say

_PROGRAM = "sigs.k8s.io/kwok/cmd/kwok"
LABELS = {"type": "kwok"}
TAINT = {"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}
READY_SECONDS = 120
# Wide enough for thousands of pods on one node; nobody connects to these addresses.
_POD_ADDRESSES = "10.192.0.1/12"


def kwok() -> golang.Product:
    """`bin/` holds `kwok`. Only benches need it."""
    flags = ("-buildvcs=false", "-trimpath", "-ldflags=-s -w")
    return golang.Product("kwok", "kwok", (_PROGRAM,), flags, "2 to 3 min on two cores the first time")


def node(number: int) -> dict[str, Any]:
    """The manifest of a fake node, as big as Kubernetes allows by default."""
    size = {"cpu": "1000", "memory": "4Ti", "pods": "1000"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"kwok-{number}", "labels": LABELS},
        "spec": {"taints": [TAINT]},
        "status": {"allocatable": size, "capacity": size},
    }


@contextmanager
def fake_nodes(name: str, count: int) -> Iterator[None]:
    """That many Ready fake nodes in the running cluster `name`, until the block ends.

    The process is one of the cluster's own: `down` ends it too. Its log is `kwok.log` in the cluster's folder.
    """
    product, target = golang.ensure(kwok()), cluster.require(name)
    nodes = [node(number) for number in range(count)]
    process = _start(product / "bin/kwok", target)
    try:
        content = json.dumps({"apiVersion": "v1", "kind": "List", "items": nodes})
        cluster.kubectl(target, "apply", "--server-side", "--filename=-", stdin=content)
        _wait_until_ready(target, process)
        say(f"==> {count} fake node(s) are Ready")
        yield
    finally:
        process.terminate()
        process.wait()


def _start(program: Path, target: state.Cluster) -> "subprocess.Popen[bytes]":
    selector = ",".join(f"{key}={value}" for key, value in LABELS.items())
    command = [
        str(program),
        f"--kubeconfig={target.kubeconfig}",
        f"--manage-nodes-with-label-selector={selector}",
        "--node-lease-duration-seconds=40",
        f"--cidr={_POD_ADDRESSES}",
    ]
    command = cgroups.joining(cgroups.create(target.name, "kwok"), command)
    with (target.lib / "kwok.log").open("wb") as log:
        return subprocess.Popen(command, env=plain_environment(), cwd=target.lib, stdout=log, stderr=log)


def _wait_until_ready(target: state.Cluster, process: "subprocess.Popen[bytes]") -> None:
    """Waits for all fake nodes; a kwok that has ended says why in its log."""
    selector = ",".join(f"{key}={value}" for key, value in LABELS.items())
    wait = ("wait", "--for=condition=Ready", "--timeout=5s", f"--selector={selector}", "node")
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            cluster.kubectl(target, *wait)
            return
        except DevclusterError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                words = (target.lib / "kwok.log").read_text()[-1500:]
                raise DevclusterError(f"the fake nodes are not Ready: {error}\nkwok says: {words}") from error
