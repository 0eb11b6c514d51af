"""Renders a Grafana dashboard of one cluster (https://grafana.com/docs/grafana/latest/dashboards/json-model).

The metrics are those that scheduler and workers export (distributed/http/{scheduler,worker}/prometheus/core.py).
"""

import hashlib
from typing import Any

# Title, unit, and the queries with their legends. `%s` are the label matchers of the cluster.
_PANELS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    ("Workers", "short", (("sum by (state) (dask_scheduler_workers{%s})", "{{state}}"),)),
    (
        "Tasks",
        "short",
        (('sum by (state) (dask_scheduler_tasks{%s,state!~"released|forgotten"})', "{{state}}"),),
    ),
    (
        "Workers that the tasks could use",
        "short",
        (
            ("sum(dask_scheduler_desired_workers{%s})", "could use"),
            ("sum(dask_scheduler_workers{%s})", "has"),
        ),
    ),
    ("Clients", "short", (("sum(dask_scheduler_clients{%s})", "connected"),)),
    (
        "Busy threads",
        "percentunit",
        (
            (
                'sum by (dask_worker_group) (dask_worker_tasks{%s,state="executing"})'
                " / sum by (dask_worker_group) (dask_worker_threads{%s})",
                "{{dask_worker_group}}",
            ),
        ),
    ),
    ("Memory of the workers", "bytes", (("sum by (type) (dask_worker_memory_bytes{%s})", "{{type}}"),)),
    (
        "Workers with the most memory",
        "bytes",
        (('topk(10, sum by (pod) (dask_worker_memory_bytes{%s,type!="spilled"}))', "{{pod}}"),),
    ),
    (
        "Spilled to and from disk",
        "Bps",
        (
            (
                'sum by (activity) (rate(dask_worker_spill_bytes_total{%s,activity=~"disk_.*"}[$__rate_interval]))',
                "{{activity}}",
            ),
        ),
    ),
    (
        "Transfers between workers",
        "Bps",
        (("sum(rate(dask_worker_transfer_outgoing_bytes_total{%s}[$__rate_interval]))", "sent"),),
    ),
    (
        "Longest pause of an event loop",
        "s",
        (
            ("max(dask_scheduler_tick_duration_maximum_seconds{%s})", "scheduler"),
            ("max(dask_worker_tick_duration_maximum_seconds{%s})", "workers"),
        ),
    ),
    (
        "Tasks whose worker ended",
        "short",
        (
            (
                "sum by (task_prefix_name) (increase(dask_scheduler_tasks_suspicious_total{%s}[$__rate_interval]))",
                "{{task_prefix_name}}",
            ),
        ),
    ),
    (
        "Pods of each version",
        "short",
        (("sum by (dask_cluster_version, dask_component) (up{%s})", "{{dask_cluster_version}} {{dask_component}}"),),
    ),
)
_WIDTH, _HEIGHT, _COLUMNS = 12, 8, 2


def dashboard(name: str, matchers: str) -> dict[str, Any]:
    """The dashboard as Grafana imports it. `matchers` select the cluster's series."""
    panels = [_panel(index, matchers) for index in range(len(_PANELS))]
    return {
        "title": f"Dask {name}",
        "uid": hashlib.sha256(matchers.encode()).hexdigest()[:16],
        "tags": ["dask"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Source"}]},
        "panels": panels,
    }


def _panel(index: int, matchers: str) -> dict[str, Any]:
    title, unit, queries = _PANELS[index]
    source = {"type": "prometheus", "uid": "${source}"}
    place = {"x": index % _COLUMNS * _WIDTH, "y": index // _COLUMNS * _HEIGHT, "w": _WIDTH, "h": _HEIGHT}
    targets = [
        {"refId": "ABC"[number], "datasource": source, "expr": query.replace("%s", matchers), "legendFormat": legend}
        for number, (query, legend) in enumerate(queries)
    ]
    fields = {"defaults": {"unit": unit, "min": 0, "custom": {"fillOpacity": 10}}, "overrides": []}
    return {
        "id": index + 1,
        "type": "timeseries",
        "title": title,
        "datasource": source,
        "gridPos": place,
        "fieldConfig": fields,
        "targets": targets,
    }
