"""Renders what serves the dashboard under a name of its own: a Service, and an Ingress or HTTPRoute to it.

The Service selects the scheduler as the endpoint does. Its only port is that of the dashboard, so the name does not
expose the port that runs code.
"""

from ..manifests.context import PodContext, Spec, annotate, service_host
from ..manifests.services import led_to, service_port
from ..settings.cluster import Cluster
from ..settings.dashboard import Dashboard
from ..vocabulary import DASHBOARD, LOGIN, SKIP_AWAIT


def dashboard_objects(settings: Cluster, context: PodContext) -> list[Spec]:
    """The Service, and the Ingress or HTTPRoute; nothing without a hostname."""
    own = settings.endpoint.dashboard
    if not (own.enabled and own.hostname):
        return []
    port = settings.scheduler.dashboard_port
    service = _service(context, port, led_to(settings, context))
    return [service, _route(own, context, port) if own.gateway else _ingress(own, context)]


def _service(context: PodContext, port: int, selector: Spec) -> Spec:
    # Pulumi's own wait for endpoints costs 10 s, and the verify Job has already computed through the scheduler.
    body = annotate(context.object("Service", dashboard_name(context)), {SKIP_AWAIT: "true"})
    ports = [service_port(DASHBOARD, port, DASHBOARD)]
    return body | {"spec": {"type": "ClusterIP", "selector": selector, "ports": ports}}


def _ingress(dashboard: Dashboard, context: PodContext) -> Spec:
    backend = {"service": {"name": dashboard_name(context), "port": {"name": DASHBOARD}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    rules = [{"host": dashboard.hostname, "http": {"paths": paths}}]
    spec: Spec = {"ingressClassName": dashboard.ingress_class, "rules": rules}
    if dashboard.tls_secret:
        spec["tls"] = [{"hosts": [dashboard.hostname], "secretName": dashboard.tls_secret}]
    return _annotated(dashboard, context.object("Ingress", dashboard_name(context))) | {"spec": spec}


def _route(dashboard: Dashboard, context: PodContext, port: int) -> Spec:
    assert dashboard.gateway
    spec = {
        "parentRefs": [dashboard.gateway.model_dump(by_alias=True, exclude_none=True)],
        "hostnames": [dashboard.hostname],
        "rules": [{"backendRefs": [{"name": dashboard_name(context), "port": port}]}],
    }
    return _annotated(dashboard, context.object("HTTPRoute", dashboard_name(context))) | {"spec": spec}


def _annotated(dashboard: Dashboard, body: Spec) -> Spec:
    # An ingress controller may need minutes for an address, which nothing here waits for.
    own = {SKIP_AWAIT: "true"} | ({LOGIN: dashboard.login} if dashboard.login else {})
    return annotate(body, own | dict(dashboard.annotations))


def dashboard_name(context: PodContext) -> str:
    """The name of the dashboard's own Service, and of the Ingress or HTTPRoute to it."""
    return f"{context.name}-dashboard"


def dashboard_host(settings: Cluster, context: PodContext) -> str:
    """The host of the dashboard inside Kubernetes: its own Service, where it has one, else the endpoint."""
    own = settings.endpoint.dashboard.hostname is not None
    return service_host(dashboard_name(context) if own else context.name, context.namespace)
