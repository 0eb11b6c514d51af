"""Debian's Prometheus beside a test, scraping what a cluster's monitors name, as the Prometheus Operator sets it up.

There is no Prometheus Operator here, so `scrape_configs` does with ServiceMonitors and PodMonitors what its
configuration generator does (prometheus-operator, pkg/prometheus/promcfg.go), as far as they are used. Debian builds
Prometheus without its discovery of Kubernetes, so this module also writes what that would find.
"""

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from devcluster import golang
from devcluster.kubernetes import state
from tests.support.clusters import NAME
from tests.support.kubectl import Kubectl, Object

PORT = 9199
_GROUP = "monitoring.coreos.com"
_META = "__meta_kubernetes"


def crds() -> list[Object]:
    """CRDs of the monitors and rules, which accept everything."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    made = []
    for kind in ("ServiceMonitor", "PodMonitor", "PrometheusRule"):
        plural = f"{kind.lower()}s"
        version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
        names = {"kind": kind, "plural": plural, "singular": kind.lower()}
        spec = {"group": _GROUP, "scope": "Namespaced", "names": names, "versions": [version]}
        meta = {"name": f"{plural}.{_GROUP}"}
        made.append(
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": meta,
                "spec": spec,
            }
        )
    return made


def scrape_configs(monitors: list[Object], kube: Kubectl, folder: Path) -> list[Object]:
    """One scrape configuration for each endpoint of each monitor, with the pods that exist now."""
    found = []
    for monitor in monitors:
        of_pods = monitor["kind"] == "PodMonitor"
        for number, endpoint in enumerate(monitor["spec"]["podMetricsEndpoints" if of_pods else "endpoints"]):
            meta = monitor["metadata"]
            file = folder / f"{monitor['kind']}-{meta['name']}-{number}.json"
            discovered = _pods(kube, meta["namespace"]) if of_pods else _endpoints(kube, meta["namespace"])
            file.write_text(json.dumps(discovered))
            found.append(_scrape(monitor, endpoint, file, of_pods=of_pods))
    return found


def _scrape(monitor: Object, endpoint: Object, file: Path, *, of_pods: bool) -> Object:
    kind = "pod" if of_pods else "service"
    port = f"{_META}_pod_container_port_name" if of_pods else f"{_META}_endpoint_port_name"
    relabel: list[Object] = [
        {"source_labels": [f"{_META}_{kind}_label_{_label(key)}"], "regex": re.escape(value), "action": "keep"}
        for key, value in monitor["spec"]["selector"]["matchLabels"].items()
    ]
    relabel += [
        {"source_labels": [port], "regex": endpoint["port"], "action": "keep"},
        {"source_labels": [f"{_META}_namespace"], "target_label": "namespace"},
        {"source_labels": [f"{_META}_pod_name"], "target_label": "pod"},
        *({_snake(key): value for key, value in rule.items()} for rule in endpoint.get("relabelings", [])),
    ]
    times = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    discovery = {"file_sd_configs": [{"files": [str(file)]}]}
    return {"job_name": file.stem, "relabel_configs": relabel} | times | discovery


def _pods(kube: Kubectl, namespace: str) -> list[Object]:
    """What Prometheus discovers in the role `pod` (discovery/kubernetes/pod.go)."""
    found = []
    for pod in kube.get("pods", "-n", namespace):
        for container in pod["spec"]["containers"]:
            for port in container.get("ports", []):
                labels = {f"{_META}_pod_container_port_name": port["name"]} | _of_pod(pod)
                found.append({"targets": [f"{pod['status'].get('podIP')}:{port['containerPort']}"], "labels": labels})
    return found


def _endpoints(kube: Kubectl, namespace: str) -> list[Object]:
    """What Prometheus discovers in the role `endpoints`: the pods behind the Services."""
    pods = {pod["metadata"]["name"]: pod for pod in kube.get("pods", "-n", namespace)}
    found = []
    for service in kube.get("services", "-n", namespace):
        meta = service["metadata"]
        own = {f"{_META}_service_label_{_label(key)}": value for key, value in meta.get("labels", {}).items()}
        slices = kube.get("endpointslices", "-n", namespace, "-l", f"kubernetes.io/service-name={meta['name']}")
        for piece in slices:
            for address in piece["endpoints"]:
                pod = _of_pod(pods[address["targetRef"]["name"]])
                for port in piece["ports"]:
                    labels = own | pod | {f"{_META}_endpoint_port_name": port["name"]}
                    found.append({"targets": [f"{address['addresses'][0]}:{port['port']}"], "labels": labels})
    return found


def _of_pod(pod: Object) -> dict[str, str]:
    meta = pod["metadata"]
    labels = {f"{_META}_pod_label_{_label(key)}": value for key, value in meta.get("labels", {}).items()}
    return labels | {f"{_META}_namespace": meta["namespace"], f"{_META}_pod_name": meta["name"]}


def _label(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", label)


def _snake(key: str) -> str:
    return re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", key)


class Prometheus:
    """A running Prometheus."""

    def __init__(self, address: str) -> None:
        self._address = address

    def query(self, expression: str) -> list[Object]:
        """The instant vector."""
        return self._get("query", query=expression)["result"]

    def targets(self) -> list[Object]:
        return self._get("targets", state="active")["activeTargets"]

    def rules(self) -> list[Object]:
        """The alerting rules, with `health`, `lastError` and `state`."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._address}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def _get(self, what: str, **parameters: str) -> Any:
        url = f"{self._address}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]


