"""Rules about how clients and browsers reach a cluster: the endpoint, the dashboard, and who else may connect."""

import re
from collections.abc import Iterator

from ...settings.dashboard import Dashboard
from ...settings.endpoint import Endpoint
from ...settings.mistakes import Mistake
from ...settings.peers import Peer

# What the ingress controllers call their logins: ingress-nginx, HAProxy, AWS, Traefik, Kong, Contour.
_LOGIN = re.compile(
    r"nginx\.ingress\.kubernetes\.io/auth-(url|type|tls-secret)"
    r"|haproxy(-ingress\.github)?\.(org|io)/(auth-.+|oauth)"
    r"|alb\.ingress\.kubernetes\.io/auth-type"
    r"|traefik\.ingress\.kubernetes\.io/router\.middlewares"
    r"|konghq\.com/plugins"
    r"|projectcontour\.io/.*auth.*"
    r"|ingress\.kubernetes\.io/auth-.+"
)


def node_ports(endpoint: Endpoint) -> Iterator[Mistake]:
    ports = endpoint.node_ports
    if endpoint.type == "ClusterIP" and (ports.scheduler is not None or ports.dashboard is not None):
        yield Mistake("have no meaning for type ClusterIP", "remove it, or use `type: NodePort`", ("nodePorts",))
    elif ports.scheduler is not None and ports.scheduler == ports.dashboard:
        fix = f"try {ports.scheduler + 1 if ports.scheduler not in (32767, 65535) else ports.scheduler - 1}"
        yield Mistake("is the scheduler's port too", fix, ("nodePorts", "dashboard"))
    if ports.dashboard is not None and not endpoint.exposes_dashboard:
        why = "has a hostname of its own" if endpoint.dashboard.enabled else "is off"
        yield Mistake(f"would be ignored, because the dashboard {why}", "remove it", ("nodePorts", "dashboard"))


def source_ranges(endpoint: Endpoint) -> Iterator[Mistake]:
    """kube-proxy applies `loadBalancerSourceRanges` only to traffic that comes through a load balancer."""
    if endpoint.source_ranges and endpoint.type != "LoadBalancer":
        fix = "use `dask:namespace.networkPolicies` and `allowFrom`"
        yield Mistake(f"would be ignored for type {endpoint.type}", fix, ("sourceRanges",))


def load_balancer(endpoint: Endpoint) -> Iterator[Mistake]:
    """https://kubernetes.io/docs/concepts/services-networking/service."""
    if endpoint.load_balancer_class and endpoint.type != "LoadBalancer":
        yield Mistake(f"has no meaning for type {endpoint.type}", "remove it", ("loadBalancerClass",))
    if endpoint.external_traffic_policy and endpoint.type == "ClusterIP":
        yield Mistake("has no meaning for type ClusterIP", "remove it", ("externalTrafficPolicy",))


def hostname(dashboard: Dashboard) -> Iterator[Mistake]:
    """A hostname needs exactly one thing that serves it, and what serves it needs the hostname."""
    if dashboard.hostname is None:
        given = dashboard.model_dump(by_alias=True, include={"ingress_class", "gateway", "tls_secret", "login"})
        for key in (key for key, value in given.items() if value is not None):
            yield Mistake("has no meaning without a hostname", "add `hostname`, or remove it", (key,))
        return
    if not dashboard.enabled:
        yield Mistake("would be ignored, because `enabled` is false", "remove one of the two", ("hostname",))
    ways = [way for way in (dashboard.ingress_class, dashboard.gateway) if way is not None]
    if len(ways) != 1:
        fix = "keep one of them" if ways else "add `ingressClass: nginx`, or the class that your cluster has"
        yield Mistake("needs exactly one of `ingressClass` and `gateway`", fix, ("hostname",))
    if dashboard.gateway is not None and dashboard.tls_secret is not None:
        yield Mistake("belongs to the gateway's listener", "remove it", ("tlsSecret",))


def login(dashboard: Dashboard) -> Iterator[Mistake]:
    """The dashboard shows code, data and logs, and has no login."""
    if dashboard.hostname is not None and dashboard.login is None and not has_login(dashboard.annotations):
        rule = "shows code and logs to everyone who reaches the name, because the dashboard has no login"
        fix = (
            "add `login: the policy of the gateway`, in your words, if it is asked for elsewhere, or the annotation by "
            "which your ingress asks for it, such as nginx.ingress.kubernetes.io/auth-url"
        )
        yield Mistake(rule, fix, ("hostname",))


def has_login(annotations: dict[str, str]) -> bool:
    """Whether one of an Ingress's annotations makes a well-known controller ask for a login."""
    return any(_LOGIN.fullmatch(key) for key in annotations)


def peer(allowed: Peer) -> Iterator[Mistake]:
    """An address range or a namespace."""
    if (allowed.cidr is None) == (allowed.namespace is None):
        fix = "keep one" if allowed.cidr else "add `namespace: monitoring`, or write a range such as 10.0.0.0/8"
        yield Mistake("needs exactly one of `cidr` and `namespace`", fix, value=None)
    elif allowed.pods and allowed.namespace is None:
        yield Mistake("has no meaning without a namespace", "add `namespace`, or remove it", ("pods",))
