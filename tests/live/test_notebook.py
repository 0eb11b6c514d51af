"""A notebook next to a cluster: JupyterLab in a browser, a kernel that computes, and a cluster that is replaced."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast
from uuid import uuid4

import httpx
import pytest
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
)
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from websocket import create_connection

from tests.live.test_first import ARTIFACTS
from tests.support import clusters
from tests.support.connecting import Connected, connect
from tests.support.kubectl import Kubectl, uid
from tests.support.stacks import Stack
from tests.support.wait import wait_until
from tools.pictures.dashboard import PLOTS

T = TypeVar("T")
NAMESPACE = "notebook"
# What is drawn again, covered by something else, or hidden while the page loads.
NOT_YET = (StaleElementReferenceException, ElementClickInterceptedException, ElementNotInteractableException)
RUN = "notebook:run-cell-and-select-next"
COMPUTE = "from distributed import Client\nclient = Client()\nclient.submit(lambda number: 2 * number, 21).result()"


def cluster(**settings: Any) -> dict[str, Any]:
    notebook = {"resources": {"requests": {"cpu": "100m", "memory": "256Mi"}}}
    return {"main": {"workers": {"replicas": 1, "threads": 1}, "notebook": notebook} | settings}


@pytest.fixture(scope="module")
def noted(stack: Stack) -> Stack:
    clusters.load("notebook")
    stack.change(clusters=cluster())
    return stack


@pytest.fixture(scope="module")
def connected(noted: Stack) -> Iterator[Connected]:
    with connect(noted) as made:
        yield made


class Jupyter:
    """JupyterLab's own interface, as its pages use it."""

    def __init__(self, url: str) -> None:
        """`url` holds the token."""
        self.root, _, self.token = url.partition("/lab?token=")

    def kernel(self) -> str:
        return self._post("/api/kernels", {"name": "python3"})["id"]

    def save(self, name: str, code: str) -> None:
        """A notebook with one cell."""
        cell = {"cell_type": "code", "source": code, "metadata": {}, "outputs": [], "execution_count": None}
        metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        content = {"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
        body = {"type": "notebook", "format": "json", "content": content}
        httpx.put(
            f"{self.root}/api/contents/{name}", json=body, headers=self._headers(), trust_env=False
        ).raise_for_status()

    def runs(self, kernel: str, code: str) -> str:
        """What the last line of `code` gives."""
        address = f"{self.root}/api/kernels/{kernel}/channels".replace("http:", "ws:")
        channel = create_connection(address, header=self._headers(), timeout=120, http_no_proxy=["*"])
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        header = {
            "msg_id": uuid4().hex,
            "msg_type": "execute_request",
            "username": "",
            "session": "s",
            "version": "5.3",
        }
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        channel.send(json.dumps(message))
        try:
            while True:
                told = json.loads(channel.recv())
                if told["msg_type"] == "execute_result":
                    return told["content"]["data"]["text/plain"]
                assert told["msg_type"] != "error", "\n".join(told["content"]["traceback"])
        finally:
            channel.close()

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"token {self.token}"}

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        made = httpx.post(f"{self.root}{path}", json=body, headers=self._headers(), trust_env=False, timeout=60)
        return made.raise_for_status().json()


def pods(kube: Kubectl) -> list[dict[str, Any]]:
    return kube.pods(NAMESPACE, component="notebook")


def test_its_address_is_an_output_and_its_token_a_secret(noted: Stack) -> None:
    shown = json.loads(noted.cli("stack", "output", "--json"))

    assert noted.cluster()["notebookUrl"] == "http://main-notebook.notebook.svc:8888/lab"
    assert len(noted.outputs()["notebookTokens"]["main"]) == 43
    assert shown["notebookTokens"] == "[secret]"
    assert noted.outputs()["notebookTokens"]["main"] not in noted.checkpoint.read_text()


def test_nobody_gets_in_without_the_token(connected: Connected) -> None:
    root = Jupyter(connected.told["notebookUrl"]).root

    answer = httpx.get(f"{root}/api/kernels", trust_env=False)

    assert answer.status_code == 403


def test_the_next_up_changes_nothing(noted: Stack) -> None:
    noted.unchanged()


def test_a_browser_shows_a_notebook_that_computes_on_the_cluster(connected: Connected, browser: Chrome) -> None:
    picture = ARTIFACTS / "notebook.png"
    picture.unlink(missing_ok=True)
    ARTIFACTS.mkdir(exist_ok=True)
    jupyter = Jupyter(connected.told["notebookUrl"])
    jupyter.save("compute.ipynb", COMPUTE)

    browser.get(f"{jupyter.root}/lab/tree/compute.ipynb?token={jupyter.token}")
    try:
        shown(lambda: pressed(browser, ".jp-CodeCell .cm-content"), 90, "the cell")
        shown(lambda: "Idle" in kernel_status(browser), 90, "the kernel is idle")
        shown(lambda: computes(browser), 120, "the result is shown")
        plots = shown(lambda: dashboards(browser), 60, "the extension knows the dashboard's plots")
        shown(lambda: pressed(browser, ".dask-DashboardListing-item button[value='Progress']"), 30, "the plot's button")
        browser.switch_to.frame(shown(lambda: frames(browser), 60, "the plot's panel")[0])
        wait_until(lambda: browser.execute_script(PLOTS) >= 1, 60, "the plot is drawn")
        browser.switch_to.default_content()
    finally:
        browser.save_screenshot(str(picture))

    assert len(plots) > 10
    assert picture.stat().st_size > 20_000


