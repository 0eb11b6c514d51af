"""A real Prometheus scrapes real pods by the monitors, and the dashboard's and the alerts' queries find them."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.live.conftest import Connect
from tests.support import prometheus
from tests.support.kubectl import Kubectl
from tests.support.prometheus import Prometheus
from tests.support.stacks import ML_IMAGE, Stack
from tests.support.wait import wait_until

NAMESPACE = "monitoring"
# What has no series before workers have spilled, or ended under a task.
MAY_BE_EMPTY = {"Spilled to and from disk", "Tasks whose worker ended"}


@pytest.fixture(scope="module")
def address(stack: Stack, kube: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("crds") / "crds.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": prometheus.crds()}))
    kube("apply", "-f", str(file))
    main = {
        "image": ML_IMAGE,
        "packages": {"pip": ["prometheus-client"]},
        "endpoint": {"type": "NodePort", "insecure": True},
        "workers": {"replicas": 1, "threads": 1},
        "workerGroups": {"more": {"replicas": 1, "threads": 1}},
        "monitors": {"enabled": True, "alerts": True, "grafana": True},
    }
    stack.up(clusters={"main": main})
    return stack.address()


@pytest.fixture(scope="module")
def scraped(address: str, kube: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    monitors = [*kube.get("servicemonitors", "-n", NAMESPACE), *kube.get("podmonitors", "-n", NAMESPACE)]
    rules = kube.get("prometheusrules", "-n", NAMESPACE)
    folder = tmp_path_factory.mktemp("prometheus")
    with prometheus.running(monitors, rules, kube, folder) as made:
        yield made


def panels(kube: Kubectl) -> list[dict[str, object]]:
    [found] = kube.get("configmaps", "-n", NAMESPACE, "-l", "grafana_dashboard=1")
    [text] = found["data"].values()
    return json.loads(text)["panels"]


def test_scheduler_and_workers_are_scraped_with_their_labels(scraped: Prometheus) -> None:
    wait_until(lambda: len(scraped.query('up{dask_cluster="main"} == 1')) == 3, 60, "all three pods are scraped")

    found = {(it["metric"]["dask_component"], it["metric"].get("dask_worker_group", "")) for it in scraped.query("up")}
    assert {component for component, _ in found} == {"scheduler", "worker"}
    assert len([group for component, group in found if component == "worker" and group]) == 2


def test_every_panel_of_the_dashboard_shows_data_while_tasks_run(
    scraped: Prometheus, kube: Kubectl, address: str, connect: Connect
) -> None:
    client = connect(address)
    block = client.submit(lambda: bytes(1_000_000), pure=False)
    work = client.map(lambda number, data: time.sleep(1) or len(data), range(60), data=block)

    for panel in panels(kube):
        for target in panel["targets"]:  # type: ignore[attr-defined]
            query = target["expr"].replace("$__rate_interval", "10s")
            if panel["title"] in MAY_BE_EMPTY:
                scraped.query(query)
            else:
                wait_until(lambda query=query: scraped.query(query), 30, f"data for {panel['title']}: {query}")
    client.cancel(work)


def test_the_alerts_are_valid_and_none_fires_on_a_healthy_cluster(scraped: Prometheus) -> None:
    wait_until(lambda: all(rule["health"] != "unknown" for rule in scraped.rules()), 30, "all rules are evaluated")

    assert [rule["lastError"] for rule in scraped.rules() if rule["health"] != "ok"] == []
    assert len(scraped.rules()) == 4
    wait_until(lambda: all(rule["state"] == "inactive" for rule in scraped.rules()), 30, "no alert is pending")


def test_a_missing_scheduler_is_reported(scraped: Prometheus, kube: Kubectl) -> None:
    [scheduler] = kube.pods(NAMESPACE, component="scheduler")

    kube("delete", "pod", "-n", NAMESPACE, scheduler["metadata"]["name"], "--wait=false")

    def pending() -> bool:
        return any(rule["name"] == "DaskSchedulerMissing" and rule["state"] != "inactive" for rule in scraped.rules())

    wait_until(pending, 60, "the alert is pending")
