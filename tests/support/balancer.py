"""A load balancer for a Kubernetes that has none: it gives Services of that type an address of the node, which answers.

Without a lag it leaves the rest to kube-proxy, as a balancer that sends to node ports does. With one it sends to the
pods themselves, as an AWS NLB with targets of the type `ip` does, and learns of another pod so many seconds late.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devcluster.kubernetes import state
from tests.support.clusters import NAME
from tests.support.kubectl import Kubectl
from tests.support.wait import wait_until

POLL_SECONDS = 1.0
PORTS = (8786, 8787)
# In the node's network, where pods have addresses: forwards each new connection to the pod that the file names.
PROXY = """
import asyncio, pathlib, sys
address, file, *ports = sys.argv[1:]

async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()

def to(port):
    async def serve(reader, writer):
        try:
            target, out = await asyncio.open_connection(pathlib.Path(file).read_text(), port)
        except OSError:
            return writer.close()
        await asyncio.gather(copy(reader, out), copy(target, writer))
    return serve

async def main():
    servers = [await asyncio.start_server(to(port), address, port) for port in map(int, ports)]
    print("listens", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))

asyncio.run(main())
"""


class Balancer:
    """Follows the Services of a namespace.

    `sent_to` is the pod that gets new connections, `moved` says when each pod was first seen behind a Service.
    """

    def __init__(self, kube: Kubectl, namespace: str, folder: Path, lag: float | None) -> None:
        self._kube, self._namespace, self._lag = kube, namespace, lag
        [node] = kube.get("nodes")
        self.address = next(it["address"] for it in node["status"]["addresses"] if it["type"] == "InternalIP")
        self.sent_to = ""
        self.moved: dict[str, float] = {}
        self._file = folder / "target"
        self._file.touch()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    @contextmanager
    def running(self) -> "Iterator[Balancer]":
        proxy = None if self._lag is None else self._proxy()
        self._thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            self._thread.join(30)
            if proxy:
                proxy.kill()
                proxy.communicate()

    def _proxy(self) -> "subprocess.Popen[str]":
        enter = ["nsenter", f"--net=/run/netns/{state.namespace(NAME, 1)}"]
        command = [*enter, sys.executable, "-c", PROXY, self.address, str(self._file), *map(str, PORTS)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        assert process.stdout.readline() == "listens\n"
        return process

    def _follow(self) -> None:
        while not self._ended.wait(POLL_SECONDS):
            found = self._kube.get("services,endpointslices", "-n", self._namespace)
            for service in (it for it in found if it["kind"] == "Service"):
                if service["spec"]["type"] == "LoadBalancer":
                    self._serve(service, found)

    def _serve(self, service: dict[str, Any], found: list[dict[str, Any]]) -> None:
        name = service["metadata"]["name"]
        if not service["status"]["loadBalancer"].get("ingress"):
            # The mode keeps kube-proxy from answering at the address itself.
            ingress = {"ip": self.address} | ({} if self._lag is None else {"ipMode": "Proxy"})
            status = json.dumps({"status": {"loadBalancer": {"ingress": [ingress]}}})
            self._kube("patch", "service", name, "-n", self._namespace, "--subresource=status", "-p", status)
        slices = (it for it in found if it["metadata"].get("labels", {}).get("kubernetes.io/service-name") == name)
        ready = [end["addresses"][0] for it in slices for end in it["endpoints"] or () if end["conditions"]["ready"]]
        now = time.monotonic()
        for pod in ready:
            self.moved.setdefault(pod, now)
        old_enough = [pod for pod in ready if not self.sent_to or now - self.moved[pod] >= (self._lag or 0)]
        if old_enough and self.sent_to != old_enough[-1]:
            self.sent_to = old_enough[-1]
            self._file.write_text(self.sent_to)


@contextmanager
def balancer(kube: Kubectl, namespace: str, folder: Path, lag: float | None = None) -> Iterator[Balancer]:
    """A balancer that runs for the length of the block."""
    with Balancer(kube, namespace, folder, lag).running() as made:
        yield made


def answers(made: Balancer) -> str:
    """The pod that it sends to, when it knows one."""
    return wait_until(lambda: made.sent_to, 30, "the balancer knows a pod")
