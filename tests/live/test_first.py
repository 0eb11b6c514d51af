"""The main job: nothing, `up`, a computed result, the dashboard; and again, and down."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from tests.clusters import ROOT
from tests.live.conftest import Connect
from tests.stacks import Stack, wait_until

CONTRACT = {
    *("name", "namespace", "schedulerAddress", "dashboardUrl"),
    *("schedulerNodePort", "dashboardNodePort", "image"),
}
NODE_PORT = {"type": "NodePort", "insecure": True}
ARTIFACTS = ROOT / "artifacts"
# Bokeh draws on canvases inside of shadow roots.
PLOTS = """
const canvases = root => [...root.querySelectorAll("*")].reduce(
  (n, e) => n + (e.tagName === "CANVAS") + (e.shadowRoot ? canvases(e.shadowRoot) : 0), 0);
return canvases(document);
"""


def cluster(stack: Stack) -> None:
    stack.configure(clusters={"main": {"endpoint": NODE_PORT, "workers": {"replicas": 2}}})


def test_up_ends_with_a_cluster_that_computes_for_a_client_outside(stack: Stack, connect: Connect) -> None:
    cluster(stack)
    preview = stack.run("preview")

    result = stack.run("up")

    assert preview.code == 0, preview.text
    assert re.search(r"^ \+ create  DaskCluster ", preview.text, re.MULTILINE), preview.text
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
    assert re.search(r"^up: \d+ unchanged", result.text, re.MULTILINE), result.text
    assert re.search(r"^preview: \d+ unchanged", preview.text, re.MULTILINE), preview.text


def test_the_dashboard_shows_in_a_browser(stack: Stack, browser: Chrome) -> None:
    picture = ARTIFACTS / "dashboard.png"
    picture.unlink(missing_ok=True)
    ARTIFACTS.mkdir(exist_ok=True)

    browser.get(stack.outputs()["dashboardUrl"])
    wait_until(lambda: browser.execute_script(PLOTS) >= 4, 60, "the dashboard's plots are drawn")
    browser.save_screenshot(str(picture))

    assert "Dask" in browser.title
    assert picture.stat().st_size > 20_000


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    """Debian's Chromium without a window, asking nobody but the dashboard."""
    driver = shutil.which("chromedriver")
    assert driver, "chromedriver is missing: apt-get install chromium chromium-driver"
    options = ChromeOptions()
    quiet = ("--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update")
    looks = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-sync", "--window-size=1400,900")
    for argument in (*quiet, *looks, f"--user-data-dir={tmp_path}"):
        options.add_argument(argument)
    chrome = Chrome(options=options, service=Service(driver))
    yield chrome
    chrome.quit()


def test_the_schedulers_http_api_is_off(stack: Stack) -> None:
    """It retires workers and asks for no credentials (distributed #6407)."""
    root = stack.outputs()["dashboardUrl"].removesuffix("/status")

    answers = {page: httpx.get(f"{root}{page}", trust_env=False) for page in ("/health", "/api/v1/get_workers")}

    assert {page: answer.status_code for page, answer in answers.items()} == {
        "/health": 200,
        "/api/v1/get_workers": 404,
    }


def test_a_program_inside_kubernetes_finds_the_cluster_by_its_connection_record(stack: Stack) -> None:
    """docs/connecting.md, in the words that stand there."""
    [job] = re.findall(r"```yaml\n(apiVersion: batch/v1\n.*?)```", (ROOT / "docs/connecting.md").read_text(), re.DOTALL)
    file = stack.folder / "report.yaml"
    file.write_text(job.replace("namespace: analytics", "namespace: first").replace("analytics-", "main-"))
    stack.kubectl("apply", "-f", str(file))

    stack.kubectl("wait", "--for=condition=complete", "job/report", "-n", "first", "--timeout=90s")

    assert stack.kubectl("logs", "job/report", "-n", "first").strip() == "3"
    stack.kubectl("delete", "job", "report", "-n", "first")


def test_down_leaves_nothing_and_can_be_run_again(stack: Stack) -> None:
    first, second = stack.down(), stack.down()

    assert (first.code, second.code) == (0, 0), first.text + second.text
    wait_until(lambda: "first" not in stack.kubectl("get", "namespaces", "-o", "name"), 60, "the namespace is gone")
    assert "daskclusters.kubernetes.dask.org" in stack.kubectl("get", "crds", "-o", "name")
