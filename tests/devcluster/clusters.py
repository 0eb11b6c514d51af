"""What the live tests of devcluster share: running its command, a web server, and the search for traces."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from devcluster.kubernetes import build, images, state

ROOT = Path(__file__).parents[2]
WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: IMAGE
        command: [sh, -c, 'mkdir /www && echo from-CLUSTER > /www/index.html && echo ready && httpd -f -p 80 -h /www']
        readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]}
"""


def local(*arguments: str, code: int = 0) -> str:
    """Run the command as people do; its stdout."""
    command = [sys.executable, "-m", "devcluster.kubernetes", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


def kubectl(name: str, *arguments: str, stdin: str | None = None) -> str:
    command = [f"{build.ensure()}/tools/kubectl", "--kubeconfig", local("kubeconfig", "--name", name), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_until(what, condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return result


def fetch(url: str) -> str | None:
    done = subprocess.run(["busybox", "wget", "-q", "-O-", url], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def first_process(name: str) -> int:
    return int(local("status", "--name", name).split("pid ")[1].split(",")[0])


def record(name: str) -> state.Cluster:
    cluster = state.load(name)
    assert cluster is not None
    return cluster


def serve(name: str) -> str:
    """Deploy the web server and return its NodePort's address once it answers the host."""
    kubectl(name, "apply", "-f", "-", stdin=WEB.replace("IMAGE", images.BUSYBOX).replace("CLUSTER", name))
    kubectl(name, "rollout", "status", "deployment/web", "--timeout=60s")
    url = f"http://{record(name).address(1)}:30080/"
    wait_until(f"an answer at {url}", lambda: fetch(url))
    return url


def traces(name: str) -> list[str]:
    """What the machine still shows of a cluster: files, processes, mounts, namespaces, links, cgroups, sockets."""
    marks = (f"dask-local/{name}/", f"dask-local-{name}/", f"dask-local-{name}-")
    found = [str(path) for base in (state.LIB, state.RUN) for path in [base / name] if path.exists()]
    found += [str(path) for path in (state.RUN / "locks").glob(name)]
    for process in Path("/proc").glob("[0-9]*"):
        for file in ("cmdline", "cgroup", "mountinfo"):
            try:
                text = (process / file).read_text()
            except OSError:
                continue
            found += [f"{process}/{file}: {mark}" for mark in marks if mark in text]
    found += [line for line in Path("/proc/net/unix").read_text().splitlines() if marks[0] in line]
    found += [
        path for path, _, _ in os.walk("/sys/fs/cgroup") if f"/dask-local-{name}" in f"{path}/".replace("//", "/")
    ]
    found += [str(path) for path in Path("/run/netns").glob(f"dask-local-{name}-[0-9]")]
    shown = subprocess.run(["ip", "-json", "link"], capture_output=True, text=True, check=True).stdout
    links = [link for link in json.loads(shown) if link["ifname"].startswith(state.link_prefix(name))]
    return found + [link["ifname"] for link in links]


def assert_no_traces(name: str) -> None:
    """Within a moment: a process that ended is listed until the machine's init has collected it."""
    wait_until(f"no trace of {name}", lambda: not traces(name), seconds=5)
