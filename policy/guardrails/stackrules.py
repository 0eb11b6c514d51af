"""Rules about how the objects of a stack fit together."""

import re
from collections.abc import Iterator
from typing import Any

from .resource import Pod, Resource, Stack, Violation

_HTTP_API = "distributed.http.scheduler.api"
_ENCRYPTED = "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"
_ROUTES = "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES"
_TLS_VOLUME = "dask-tls"
_LOGIN_SAID = "dask-on-kubernetes/login"
# The annotations of ingress-nginx, HAProxy, AWS, Traefik, Kong and Contour that ask for a login.
_LOGIN = re.compile(r"/(auth-(url|type|signin|tls-secret|realm)|oauth|plugins|router\.middlewares)$|/.*auth")
_INSTANCE = "app.kubernetes.io/instance"
_PART_OF = "app.kubernetes.io/part-of"
_COMPONENT = "dask.org/component"
_CLUSTER = "dask:k8s:Cluster"


def exposed_only_with_tls(stack: Stack) -> Iterator[Violation]:
    """No port outside of Kubernetes leads to a scheduler that runs everyone's code."""
    for service, cluster in _exposed(stack):
        if not all(encrypted(pod) for _, pod in cluster.pods()):
            text = f"{service} of type {service.spec['type']} leads to {cluster}, which speaks without TLS"
            fix = "everyone who reaches the port runs code; set `tls: {enabled: true}`"
            yield Violation(f"{text}: {fix}", service.urn)
    for service in stack.of("Service"):
        notebook = (service.spec.get("selector") or {}).get(_COMPONENT) == "notebook"
        if notebook and service.spec.get("type", "ClusterIP") != "ClusterIP":
            text = f"{service} of type {service.spec['type']} leads to a notebook, whose token travels unencrypted"
            yield Violation(f"{text}; leave `endpoint.type` out, and use `make connect`", service.urn)


def no_api_on_exposed_dashboard(stack: Stack) -> Iterator[Violation]:
    """The scheduler's HTTP API, which asks for no credentials (distributed #6407), cannot be reached from outside."""
    for service, cluster in _exposed(stack):
        ports = [port for port in service.spec.get("ports") or [] if port.get("targetPort") == "http-dashboard"]
        if ports and any(_HTTP_API in environment(pod).get(_ROUTES, "") for _, pod in cluster.pods()):
            text = f"{service} opens the dashboard of {cluster}, whose HTTP API is on and asks for no credentials"
            yield Violation(f"{text}; set `endpoint.dashboard: false`, or remove the API's routes", service.urn)


def dashboards_ask_for_a_login(stack: Stack) -> Iterator[Violation]:
    """Whatever leads from a hostname to a dashboard says where a login is asked for; the dashboard has none."""
    dashboards = {
        (service.namespace, service.name)
        for service in stack.of("Service")
        if any(port.get("targetPort") == "http-dashboard" for port in service.spec.get("ports") or [])
    }
    for route in stack.of("Ingress", "HTTPRoute"):
        leads_there = any((route.namespace, name) in dashboards for name in _backends(route.spec))
        annotations = route.metadata.get("annotations") or {}
        if leads_there and not any(key == _LOGIN_SAID or _LOGIN.search(key) for key in annotations):
            text = f"{route} opens a dashboard, which has no login, and no annotation asks for one"
            yield Violation(f"{text}; add it to `endpoint.dashboard.annotations`, or set `login`", route.urn)


def encrypted_clusters(stack: Stack) -> Iterator[Violation]:
    """Dask's own protocol is encrypted everywhere, with certificates that exist."""
    made = {(secret.namespace, secret.name) for secret in stack.of("Secret")}
    existing = set(stack.config.get("existingSecrets") or [])
    for cluster in stack.of("DaskCluster", "DaskWorkerGroup"):
        for path, pod in cluster.pods():
            if not encrypted(pod):
                yield Violation(f"{cluster} {path}: does not require TLS; set `tls: {{enabled: true}}`", cluster.urn)
                continue
            secret = _tls_secret(pod)
            if secret is None or ((cluster.namespace, secret) not in made and secret not in existing):
                text = f"{cluster} {path}: the Secret '{secret}' with its certificates is not in this stack"
                fix = "remove `tls.secret`, or name it in the policy's `existingSecrets`"
                yield Violation(f"{text}; {fix}", cluster.urn)


