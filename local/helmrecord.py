"""Helm's own record of a release. In: a cluster and a name. Out: what is deployed, and how a chart differs from it."""

import base64
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from local.live import Cluster


def newest(cluster: Cluster, namespace: str, name: str) -> dict[str, Any] | None:
    """The newest revision in Helm's storage: base64 in base64 around gzipped JSON."""
    found = list(cluster.list("v1", "Secret", namespace, labelSelector=f"owner=helm,name={name}"))
    if not found:
        return None
    latest = max(found, key=lambda item: int(item["metadata"]["labels"]["version"]))
    record = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(latest["data"]["release"]))))
    return {**record, "secret": latest["metadata"]["name"], "labels": latest["metadata"]["labels"]}


def other_chart(deployed: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    """How the wanted chart differs from the deployed one; "" where it does not. An unpinned remote chart always may."""
    metadata, chart = deployed["metadata"], inputs["chart"]
    if not Path(chart).is_dir():
        name, wanted = chart.rstrip("/").rpartition("/")[2], inputs.get("version", "")
        if not wanted:
            return "the chart's version is not pinned"
        if name == metadata["name"] and wanted.removeprefix("v") == metadata["version"].removeprefix("v"):
            return ""
        return f"chart {metadata['name']} {metadata['version']} -> {name} {wanted}"
    ours = yaml.safe_load(Path(chart, "Chart.yaml").read_text(encoding="utf-8"))
    if (ours["name"], ours["version"]) != (metadata["name"], metadata["version"]):
        return f"chart {metadata['name']} {metadata['version']} -> {ours['name']} {ours['version']}"
    files = {path.relative_to(chart).as_posix(): path for path in Path(chart, "templates").rglob("*") if path.is_file()}
    templates = {item["name"]: base64.b64decode(item["data"]) for item in deployed.get("templates") or []}
    values = yaml.safe_load(Path(chart, "values.yaml").read_text(encoding="utf-8")) or {}
    same = templates == {name: path.read_bytes() for name, path in files.items()} and values == deployed.get("values")
    return "" if same else f"the content of chart {ours['name']} changed"
