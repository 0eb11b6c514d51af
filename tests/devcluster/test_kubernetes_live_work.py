"""A cluster of this test's own, `k8s-w`, works: access, Services, isolation, volumes, limits, images.

Needs root; run with `pytest -m live`.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devcluster.kubernetes import images, node
from tests.devcluster.clusters import ROOT, fetch, first_process, kubectl, local, record, serve, wait_until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def machine():
    """Leaves the machine without this test's cluster."""
    yield
    local("down", "--name", "k8s-w")


@pytest.fixture
def cluster(machine):
    local("up", "--name", "k8s-w")
    return "k8s-w"


def test_up_prints_the_kubeconfig_whose_context_carries_the_name(cluster):
    kubeconfig = local("up", "--name", cluster).splitlines()[-1]

    shown = json.loads(kubectl("k8s-w", "config", "view", "-o", "json"))

    assert kubeconfig == local("kubeconfig", "--name", "k8s-w")
    assert shown["current-context"] == "dask-local-k8s-w"
    assert shown["clusters"][0]["cluster"]["server"] == f"https://{record('k8s-w').address(1)}:6443"
    assert Path(kubeconfig).stat().st_mode & 0o077 == 0


def test_a_second_up_finds_the_same_cluster(cluster):
    before = first_process(cluster)

    local("up", "--name", cluster)

    assert first_process(cluster) == before


def test_a_service_answers_the_host_at_the_nodes_address_and_pods_by_its_name(cluster):
    url = serve(cluster)

    assert fetch(url) == "from-k8s-w"
    inside = kubectl(
        cluster, "exec", "deployment/web", "--", "wget", "-q", "-O-", "http://web.default.svc.cluster.local/"
    )
    assert inside.strip() == "from-k8s-w"
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
    local("down", "--name", "k8s-w")
    before = {name: Path("/proc/sys", name).read_text() for name in node.KERNEL_TUNABLES}

    local("up", "--name", "k8s-w")

    assert {name: Path("/proc/sys", name).read_text() for name in node.KERNEL_TUNABLES} == before
    assert any(before[name].strip() != wanted for name, wanted in node.KERNEL_TUNABLES.items()), "nothing to change"


def test_an_archive_is_imported_once_under_the_name_inside_it(cluster, tmp_path):
    program = Path("/bin/busybox")
    archive = tmp_path / "mine.tar"
    images.write_archive(archive, {"localhost/mine:1": ({"bin/mine": program}, [], ["/bin/mine"])})
    command = [sys.executable, "-m", "devcluster.kubernetes", "import", str(archive), "--name", cluster]

    local("import", str(archive), "--name", cluster)
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert (
        images.present(record(cluster), 1)["localhost/mine:1"] == images.archive_contents(archive)["localhost/mine:1"]
    )
    assert "imported already: localhost/mine:1" in again.stderr
