"""Real clusters of this test's own, `k8s-a` and `k8s-b`: they start, work, keep apart, survive faults, leave nothing.

Needs root and the built binaries (`python3 -m local.kubernetes tools`); run with `pytest -m live`.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.kubernetes import images, node, state

pytestmark = pytest.mark.live
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
    command = [sys.executable, "-m", "local.kubernetes", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


def kubectl(name: str, *arguments: str, stdin: str | None = None) -> str:
    tools = local("tools")
    command = [f"{tools}/kubectl", "--kubeconfig", local("kubeconfig", "--name", name), *arguments]
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


@pytest.fixture(scope="module")
def kubeconfig():
    path = local("up", "--name", "k8s-a").splitlines()[-1]
    yield path
    local("down", "--name", "k8s-a")
    local("down", "--name", "k8s-b")


@pytest.fixture
def cluster(kubeconfig):
    local("up", "--name", "k8s-a")
    return "k8s-a"


def test_up_prints_the_kubeconfig_whose_context_carries_the_name(kubeconfig):
    shown = json.loads(kubectl("k8s-a", "config", "view", "-o", "json"))

    assert kubeconfig == local("kubeconfig", "--name", "k8s-a")
    assert shown["current-context"] == "dask-local-k8s-a"
    assert shown["clusters"][0]["cluster"]["server"] == f"https://{record('k8s-a').address(1)}:6443"
    assert Path(kubeconfig).stat().st_mode & 0o077 == 0


def test_a_second_up_finds_the_same_cluster(cluster):
    before = first_process(cluster)

    local("up", "--name", cluster)

    assert first_process(cluster) == before


def test_a_service_answers_the_host_at_the_nodes_address_and_pods_by_its_name(cluster):
    url = serve(cluster)

    assert fetch(url) == "from-k8s-a"
    inside = kubectl(
        cluster, "exec", "deployment/web", "--", "wget", "-q", "-O-", "http://web.default.svc.cluster.local/"
    )
    assert inside.strip() == "from-k8s-a"
    assert kubectl(cluster, "logs", "deployment/web").strip() == "ready"


def test_a_pod_is_refused_a_way_out_and_does_not_hang(cluster):
    serve(cluster)
    attempt = "wget -O- http://192.0.2.77/ 2>&1; wget -O- http://example.com/ 2>&1; true"
    started = time.monotonic()

    said = kubectl(cluster, "exec", "deployment/web", "--", "sh", "-c", attempt)

    assert "Network is unreachable" in said
    assert "bad address 'example.com'" in said
    assert time.monotonic() - started < 10


def test_a_host_path_is_the_hosts_and_a_memory_limit_holds(cluster, tmp_path):
    overrides = {
        "spec": {
            "containers": [
                {
                    "name": "greedy",
                    "image": images.BUSYBOX,
                    "command": ["sh", "-c", "echo written > /host/new/file; exec tail /dev/zero"],
                    "resources": {"limits": {"memory": "16Mi"}},
                    "volumeMounts": [{"name": "host", "mountPath": "/host/new"}],
                }
            ],
            "volumes": [{"name": "host", "hostPath": {"path": f"{tmp_path}/new", "type": "DirectoryOrCreate"}}],
        }
    }
    arguments = [f"--image={images.BUSYBOX}", "--restart=Never", f"--overrides={json.dumps(overrides)}"]

    kubectl(cluster, "run", "greedy", *arguments)

    reason = "jsonpath={.status.containerStatuses[0].state.terminated.reason}"
    wait_until("its end", lambda: kubectl(cluster, "get", "pod", "greedy", "-o", reason) == "OOMKilled")
    assert (tmp_path / "new" / "file").read_text() == "written\n"
    kubectl(cluster, "delete", "pod", "greedy", "--now")


def test_the_hosts_kernel_settings_stay_as_they_were():
    local("down", "--name", "k8s-a")
    before = {name: Path("/proc/sys", name).read_text() for name in node.KERNEL_TUNABLES}

    local("up", "--name", "k8s-a")

    assert {name: Path("/proc/sys", name).read_text() for name in node.KERNEL_TUNABLES} == before
    assert any(before[name].strip() != wanted for name, wanted in node.KERNEL_TUNABLES.items()), "nothing to change"


def test_an_archive_is_imported_once_under_the_name_inside_it(cluster, tmp_path):
    program = Path("/bin/busybox")
    archive = tmp_path / "mine.tar"
    images.write_archive(archive, {"localhost/mine:1": ({"bin/mine": program}, [], ["/bin/mine"])})
    command = [sys.executable, "-m", "local.kubernetes", "import", str(archive), "--name", cluster]

    local("import", str(archive), "--name", cluster)
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert (
        images.present(record(cluster), 1)["localhost/mine:1"] == images.archive_contents(archive)["localhost/mine:1"]
    )
    assert "has localhost/mine:1 already" in again.stderr


def test_two_clusters_run_side_by_side_and_one_goes_without_the_other(cluster):
    local("up", "--name", "k8s-b", "--nodes", "2")
    first, second = serve(cluster), serve("k8s-b")

    assert (fetch(first), fetch(second)) == ("from-k8s-a", "from-k8s-b")
    assert len(kubectl("k8s-b", "get", "nodes", "-o", "name").split()) == 2
    local("down", "--name", "k8s-b")
    assert fetch(first) == "from-k8s-a"
    assert_no_traces("k8s-b")


def test_after_the_death_of_its_first_process_up_starts_a_new_one(cluster):
    url = serve(cluster)
    os.kill(first_process(cluster), signal.SIGKILL)
    wait_until("its end", lambda: fetch(url) is None)

    assert "not running; left over" in local("status", "--name", cluster, code=3)
    local("up", "--name", cluster)

    assert serve(cluster) == url
    assert kubectl(cluster, "get", "nodes", "-o", "name").split() == ["node/k8s-a-1"]


def test_an_up_that_was_killed_at_any_step_can_be_run_again():
    for step in ("making network namespaces", "starting 1 node", "importing images.tar"):
        local("down", "--name", "k8s-b")
        command = [sys.executable, "-m", "local.kubernetes", "up", "--name", "k8s-b"]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            assert any(step in line for line in process.stderr), f"{step!r} was not said"
            process.kill()

        local("up", "--name", "k8s-b")

    assert fetch(serve("k8s-b")) == "from-k8s-b"
    local("down", "--name", "k8s-b")
    assert_no_traces("k8s-b")


def test_two_ups_of_one_name_at_once_make_one_cluster():
    command = [sys.executable, "-m", "local.kubernetes", "up", "--name", "k8s-b"]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]

    said = [process.communicate(timeout=120)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1]
    local("down", "--name", "k8s-b")
    assert_no_traces("k8s-b")


def test_a_stale_record_of_a_dead_machine_is_cleaned_up_without_touching_strangers():
    cluster = state.create("k8s-b", 1, Path("/no/such/product"))
    (cluster.lib / "completed").touch()
    subprocess.run(["ip", "netns", "add", "dask-local-k8s-b-1"], check=True)
    stranger = subprocess.Popen(["sleep", "600"])

    assert "not running; left over" in local("status", "--name", "k8s-b", code=3)
    local("down", "--name", "k8s-b")

    assert_no_traces("k8s-b")
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_down_leaves_nothing_and_can_be_repeated(cluster):
    serve(cluster)
    before = {mark.split("/")[1] for mark in traces(cluster) if mark.startswith("/")}
    assert {"proc", "sys", "var", "run"} <= before, "the search for traces finds a running cluster"

    local("down", "--name", cluster)
    local("down", "--name", cluster)

    assert_no_traces(cluster)
    assert "not running" in local("status", "--name", cluster, code=3)
    local("kubeconfig", "--name", cluster, code=1)
