"""The ways from an empty cluster to a computed result; each returns a `Stopwatch` with a mark for every step.

Every way ends with the same client, outside Kubernetes and with its imports done: it computes one task (`first result`)
and then waits until both workers are there (`both workers`).
"""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import distribution, version

from distributed import Client

from bench.place import PROJECT, Place
from bench.stack import dev_config, ours
from bench.stopwatch import Stopwatch, lines

TIMEOUT_SECONDS = 300
KUBECLUSTER_SECONDS = 180
OPERATOR = "dask-kubernetes-operator"


def by_script(place: Place) -> Stopwatch:
    """helm, kubectl and a client that tries again until it has a result."""
    watch = Stopwatch()
    helm_install(place, watch)
    place.kubectl("apply", f"--filename={PROJECT / 'bench/tutorial.yaml'}")
    watch.mark("kubectl apply returned")
    compute(watch, lambda: node_port_address(place))
    return watch


def by_kubecluster(place: Place) -> Stopwatch:
    """helm, and KubeCluster in Python."""
    command = [sys.executable, "-m", "bench.kubecluster"]
    pipe, words = subprocess.PIPE, place.scratch / "kubecluster.log"
    with (
        words.open("w") as log,
        subprocess.Popen(
            command, env=place.environment, cwd=PROJECT, stdin=pipe, stdout=pipe, stderr=log, text=True
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdout.readline()  # its imports are done
            watch = Stopwatch()
            helm_install(place, watch)
            process.stdin.write("go\n")
            process.stdin.flush()
            for line in lines(process, KUBECLUSTER_SECONDS):
                watch.mark(json.loads(line)["step"])
        finally:
            process.kill()
    if "both workers" not in watch.marks:
        last = (words.read_text().strip().splitlines() or ["it printed nothing"])[-1]
        raise RuntimeError(f"KubeCluster ended after {watch.passed():.0f} s; reached: {', '.join(watch.marks)}; {last}")
    return watch


def by_pulumi(place: Place) -> Stopwatch:
    """This project: `pulumi up` of the dev stack, which exists in the state and has no resources yet."""
    place.forget_stacks()
    stack = ours(place)
    stack.configure(dev_config())
    stack.create()
    watch = Stopwatch()
    output = stack.up(watch)
    address = re.search(r"^\s*schedulerAddress\s*: \"?(tcp://[\w.:]+)", output, re.MULTILINE)
    if not address:
        raise RuntimeError(f"up printed no schedulerAddress: {output[-1500:]}")
    watch.mark("up returned")
    compute(watch, lambda: address[1])
    return watch


def helm_install(place: Place, watch: Stopwatch) -> None:
    """Installs the operator's chart with Helm."""
    chart = distribution("dask-kubernetes").locate_file(f"dask_kubernetes/operator/deployment/helm/{OPERATOR}")
    # The chart in the wheel is stamped `set-by-chartpress`; the published one carries its version.
    tag = f"--set=image.tag={version('dask-kubernetes')}"
    place.run("helm", "install", "dask", str(chart), "--namespace=dask-operator", "--create-namespace", "--wait", tag)
    watch.mark("helm install returned")


def node_port_address(place: Place) -> str | None:
    """`tcp://<node>:<port>` of the scheduler's Service; None while it does not exist."""
    path = '{.spec.ports[?(@.name=="tcp-comm")].nodePort}'
    port = place.kubectl("get", "service", "simple-scheduler", "--ignore-not-found", f"--output=jsonpath={path}")
    return f"tcp://{place.node_address}:{port}" if port else None


def compute(watch: Stopwatch, find_address: Callable[[], str | None]) -> None:
    """The client: waits for an address, for an answer there, and for a result."""
    deadline, address = time.monotonic() + TIMEOUT_SECONDS, None
    while not _listens(address):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing answered at {address or 'any address'} in {TIMEOUT_SECONDS} s")
        time.sleep(0.1)
        address = address or find_address()
    assert address
    watch.mark("client reached the scheduler")
    with Client(address, timeout=TIMEOUT_SECONDS, set_as_default=False) as client:
        assert client.submit(sum, [1, 2, 3], pure=False).result(timeout=TIMEOUT_SECONDS) == 6
        watch.mark("first result")
        client.wait_for_workers(2, timeout=TIMEOUT_SECONDS)
        watch.mark("both workers")


def _listens(address: str | None) -> bool:
    if not address:
        return False
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True
