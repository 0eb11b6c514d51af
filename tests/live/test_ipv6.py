"""Declared pods in a network without IPv4: dashboards answer, and workers are known by addresses that others reach.

The processes run in a network namespace of their own, because the local Kubernetes gives IPv4 addresses.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.clusters import ROOT
from tests.support.declared import declared

PODS = {"scheduler": "fd00:1::10", "one": "fd00:1::11", "two": "fd00:1::12"}
SERVICE = "scheduler.lab"
NETWORK = """
set -e
mount --bind "$1" /etc/hosts
ip link set lo up
for address in fd00:1::10 fd00:1::11 fd00:1::12; do ip -6 addr add $address/64 dev lo nodad; done
shift
exec "$@"
"""
PROGRAM = """
import json, subprocess, sys, urllib.request
from distributed import Client

pods, service, dashboards = json.loads(sys.argv[1])
running = [subprocess.Popen([sys.executable, "-m", *words], env=env) for words, env in pods]
try:
    with Client(f"tcp://{service}:8786", timeout=60) as client:
        client.wait_for_workers(2, timeout=60)
        workers = client.scheduler_info(n_workers=-1)["workers"]
        data = client.submit(list, range(10), workers=["one"])
        total = client.submit(sum, data, workers=["two"]).result(timeout=60)
        health = [urllib.request.urlopen(url, timeout=10).read().decode() for url in dashboards]
    addresses = {worker["name"]: address for address, worker in workers.items()}
    print(json.dumps([addresses, total, data.key and health]))
finally:
    for process in running:
        process.kill()
"""


def container(spec: dict[str, Any], pod: str) -> tuple[list[str], dict[str, str]]:
    """The words and the variables of a pod's container, as its kubelet has them."""
    box = spec["containers"][0]
    given = {"DASK_WORKER_NAME": pod} | {it["name"]: it["value"] for it in box["env"] if "value" in it}
    given |= {it["name"]: PODS[pod] for it in box["env"] if "valueFrom" in it}
    given |= {"DASK_SCHEDULER_ADDRESS": f"tcp://{SERVICE}:8786", "PYTHONWARNINGS": "ignore"}
    words = box["args"]
    for name, value in given.items():
        words = [word.replace(f"$({name})", value) for word in words]
    return words, given | {"PATH": "/usr/bin:/bin", "HOME": "/tmp"}


def test_pods_without_ipv4_compute(tmp_path: Path) -> None:
    spec = declared("a", {"workers": {"replicas": 2, "threads": 1}}).dask_cluster["spec"]
    roles = {name: spec["scheduler" if name == "scheduler" else "worker"]["spec"] for name in PODS}
    pods = [container(roles[name], name) for name in PODS]
    # Each worker's dashboard in a pod of its own would have the same port.
    pods[2][0][:] = [word.replace(":8788", ":8789") for word in pods[2][0]]
    aliases = roles["scheduler"]["hostAliases"]
    hosts = [("127.0.0.1", "localhost"), ("::1", "localhost"), (PODS["scheduler"], SERVICE)]
    hosts += [(alias["ip"], name) for alias in aliases for name in alias["hostnames"]]
    file = tmp_path / "hosts"
    file.write_text("".join(f"{ip} {name}\n" for ip, name in hosts))
    ports = {"scheduler": 8787, "one": 8788, "two": 8789}
    dashboards = [
        f"http://{host}:{ports[name]}/health" for name, ip in PODS.items() for host in (f"[{ip}]", "127.0.0.1")
    ]

    inside = ["unshare", "--net", "--mount", "sh", "-c", NETWORK, "network", str(file)]

    done = subprocess.run(
        [*inside, sys.executable, "-W", "ignore", "-c", PROGRAM, json.dumps([pods, SERVICE, dashboards])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    addresses, total, health = json.loads(done.stdout)
    assert total == sum(range(10))
    assert health == ["ok"] * len(dashboards)
    assert {name: address.rpartition(":")[0] for name, address in addresses.items()} == {
        name: f"tcp://[{PODS[name]}]" for name in ("one", "two")
    }
