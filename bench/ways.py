"""The ways from an empty cluster to a computed result; each returns a `Stopwatch` with a mark for every step.

Every way ends with the same client, outside Kubernetes and with its imports done: it computes one task (`first result`)
and then waits until both workers are there (`both workers`).
"""

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib.metadata import distribution, version
from pathlib import Path

from distributed import Client

from bench.place import PROJECT, Place, cpu_seconds

TIMEOUT_SECONDS = 300
KUBECLUSTER_SECONDS = 180
OPERATOR = "dask-kubernetes-operator"


class Stopwatch:
    """Seconds since the start, by what had been reached."""

    def __init__(self) -> None:
        self.epoch = time.time()
        self._cpu = cpu_seconds()
        self.marks: dict[str, float] = {}
        self.lines: list[tuple[float, str]] = []

    def mark(self, step: str) -> None:
        self.marks.setdefault(step, self.passed())

    def cpu(self) -> dict[str, float]:
        """Processor seconds since the start, of the cluster and of what ran outside it."""
        return {where: round(now - self._cpu[where], 1) for where, now in cpu_seconds().items()}

    def passed(self) -> float:
        return round(time.time() - self.epoch, 2)


def by_script(place: Place) -> Stopwatch:
    """helm, kubectl and a client that tries again until somebody computes."""
    watch = Stopwatch()
    _helm_install(place, watch)
    place.kubectl("apply", f"--filename={PROJECT / 'bench/tutorial.yaml'}")
    watch.mark("kubectl apply returned")
    _compute(watch, lambda: _node_port_address(place))
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
            _helm_install(place, watch)
            process.stdin.write("go\n")
            process.stdin.flush()
            for line in _lines(process, KUBECLUSTER_SECONDS):
                watch.mark(json.loads(line)["step"])
        finally:
            process.kill()
    if "both workers" not in watch.marks:
        last = (words.read_text().strip().splitlines() or ["it said nothing"])[-1]
        raise RuntimeError(f"KubeCluster ended after {watch.passed():.0f} s; reached: {', '.join(watch.marks)}; {last}")
    return watch


def by_pulumi(place: Place) -> Stopwatch:
    """This project: `pulumi up` of a stack that exists in the state and has no resources yet."""
    project, state = _project(place), place.scratch / "state"
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir()
    place.environment.update(
        PULUMI_BACKEND_URL=f"file://{state}", PULUMI_CONFIG_PASSPHRASE="bench", PULUMI_SKIP_UPDATE_CHECK="true"
    )
    place.run("pulumi", "stack", "init", "bench", f"--cwd={project}", "--non-interactive")
    command = ["pulumi", "up", "--yes", "--skip-preview", "--stack=bench", f"--cwd={project}", "--non-interactive"]
    return _up(place, Stopwatch(), command)


def _up(place: Place, watch: Stopwatch, command: list[str]) -> Stopwatch:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=place.environment, cwd=PROJECT, stdout=pipe, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in _lines(process, TIMEOUT_SECONDS):
            watch.lines.append((watch.passed(), line.rstrip()))
    output = "\n".join(line for _, line in watch.lines)
    address = re.search(r"^\s*schedulerAddress\s*: \"?(tcp://[\w.:]+)", output, re.MULTILINE)
    if process.returncode or not address:
        raise RuntimeError(f"up ended with {process.returncode} after {watch.passed():.0f} s: {output[-1500:]}")
    watch.mark("up returned")
    _compute(watch, lambda: address[1])
    return watch


def _project(place: Place) -> Path:
    """A copy of the program with the dev stack under a name of its own, so that no lock and no file is shared."""
    copy = place.scratch / "project"
    if not copy.exists():
        shutil.copytree(PROJECT / "components", copy / "components")
        for name in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(PROJECT / name, copy / name)
        (copy / ".venv").symlink_to(PROJECT / ".venv")
    stack = (PROJECT / "Pulumi.dev.yaml").read_text()
    (copy / "Pulumi.bench.yaml").write_text(re.sub(r"^encryptionsalt: .*\n?", "", stack, flags=re.MULTILINE))
    return copy


def _helm_install(place: Place, watch: Stopwatch) -> None:
    chart = distribution("dask-kubernetes").locate_file(f"dask_kubernetes/operator/deployment/helm/{OPERATOR}")
    # The chart in the wheel is stamped `set-by-chartpress`; the published one carries its version.
    tag = f"--set=image.tag={version('dask-kubernetes')}"
    place.run("helm", "install", "dask", str(chart), "--namespace=dask-operator", "--create-namespace", "--wait", tag)
    watch.mark("helm install returned")


def _node_port_address(place: Place) -> str | None:
    path = '{.spec.ports[?(@.name=="tcp-comm")].nodePort}'
    port = place.kubectl("get", "service", "simple-scheduler", "--ignore-not-found", f"--output=jsonpath={path}")
    return f"tcp://{place.node_address}:{port}" if port else None


def _compute(watch: Stopwatch, find_address: Callable[[], str | None]) -> None:
    """The client: waits for an address, for somebody who listens there, and for a result."""
    deadline, address = time.monotonic() + TIMEOUT_SECONDS, None
    while not _listens(address):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody listened at {address or 'any address'} in {TIMEOUT_SECONDS} s")
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


def _lines(process: "subprocess.Popen[str]", seconds: float) -> Iterator[str]:
    """Its lines as they come; it is killed when its time is up."""
    assert process.stdout is not None
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield from process.stdout
        process.wait()
    finally:
        timer.cancel()