def guarded_namespaces(stack: Stack) -> Iterator[Violation]:
    """A namespace with Dask pods has a network policy for incoming connections and a quota on CPU and memory.

    In a namespace that the stack does not create, the policy is about the stack's own pods, and the quota is its
    owner's business.
    """
    created = {item.name for item in stack.of("Namespace")}
    policies = {item.namespace for item in stack.of("NetworkPolicy") if _covers_all_ingress(item, created)}
    quotas = {item.namespace for item in stack.of("ResourceQuota") if _limits_cpu_and_memory(item)}
    places = {item.namespace: item for item in reversed(stack.of("DaskCluster", "DaskJob", "CronJob"))}
    for namespace, resident in sorted(places.items()):
        if namespace not in policies:
            text = f"namespace '{namespace}' of {resident} has no network policy for all its pods"
            yield Violation(f"{text}; set `dask:namespace.networkPolicies: true`", resident.urn)
        if namespace in created and namespace not in quotas:
            text = f"namespace '{namespace}' of {resident} has no quota on CPU and memory"
            yield Violation(f"{text}; set `dask:namespace.quota`", resident.urn)


def protected_clusters(stack: Stack) -> Iterator[Violation]:
    """A cluster, or the endpoint that stands for all its versions, is protected from being deleted by mistake."""
    safe = {item.labels.get(_INSTANCE) for item in stack.of("DaskCluster", "Service") if item.protect}
    for cluster in stack.of("DaskCluster"):
        if cluster.labels.get(_INSTANCE) not in safe:
            yield Violation(f"{cluster} can be deleted by mistake; set `protect: true`", cluster.urn)


def max_cost_per_hour(stack: Stack) -> Iterator[Violation]:
    """The clusters together cost at most `maximum` for an hour, with as many workers as they may have.

    Without a `maximum` it demands nothing. The prices are the stack's (`dask:prices`).
    """
    most = stack.config.get("maximum")
    clusters = [item for item in stack.resources if item.type == _CLUSTER]
    if most is None or not clusters:
        return
    total = 0.0
    for cluster in clusters:
        cost = cluster.props.get("costPerHour")
        if isinstance(cost, dict):
            total += cost["maximum"]
        else:
            name = cluster.urn.rpartition("::")[2]
            yield Violation(f"the cluster '{name}' has no price; set `dask:prices`", cluster.urn)
    if total > most:
        text = f"the clusters cost up to {total:.2f} per hour, and {most:g} is the most"
        yield Violation(f"{text}; lower `replicas`, `maximum` or `resources`", clusters[0].urn)


def encrypted(pod: Pod) -> bool:
    """Whether all containers of a Dask pod refuse plain connections."""
    return environment(pod).get(_ENCRYPTED, "").lower() == "true"


def environment(pod: Pod) -> dict[str, str]:
    """The variables of the Dask container. The last of a name wins, as in Kubernetes."""
    return {item["name"]: str(item.get("value", "")) for item in pod["containers"][0].get("env") or []}


def _exposed(stack: Stack) -> Iterator[tuple[Resource, Resource]]:
    """Every Service with a port outside of Kubernetes, with the cluster behind it."""
    clusters = {(cluster.namespace, cluster.name): cluster for cluster in stack.of("DaskCluster")}
    for service in stack.of("Service"):
        selected = (service.spec.get("selector") or {}).get("dask.org/cluster-name", "")
        cluster = clusters.get((service.namespace, selected))
        if cluster and service.spec.get("type", "ClusterIP") != "ClusterIP":
            yield service, cluster


def _backends(node: Any) -> Iterator[str]:
    """The names of the Services that an Ingress's or an HTTPRoute's spec leads to."""
    if isinstance(node, dict):
        if isinstance(service := node.get("service"), dict):
            yield str(service.get("name"))
        yield from (str(ref.get("name")) for ref in node.get("backendRefs") or [])
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _backends(child)


def _tls_secret(pod: Pod) -> str | None:
    volumes: list[dict[str, Any]] = pod.get("volumes") or []
    return next((item["secret"]["secretName"] for item in volumes if item["name"] == _TLS_VOLUME), None)


def _covers_all_ingress(policy: Resource, created: set[str]) -> bool:
    selector = policy.spec.get("podSelector") or {}
    # The label that every pod of the stack carries, and the policy itself too.
    own = {"matchLabels": {_PART_OF: policy.labels.get(_PART_OF)}}
    everything = not any(selector.values()) or (policy.namespace not in created and selector == own)
    return "Ingress" in (policy.spec.get("policyTypes") or ["Ingress"]) and everything


def _limits_cpu_and_memory(quota: Resource) -> bool:
    hard = quota.spec.get("hard") or {}
    return {"limits.cpu", "limits.memory"} <= set(hard)