@contextmanager
def running(monitors: list[Object], rules: list[Object], kube: Kubectl, folder: Path) -> Iterator[Prometheus]:
    """Prometheus in the network of the tests' node, from where it reaches the pods."""
    for number, rule in enumerate(rules):
        (folder / f"rules-{number}.yml").write_text(yaml.safe_dump(rule["spec"]))
    config = {
        "global": {"evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules-*.yml")],
        "scrape_configs": scrape_configs(monitors, kube, folder),
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    host = (
        yaml.safe_load(kube.kubeconfig.read_text())["clusters"][0]["cluster"]["server"].split("/")[2].rsplit(":", 1)[0]
    )
    command = [
        *("nsenter", f"--net=/run/netns/{state.namespace(NAME, 1)}", str(binary())),
        *(f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"),
        *(f"--web.listen-address={host}:{PORT}", "--log.level=warn"),
    ]
    with (folder / "prometheus.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            prometheus = Prometheus(f"http://{host}:{PORT}")
            deadline = time.monotonic() + 60
            while not prometheus.ready():
                words = (folder / "prometheus.log").read_text()
                assert process.poll() is None, words
                assert time.monotonic() < deadline, words
                time.sleep(0.2)
            yield prometheus
        finally:
            process.terminate()


def firing(rules: list[Object], series: dict[str, str], day: int, folder: Path) -> set[str]:
    """The names of the rules that fire on a day, by `promtool`. `series` have one value for each day from 0.

    The clock starts with 0.
    """
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "tested", "rules": rules}]}))
    found = set[str]()
    for rule in rules:
        expected = {"exp_labels": rule["labels"], "exp_annotations": rule["annotations"]}
        case = {"eval_time": f"{day}d", "alertname": rule["alert"], "exp_alerts": [expected]}
        test = {
            "interval": "1d",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "alert_rule_test": [case],
        }
        file = folder / "test.yml"
        file.write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "1d", "tests": [test]}))
        done = subprocess.run([binary().with_name("promtool"), "test", "rules", file], capture_output=True, text=True)
        assert done.returncode == 0 or "got:[]" in done.stdout + done.stderr, done.stdout + done.stderr
        found |= {rule["alert"]} if done.returncode == 0 else set()
    return found


def binary() -> Path:
    """Prometheus from Debian's package, which is unpacked into the cache and not installed."""
    folder = golang.cache_root() / "prometheus"
    found = folder / "usr/bin/prometheus"
    if not found.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        fetch = ["apt-get", "download", "-o", "APT::Sandbox::User=root", "prometheus"]
        if subprocess.run(fetch, cwd=folder, check=False, capture_output=True).returncode:
            subprocess.run(["apt-get", "update", "-qq"], check=True)
            subprocess.run(fetch, cwd=folder, check=True)
        [package] = folder.glob("prometheus_*.deb")
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
        package.unlink()
    return found
