"""The main job: nothing, `up`, a computed result, the dashboard; and again, and down."""

import json
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.clusters import ROOT
from tests.live.conftest import Connect
from tests.stacks import Stack, wait_until

CONTRACT = {
    *("name", "namespace", "schedulerAddress", "dashboardUrl"),
    *("schedulerNodePort", "dashboardNodePort", "image"),
}
NODE_PORT = {"type": "NodePort", "insecure": True}
ARTIFACTS = ROOT / "artifacts"


def cluster(stack: Stack) -> None:
    stack.configure(clusters={"main": {"endpoint": NODE_PORT, "workers": {"replicas": 2}}})


def test_up_ends_with_a_cluster_that_computes_for_a_client_outside(stack: Stack, connect: Connect) -> None:
    cluster(stack)
    preview = stack.run("preview")

    result = stack.run("up")

    assert preview.code == 0, preview.text
    assert "+" in preview.text
    assert result.code == 0, result.text
    assert "No Pulumi engine" in result.text.splitlines()[0]
    client = connect(stack.address("main"))
    assert client.submit(sum, [1, 2]).result(timeout=30) == 3
    assert len(client.scheduler_info(n_workers=-1)["workers"]) == 2


def test_outputs_are_the_contracts_json(stack: Stack) -> None:
    outputs = json.loads(stack.run("outputs").out)

    assert set(outputs["clusters"]["main"]) == CONTRACT
    assert {"namespace", "schedulerAddress", "dashboardUrl", "schedulerNodePort", "dashboardNodePort"} <= set(outputs)
    assert outputs["schedulerAddress"].endswith(f":{outputs['schedulerNodePort']}")


def test_up_again_changes_nothing(stack: Stack) -> None:
    before = stack.kubectl("get", "pods", "-n", "first", "-o", "json")["items"]

    result = stack.run("up")
    preview = stack.run("preview")

    after = stack.kubectl("get", "pods", "-n", "first", "-o", "json")["items"]
    assert [pod["metadata"]["uid"] for pod in before] == [pod["metadata"]["uid"] for pod in after]
    assert result.seconds < 15
    for changed in ("+ ", "~ ", "- "):
        assert not [line for line in preview.text.splitlines() if line.startswith(changed)], preview.text


def test_the_dashboard_shows_in_a_browser(stack: Stack, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.fail("chromium is missing: apt-get install chromium")
    url = stack.outputs()["dashboardUrl"]
    page = urllib.request.urlopen(url, timeout=30).read().decode()
    ARTIFACTS.mkdir(exist_ok=True)
    picture = ARTIFACTS / "dashboard.png"
    picture.unlink(missing_ok=True)

    quiet = ("--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update")
    looks = ("--window-size=1400,900", "--virtual-time-budget=15000", "--run-all-compositor-stages-before-draw")
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-sync", *quiet, *looks]
    subprocess.run(
        [*command, f"--user-data-dir={tmp_path}", f"--screenshot={picture}", url],
        check=True,
        capture_output=True,
        timeout=120,
    )

    assert "Dask" in page
    # An empty page of this size is a few kilobytes.
    assert picture.stat().st_size > 20_000


def test_a_program_inside_kubernetes_finds_the_cluster_by_its_connection_record(stack: Stack) -> None:
    data = stack.kubectl("get", "configmap", "main-connection", "-n", "first", "-o", "json")["data"]

    assert data["DASK_SCHEDULER_ADDRESS"] == "tcp://main.first.svc:8786"
    assert data["DASK_CLUSTER_NAME"] == stack.outputs()["clusters"]["main"]["name"]


def test_down_leaves_nothing_and_can_be_run_again(stack: Stack) -> None:
    first, second = stack.down(), stack.down()

    assert (first.code, second.code) == (0, 0), first.text + second.text
    wait_until(lambda: "first" not in stack.kubectl("get", "namespaces", "-o", "name"), 60, "the namespace is gone")
    assert "daskclusters.kubernetes.dask.org" in stack.kubectl("get", "crds", "-o", "name")