def shown(condition: Callable[[], T], seconds: float, what: str) -> T:
    """Waits until `condition` is true of the page, which JupyterLab may be drawing again at any moment."""

    def now() -> T | None:
        try:
            return condition()
        except NOT_YET:
            return None

    return cast(T, wait_until(now, seconds, what))


def pressed(browser: Chrome, selector: str) -> bool:
    """Clicks the first element; False if it does not exist yet."""
    found = browser.find_elements(By.CSS_SELECTOR, selector)
    if found:
        found[0].click()
    return bool(found)


def kernel_status(browser: Chrome) -> str:
    found = browser.find_elements(By.CSS_SELECTOR, ".jp-Notebook-ExecutionIndicator, .jp-Toolbar-kernelStatus")
    return " ".join(
        f"{it.get_attribute('title') or ''} {it.get_attribute('data-status') or ''}".title() for it in found
    )


def computes(browser: Chrome) -> bool:
    """Runs the cell; whether its result is shown within some seconds.

    JupyterLab calls a kernel idle that the page does not have yet. A cell that is run before that does not run, or a
    dialog asks which kernel to take.
    """
    pressed(browser, ".jp-Dialog button.jp-mod-accept")
    pressed(browser, ".jp-CodeCell .cm-content")
    pressed(browser, f"[data-command='{RUN}']")
    deadline = time.monotonic() + 15
    while "42" not in outputs(browser) and time.monotonic() < deadline:
        time.sleep(0.5)
    return "42" in outputs(browser)


def outputs(browser: Chrome) -> str:
    return " ".join(it.text for it in browser.find_elements(By.CSS_SELECTOR, ".jp-OutputArea-output"))


def frames(browser: Chrome) -> list[Any]:
    """The panels that show a page of the dashboard, which come through JupyterLab."""
    return browser.find_elements(By.CSS_SELECTOR, "iframe[src*='/proxy/main.notebook.svc:8787/']")


def dashboards(browser: Chrome) -> list[Any]:
    """The buttons of the extension's side bar that can be pressed."""
    for tab in browser.find_elements(By.CSS_SELECTOR, "[data-id='dask-dashboard-launcher']"):
        if "lm-mod-current" not in (tab.get_attribute("class") or ""):
            tab.click()
    buttons = browser.find_elements(By.CSS_SELECTOR, ".dask-DashboardListing-item button")
    return [it for it in buttons if it.is_enabled()]


def test_a_replaced_cluster_leaves_the_notebook_and_its_kernel(
    noted: Stack, connected: Connected, kube: Kubectl
) -> None:
    jupyter = Jupyter(connected.told["notebookUrl"])
    kernel, before, old = jupyter.kernel(), uid(pods(kube)), noted.cluster()["name"]
    assert jupyter.runs(kernel, COMPUTE) == "42"
    assert jupyter.runs(kernel, "client.close() or 'closed'") == "'closed'"

    noted.change(clusters=cluster(scheduler={"env": {"FLAVOUR": "two"}}, workers={"threads": 1, "env": {"A": "b"}}))

    assert noted.cluster()["name"] != old
    assert uid(pods(kube)) == before
    assert jupyter.runs(kernel, COMPUTE) == "42"


def test_a_suspended_cluster_keeps_the_notebook_and_what_its_kernel_knows(
    noted: Stack, connected: Connected, kube: Kubectl
) -> None:
    jupyter = Jupyter(connected.told["notebookUrl"])
    kernel, before = jupyter.kernel(), uid(pods(kube))
    assert jupyter.runs(kernel, "kept = 21\nkept") == "21"

    noted.change(clusters=cluster(suspended=True))

    assert kube.clusters(NAMESPACE) == []
    assert uid(pods(kube)) == before
    noted.change(clusters=cluster())
    assert uid(pods(kube)) == before
    assert jupyter.runs(kernel, COMPUTE.replace("21)", "kept)")) == "42"


def test_with_tls_it_computes_with_the_certificates_that_it_is_given(noted: Stack) -> None:
    token = noted.outputs()["notebookTokens"]["main"]

    noted.change(clusters=cluster(tls={"enabled": True}))

    assert noted.outputs()["notebookTokens"]["main"] == token
    with connect(noted) as connected:
        jupyter = Jupyter(connected.told["notebookUrl"])
        assert jupyter.runs(jupyter.kernel(), COMPUTE) == "42"
        assert jupyter.runs(jupyter.kernel(), f"{COMPUTE}\nclient.scheduler.address.split(':')[0]") == "'tls'"
