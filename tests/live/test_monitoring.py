"""A real Prometheus scrapes real pods by the monitors, and the dashboard's and the alerts' queries find them."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.conftest import Connect
from tests.support import prometheus
from tests.support.declared import declared
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
    assert len(scraped.query('process_start_time_seconds{dask_cluster="main"}')) == 3
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


DAY = 24 * 60 * 60
ISSUED = {"monitors": {"alerts": True}, "tls": {"enabled": True, "issuer": {"name": "own"}, "validDays": 90}}
# What cert-manager exports of certificates that are renewed on day 60, when the pods started, and what fires on day 62.
CERTIFICATES: dict[str, tuple[str, int, set[str]]] = {
    "renewed, and the pods have read the old ones": ("60", 0, {"DaskCertificatesRenewed"}),
    "renewed before the pods started": ("60", 61, set()),
    "not renewed": ("never", 0, {"DaskCertificatesExpire"}),
    "not issued": ("unknown", 0, set()),
}


@pytest.mark.parametrize("label", ["namespace", "exported_namespace"])
@pytest.mark.parametrize("state", CERTIFICATES)
def test_what_happens_to_certificates_of_an_issuer_is_reported(state: str, label: str, tmp_path: Path) -> None:
    renewed, started, alerts = CERTIFICATES[state]
    cluster = declared("a", ISSUED)
    [rule] = [it for it in cluster.monitors if it["kind"] == "PrometheusRule"]
    begin = {"60": f"0x59 {60 * DAY}x40", "never": "0x99", "unknown": "0x99"}[renewed]
    end = {"60": f"{90 * DAY}x59 {150 * DAY}x40", "never": f"{90 * DAY}x99", "unknown": "0x99"}[renewed]
    series = {
        f'process_start_time_seconds{{namespace="lab",dask_cluster="a",pod="{it}"}}': f"{started * DAY + 60}x99"
        for it in "ab"
    }
    for name in cluster.context.tls_secrets.values():
        labels = f'{{name="{name}",{label}="lab"}}'
        series[f"certmanager_certificate_not_before_timestamp_seconds{labels}"] = begin
        series[f"certmanager_certificate_expiration_timestamp_seconds{labels}"] = end

    [group] = rule["spec"]["groups"]
    about = [it for it in group["rules"] if "Certificates" in it["alert"]]

    assert len(about) == 2
    assert prometheus.firing(about, series, 62, tmp_path) == alerts


def test_a_missing_scheduler_is_reported(scraped: Prometheus, kube: Kubectl) -> None:
    [scheduler] = kube.pods(NAMESPACE, component="scheduler")

    kube("delete", "pod", "-n", NAMESPACE, scheduler["metadata"]["name"], "--wait=false")

    def pending() -> bool:
        return any(rule["name"] == "DaskSchedulerMissing" and rule["state"] != "inactive" for rule in scraped.rules())

    wait_until(pending, 60, "the alert is pending")
