"""The main job, with the stack file of the README: nothing, `up`, a computed result; and again, and `destroy`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import yaml
from selenium.webdriver import Chrome

from tests.live.conftest import NewStack
from tests.support.clusters import ROOT
from tests.support.kubectl import Kubectl
from tests.support.owner import Owner
from tests.support.runs import Run, names
from tests.support.stacks import Stack
from tests.support.wait import wait_until
from tests.support.work import client, computes, workers_of
from tools.pictures.dashboard import PLOTS

FLAT = {"schedulerAddress", "dashboardUrl", "schedulerNodePort", "dashboardNodePort"}
WATCHED = ("namespaces", "customresourcedefinitions.apiextensions.k8s.io", "services", "deployments.apps")
DESTROYED_WITHIN = 60
ARTIFACTS = ROOT / "artifacts"


@dataclass(frozen=True)
class Birth:
    """How the stack came up from nothing."""

    stack: Stack
    before: dict[str, list[str]]
    """The names of some objects before anything."""
    preview: Run
    after_preview: dict[str, list[str]]
    up: Run

    @property
    def outputs(self) -> dict[str, Any]:
        return self.stack.outputs()


@pytest.fixture(scope="module")
def born(owner: Owner, new_stack: NewStack, kube: Kubectl) -> Iterator[Birth]:
    """The stack of Pulumi.dev.yaml, from a Kubernetes without an operator."""
    owner.down()
    dev = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    stack = new_stack("dev").configure(**{key.removeprefix("dask:"): value for key, value in dev.items()})
    before = objects(kube)
    preview = stack.preview()
    after_preview = objects(kube)
    yield Birth(stack, before, preview, after_preview, stack.up())
    stack.end()


def objects(kube: Kubectl) -> dict[str, list[str]]:
    kinds = {kind: kube.get(kind, "--all-namespaces") for kind in WATCHED}
    return {
        kind: sorted(f"{item['metadata'].get('namespace')}/{item['metadata']['name']}" for item in items)
        for kind, items in kinds.items()
    }


def test_a_preview_from_nothing_creates_nothing(born: Birth) -> None:
    assert set(born.preview.counts) == {"create"}
    assert born.after_preview == born.before


def test_up_does_what_the_preview_said(born: Birth) -> None:
    assert born.up.changes == born.preview.changes
    assert [kind for _, kind, _ in born.up.changes].count("DaskCluster") == 1
    order = [kind for op, kind, _ in born.up.begun if op == "create"]
    assert order.index("Release") < order.index("DaskCluster") < order.index("Job") < order.index("Service")


def test_the_outputs_are_the_contracts(born: Birth) -> None:
    outputs = born.outputs

    assert set(outputs) == {"namespace", "clusters"} | FLAT
    assert set(outputs["clusters"]) == {"analytics"}
    assert set(outputs["clusters"]["analytics"]) == {"name", "namespace", "image"} | FLAT
    assert {key: outputs[key] for key in FLAT} == {key: outputs["clusters"]["analytics"][key] for key in FLAT}
    assert outputs["schedulerAddress"].endswith(":30786")
    assert outputs["dashboardUrl"].endswith(":30787/status")


def test_a_client_from_outside_computes_at_the_address(born: Birth, kube: Kubectl) -> None:
    outputs = born.outputs

    assert computes(outputs["schedulerAddress"])
    with client(outputs["schedulerAddress"]) as connected:
        assert len(workers_of(connected)) == 2
    assert kube.clusters(outputs["namespace"]) == [outputs["clusters"]["analytics"]["name"]]


def test_the_next_preview_and_up_change_nothing(born: Birth, kube: Kubectl) -> None:
    before = {pod["metadata"]["uid"] for pod in kube.get("pods", "-n", born.outputs["namespace"])}

    preview = born.stack.preview("--expect-no-changes")
    up = born.stack.up("--expect-no-changes")

    assert set(preview.counts) == set(up.counts) == {"same"}
    assert up.counts["same"] == born.up.counts["create"]
    assert {pod["metadata"]["uid"] for pod in kube.get("pods", "-n", born.outputs["namespace"])} == before


def test_a_refresh_finds_nothing(born: Birth) -> None:
    refresh = born.stack.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")

    assert refresh.code == 0, refresh.text
    assert names(refresh.found) == []
    assert {op for op, _, _ in refresh.begun} == {"refresh"}


def test_the_dashboard_shows_in_a_browser(born: Birth, browser: Chrome) -> None:
    picture = ARTIFACTS / "dashboard.png"
    picture.unlink(missing_ok=True)
    ARTIFACTS.mkdir(exist_ok=True)

    browser.get(born.outputs["dashboardUrl"])
    wait_until(lambda: browser.execute_script(PLOTS) >= 4, 60, "the dashboard's plots are drawn")
    browser.save_screenshot(str(picture))

    assert "Dask" in browser.title
    assert picture.stat().st_size > 20_000


def test_the_schedulers_http_api_is_off(born: Birth) -> None:
    """It retires workers and asks for no credentials (distributed #6407)."""
    root = born.outputs["dashboardUrl"].removesuffix("/status")

    answers = {page: httpx.get(f"{root}{page}", trust_env=False) for page in ("/health", "/api/v1/get_workers")}

    assert {page: answer.status_code for page, answer in answers.items()} == {
        "/health": 200,
        "/api/v1/get_workers": 404,
    }


def test_a_program_inside_kubernetes_finds_the_cluster_by_its_connection_record(born: Birth, kube: Kubectl) -> None:
    """docs/connecting.md, in the words that stand there."""
    [job] = re.findall(r"```yaml\n(apiVersion: batch/v1\n.*?)```", (ROOT / "docs/connecting.md").read_text(), re.DOTALL)
    file = born.stack.folder / "report.yaml"
    file.write_text(job)
    kube("apply", "-f", str(file))

    kube("wait", "--for=condition=complete", "job/report", "-n", "analytics", "--timeout=90s")

    assert kube("logs", "job/report", "-n", "analytics").strip() == "3"
    kube("delete", "job", "report", "-n", "analytics")


def test_destroy_leaves_nothing_but_the_crds_and_can_be_run_again(born: Birth, kube: Kubectl) -> None:
    run, again = born.stack.destroy(), born.stack.destroy()

    assert run.seconds < DESTROYED_WITHIN
    assert len(run.changes) == len(born.up.changes)
    assert {op for op, _, _ in run.changes} == {"delete"}
    assert names(again.changes) == []
    order = [kind for op, kind, _ in run.begun if op == "delete"]
    assert order.index("DaskCluster") < order.index("Release") < order.index("Namespace")
    assert not {"analytics", "dask-operator"} & set(kube.namespaces())
    assert kube.get("daskclusters.kubernetes.dask.org", "--all-namespaces") == []
    roles = [item["metadata"]["name"] for item in kube.get("clusterroles")]
    assert not [name for name in roles if "dask" in name]
    crds = [item["metadata"]["name"] for item in kube.get("customresourcedefinitions.apiextensions.k8s.io")]
    assert len([name for name in crds if name.endswith("kubernetes.dask.org")]) == 4
