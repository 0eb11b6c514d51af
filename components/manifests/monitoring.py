"""Renders what monitors a cluster: Prometheus Operator monitors, alerts, and a Grafana dashboard.

The monitors give every series the labels that the alerts and the dashboard select by: `dask_cluster` (the name in the
stack's configuration), `dask_cluster_version` (the DaskCluster), `dask_component` and, of workers, `dask_worker_group`.
`namespace` and `pod` come from the Prometheus Operator.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from ..manifests.certificates import SOON, soon
from ..manifests.context import PodContext, Spec
from ..manifests.grafana import dashboard
from ..settings.monitors import Monitors
from ..vocabulary import COMPONENT, DASHBOARD, INSTANCE

_META = "__meta_kubernetes"
DAY = 24 * 60 * 60


def monitors(settings: Monitors, context: PodContext, *, suspended: bool = False) -> list[Spec]:
    """The monitors, the alerts and the Grafana dashboard that are switched on.

    A scheduler that is missing is no alert while the cluster is `suspended`.
    """
    made = [_service_monitor(settings, context), _pod_monitor(settings, context)] if settings.enabled else []
    if settings.alerts:
        made.append(_alerts(settings, context, suspended=suspended))
    if settings.grafana:
        made.append(_grafana(settings, context))
    return made


def certificate_rule(name: str, end: datetime) -> dict[str, Any]:
    """The alert about certificates that this program has generated. No metric holds their end."""
    first = int((end - SOON).timestamp())
    text = f"The certificates of the cluster {name} end on {end:%Y-%m-%d}: increment its `tls.rotation`."
    return _rule("DaskCertificatesExpire", f"vector(time()) > {first}", "0m", "warning", text)


def _issued_rules(context: PodContext) -> list[dict[str, Any]]:
    """The alerts about certificates of cert-manager, which exports when each begins and ends (1.21)."""
    names = "|".join(context.tls_secrets.values())
    name, near = context.name, int(soon(timedelta(days=context.tls.valid_days)).total_seconds())
    # cert-manager renews `near` seconds before the end; a day later it is late.
    late = f"min(({_certmanager('expiration', context, names)}) > 0) - time() < {near - min(DAY, near // 4)}"
    # Processes read certificates when they start. The hour is for those that start while the first ones are issued.
    begin = f"max({_certmanager('not_before', context, names)})"
    renewed = f"{begin} - 3600 > min(process_start_time_seconds{{{series(context)}}})"
    return [
        _rule(
            *("DaskCertificatesRenewed", renewed, "0m", "warning"),
            f"Pods of the cluster {name} use certificates that cert-manager has renewed and that end soon: "
            "increment its `tls.rotation`.",
        ),
        _rule(
            *("DaskCertificatesExpire", late, "0m", "warning"),
            f"cert-manager has not renewed the certificates of the cluster {name}: look at its Certificates.",
        ),
    ]


def _certmanager(when: str, context: PodContext, names: str) -> str:
    """The series of the Certificates: Prometheus renames their namespace, unless the monitor has `honorLabels`."""
    metric, own = f"certmanager_certificate_{when}_timestamp_seconds", f'name=~"{names}"'
    return " or ".join(
        f'{metric}{{{own},{label}="{context.namespace}"}}' for label in ("namespace", "exported_namespace")
    )


def series(context: PodContext, more: str = "") -> str:
    """The label matchers of all series of the cluster."""
    return f'namespace="{context.namespace}",dask_cluster="{context.name}"{more}'


def _service_monitor(settings: Monitors, context: PodContext) -> Spec:
    scrape = _scrape(settings, context, "scheduler", {"dask_cluster_version": "service_label_dask_org_cluster_name"})
    spec = {"endpoints": [scrape], "selector": _selector(context, "scheduler")}
    return context.object("ServiceMonitor", context.name, settings.labels) | {"spec": spec}


def _pod_monitor(settings: Monitors, context: PodContext) -> Spec:
    labels = {
        "dask_cluster_version": "pod_label_dask_org_cluster_name",
        "dask_worker_group": "pod_label_dask_org_workergroup_name",
    }
    scrape = _scrape(settings, context, "worker", labels)
    spec = {"podMetricsEndpoints": [scrape], "selector": _selector(context, "worker")}
    return context.object("PodMonitor", context.name, settings.labels) | {"spec": spec}


def _scrape(settings: Monitors, context: PodContext, component: str, copied: dict[str, str]) -> Spec:
    constant = {"dask_cluster": context.name, "dask_component": component}
    relabelings: list[Spec] = [{"targetLabel": name, "replacement": value} for name, value in constant.items()]
    relabelings += [{"sourceLabels": [f"{_META}_{source}"], "targetLabel": name} for name, source in copied.items()]
    return {"port": DASHBOARD, "interval": settings.interval, "relabelings": relabelings}


def _selector(context: PodContext, component: str) -> Spec:
    return {"matchLabels": {INSTANCE: context.name, COMPONENT: component}}


def _alerts(settings: Monitors, context: PodContext, *, suspended: bool) -> Spec:
    own, name = series(context), context.name
    scheduler = series(context, ',dask_component="scheduler"')
    missing = _rule(
        *("DaskSchedulerMissing", f"absent(up{{{scheduler}}} == 1)", "5m", "critical"),
        f"Prometheus cannot scrape the scheduler of the cluster {name}: it is missing, or does not answer.",
    )
    rules = [
        *([] if suspended else [missing]),
        _rule(
            "DaskNoWorkers",
            f'sum(dask_scheduler_tasks{{{own},state=~"no-worker|queued"}}) > 0 and '
            f"sum(dask_scheduler_workers{{{own}}}) == 0",
            *("10m", "warning", f"Tasks of the cluster {name} wait, and it has no workers."),
        ),
        _rule(
            *("DaskWorkersPaused", f'sum(dask_scheduler_workers{{{own},state="paused"}}) > 0', "10m", "warning"),
            f"Workers of the cluster {name} have paused, because their memory is nearly full.",
        ),
        _rule(
            *("DaskTasksSuspicious", f"sum(increase(dask_scheduler_tasks_suspicious_total{{{own}}}[15m])) > 0"),
            *("0m", "warning", f"Workers of the cluster {name} ended while they ran tasks: look at their pods."),
        ),
    ]
    if context.tls.enabled and context.tls.issuer:
        rules += _issued_rules(context)
    spec = {"groups": [{"name": f"dask-{name}", "rules": rules}]}
    return context.object("PrometheusRule", name, settings.labels) | {"spec": spec}


def _rule(alert: str, expression: str, lasting: str, severity: str, summary: str) -> dict[str, Any]:
    body = {"alert": alert, "expr": expression, "for": lasting, "labels": {"severity": severity}}
    return body | {"annotations": {"summary": summary}}


def _grafana(settings: Monitors, context: PodContext) -> Spec:
    content = json.dumps(dashboard(context.name, series(context)), indent=1)
    body = context.object("ConfigMap", f"{context.name}-grafana", settings.grafana_labels)
    return body | {"data": {f"dask-{context.namespace}-{context.name}.json": content}}
