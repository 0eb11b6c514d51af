"""The settings of a cluster's metrics: Prometheus Operator monitors, alerts, and a Grafana dashboard."""

from ..settings.fields import Duration, Labels, Model


class Monitors(Model):
    """Metrics of scheduler and workers. `enabled` and `alerts` require the CRDs of monitoring.coreos.com.

    The pods export metrics only if `prometheus_client` is installed, which upstream's `ghcr.io/dask/dask` does not
    contain: add it by `packages: {pip: [prometheus-client]}`.
    """

    enabled: bool = False
    """Whether to create a ServiceMonitor for the scheduler and a PodMonitor for the workers."""
    interval: Duration = "15s"
    """How often Prometheus scrapes."""
    labels: Labels = {}
    """Labels by which your Prometheus selects its monitors and rules."""
    alerts: bool = False
    """Whether to create a PrometheusRule: no scheduler, no workers for waiting tasks, memory, certificates that end."""
    grafana: bool = False
    """Whether to create a Grafana dashboard, as a ConfigMap that Grafana's sidecar picks up."""
    grafana_labels: Labels = {"grafana_dashboard": "1"}
    """Labels by which the sidecar finds it. Default: those that the chart of Grafana looks for."""
