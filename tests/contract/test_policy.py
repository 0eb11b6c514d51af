"""The guard rails: production passes all of them, and each mistake is caught by the rule that is there for it."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from pulumi.runtime.proto.analyzer_pb2 import AnalyzerStackConfigureRequest
from pulumi.runtime.proto.analyzer_pb2_grpc import AnalyzerServicer
from pulumi.runtime.rpc import UNKNOWN as PULUMI_UNKNOWN
from pulumi_policy import EnforcementLevel
from pulumi_policy.proxy import unknown_checking_proxy

from policy.guardrails import pack, strictness
from policy.guardrails.resource import UNKNOWN, Resource, Stack, plain
from tests.contract.rendering import Body, program_objects, stack_config

Mistake = Callable[[list[Body]], object]


@pytest.fixture(scope="module")
def production() -> list[Body]:
    """What the program registers for Pulumi.prod.yaml, with its operator's release."""
    operator = stack_config("prod")["operator"]
    release = {
        "kind": "Release",
        "name": "dask-operator",
        "values": {"image": {"name": "o", **operator["image"]}},
    }
    return [*program_objects({"prod": stack_config("prod")})["prod"], release]


def broken_rules(bodies: list[Body], protect: bool = True, **config: Any) -> set[str]:
    """The names of the policies that the objects violate."""
    resources = [Resource(_type(body), body, urn=str(n), protect=protect) for n, body in enumerate(bodies)]
    one = {name for name, rule in pack.ONE.items() for item in resources if list(rule(item, config))}
    return one | {name for name, rule in pack.STACK.items() if list(rule(Stack(resources, config)))}


def _type(body: Body) -> str:
    api = body.get("apiVersion", "helm.sh/v3")
    return f"kubernetes:{api if '/' in api else f'core/{api}'}:{body['kind']}"


def only(bodies: list[Body], kind: str) -> Body:
    """The one object of a kind, or the first."""
    return next(body for body in bodies if body["kind"] == kind)


def pod(bodies: list[Body], role: str = "scheduler") -> dict[str, Any]:
    return only(bodies, "DaskCluster")["spec"][role]["spec"]


def box(bodies: list[Body], role: str = "scheduler") -> dict[str, Any]:
    return pod(bodies, role)["containers"][0]


def set_env(bodies: list[Body], name: str, value: str) -> None:
    box(bodies)["env"].append({"name": name, "value": value})


def expose(bodies: list[Body], **spec: Any) -> None:
    only(bodies, "Service")["spec"].update({"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8"]} | spec)


def drop(bodies: list[Body], kind: str) -> None:
    bodies.remove(only(bodies, kind))


def no_tls(bodies: list[Body]) -> None:
    set_env(bodies, "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION", "False")


def http_api(bodies: list[Body]) -> None:
    set_env(bodies, "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES", "['distributed.http.scheduler.api']")


def ingress(bodies: list[Body], **annotations: str) -> None:
    service = {"name": only(bodies, "Service")["metadata"]["name"], "port": {"number": 8787}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": {"service": service}}]
    leads(bodies, "Ingress", {"rules": [{"host": "a.example.com", "http": {"paths": paths}}]}, annotations)


def route(bodies: list[Body], **annotations: str) -> None:
    backend = {"name": only(bodies, "Service")["metadata"]["name"], "port": 8787}
    leads(bodies, "HTTPRoute", {"rules": [{"backendRefs": [backend]}]}, annotations)


def leads(bodies: list[Body], kind: str, spec: Body, annotations: dict[str, str]) -> None:
    metadata = only(bodies, "Service")["metadata"] | {"name": "dashboard", "annotations": annotations}
    bodies.append({"apiVersion": "example.com/v1", "kind": kind, "metadata": metadata, "spec": spec})


ENFORCE = "pod-security.kubernetes.io/enforce"
LATEST = {"images-never-float", "images-pinned-by-digest"}
MISTAKES: dict[str, tuple[Mistake, set[str]]] = {
    "an image without a tag": (lambda all: box(all).update(image="dask"), LATEST),
    "the tag latest": (lambda all: box(all, "worker").update(image="localhost:5000/dask:latest"), LATEST),
    "a tag alone": (lambda all: box(all).update(image="dask:2026.8.0"), {"images-pinned-by-digest"}),
    "a tag alone in the verify Job": (
        lambda all: only(all, "Job")["spec"]["template"]["spec"]["containers"][0].update(image="dask:1"),
        {"images-pinned-by-digest"},
    ),
    "a tag alone in the operator's release": (
        lambda all: only(all, "Release")["values"]["image"].update(tag="2026.3.0"),
        {"images-pinned-by-digest"},
    ),
    "a privileged container": (
        lambda all: box(all)["securityContext"].update(privileged=True),
        {"pods-keep-pod-security"},
    ),
    "a directory of the node": (
        lambda all: pod(all)["volumes"].append({"name": "data", "hostPath": {"path": "/srv"}}),
        {"pods-keep-pod-security"},
    ),
    "a service account's token": (lambda all: pod(all).pop("automountServiceAccountToken"), {"pods-have-no-token"}),
    "no limits": (lambda all: box(all).pop("resources"), {"containers-are-limited"}),
    "no limit on memory": (lambda all: box(all)["resources"]["limits"].pop("memory"), {"containers-are-limited"}),
    "a namespace that enforces the baseline": (
        lambda all: only(all, "Namespace")["metadata"]["labels"].update({ENFORCE: "baseline"}),
        {"namespaces-are-restricted"},
    ),
    "a load balancer for everyone": (
        lambda all: expose(all, loadBalancerSourceRanges=None),
        {"load-balancers-have-ranges"},
    ),
    "a load balancer for 0.0.0.0/0": (
        lambda all: expose(all, loadBalancerSourceRanges=["10.0.0.0/8", "0.0.0.0/0"]),
        {"load-balancers-have-ranges"},
    ),
    "plain tcp inside of Kubernetes": (no_tls, {"clusters-are-encrypted"}),
    "plain tcp behind a NodePort": (
        lambda all: (no_tls(all), expose(all, type="NodePort")),
        {"clusters-are-encrypted", "exposed-only-with-tls"},
    ),
    "a certificate of unknown origin": (lambda all: drop(all, "Secret"), {"clusters-are-encrypted"}),
    "the HTTP API behind a load balancer": (
        lambda all: (http_api(all), expose(all)),
        {"no-api-on-exposed-dashboards"},
    ),
    "an Ingress to the dashboard without a login": (ingress, {"dashboards-ask-for-a-login"}),
    "an HTTPRoute to the dashboard without a login": (route, {"dashboards-ask-for-a-login"}),
    "no network policy": (lambda all: drop(all, "NetworkPolicy"), {"namespaces-are-guarded"}),
    "a network policy for some pods only": (
        lambda all: only(all, "NetworkPolicy")["spec"].update(podSelector={"matchLabels": {"a": "b"}}),
        {"namespaces-are-guarded"},
    ),
    "a network policy elsewhere": (
        lambda all: only(all, "NetworkPolicy")["metadata"].update(namespace="other"),
        {"namespaces-are-guarded"},
    ),
    "no quota": (lambda all: drop(all, "ResourceQuota"), {"namespaces-are-guarded"}),
    "a quota on pods only": (
        lambda all: only(all, "ResourceQuota")["spec"].update(hard={"pods": "10"}),
        {"namespaces-are-guarded"},
    ),
}


LOGINS = [
    (ingress, "nginx.ingress.kubernetes.io/auth-url"),
    (ingress, "traefik.ingress.kubernetes.io/router.middlewares"),
    (ingress, "alb.ingress.kubernetes.io/auth-type"),
    (route, "dask-on-kubernetes/login"),
]


class TestRules:
    @pytest.mark.parametrize(("lead", "annotation"), LOGINS)
    def test_a_dashboard_behind_a_login_passes(self, production: list[Body], lead: Any, annotation: str) -> None:
        bodies = copy.deepcopy(production)
        lead(bodies, **{annotation: "the login"})
        assert broken_rules(bodies) == set()

    def test_what_a_schedule_starts_is_judged_as_well(self, production: list[Body]) -> None:
        settings = {"image": "dask:1", "schedule": "@daily", "runner": {"script": "pass"}}
        raw = {"jobs": {"nightly": settings}, "namespace": stack_config("prod")["namespace"]}
        bodies = program_objects({"a": raw})["a"]

        # The schedule's own pod has limits, and a token that it needs.
        assert broken_rules(bodies) == {"images-pinned-by-digest", "containers-are-limited"}
        [cron_job] = [Resource(_type(it), it) for it in bodies if it["kind"] == "CronJob"]
        assert len(list(pack.ONE["images-pinned-by-digest"](cron_job, {}))) == 4  # with runner, scheduler and worker
        assert len(list(pack.ONE["containers-are-limited"](cron_job, {}))) == 3

    @pytest.mark.parametrize(
        ("kind", "name"), [("Deployment", "autoscaler"), ("Job", "autoscaler"), ("CronJob", "schedule")]
    )
    def test_a_token_is_for_pods_without_code_of_users(self, kind: str, name: str) -> None:

        def held(kind: str, name: str, **more: str) -> int:
            pod = {"containers": [{"name": name}], **more}
            resource = Resource(f"kubernetes:a/v1:{kind}", {"spec": {"template": {"spec": pod}}})
            return len(list(pack.ONE["pods-have-no-token"](resource, {})))

        assert held(kind, name, serviceAccountName="its-own") == 0
        assert held(kind, name) == held(kind, "worker", serviceAccountName="its-own") == 1
        assert held("DaskCluster", name, serviceAccountName="its-own") == 1

    def test_production_passes_every_rule(self, production: list[Body]) -> None:
        assert broken_rules(production) == set()

    @pytest.mark.parametrize("name", MISTAKES)
    def test_a_mistake_breaks_its_rule_and_no_other(self, production: list[Body], name: str) -> None:
        make, expected = MISTAKES[name]
        bodies = copy.deepcopy(production)

        make(bodies)

        assert broken_rules(bodies) == expected

    def test_every_rule_has_a_mistake_that_breaks_it(self) -> None:
        caught = set().union(*(rules for _, rules in MISTAKES.values())) | {
            "clusters-are-protected",
            "max-cost-per-hour",
        }

        assert caught == pack.ONE.keys() | pack.STACK.keys()

    def test_a_cluster_without_protection_is_caught(self, production: list[Body]) -> None:
        assert broken_rules(production, protect=False) == {"clusters-are-protected"}

    def test_a_protected_endpoint_stands_for_all_versions_of_its_cluster(self, production: list[Body]) -> None:
        bodies = [only(production, "DaskCluster"), only(production, "Service")]
        cluster, service = (Resource(_type(body), body, protect=body["kind"] == "Service") for body in bodies)

        assert list(pack.STACK["clusters-are-protected"](Stack([cluster, service]))) == []

    def test_in_somebody_elses_namespace_the_stacks_own_pods_count_and_the_quota_is_not_asked_for(
        self, production: list[Body]
    ) -> None:
        bodies = copy.deepcopy(production)
        policy = only(bodies, "NetworkPolicy")
        theirs = {"kind": "Namespace", "name": policy["metadata"]["namespace"]}
        policy["spec"]["podSelector"] = {
            "matchLabels": {"app.kubernetes.io/part-of": policy["metadata"]["labels"]["app.kubernetes.io/part-of"]}
        }
        assert broken_rules(bodies) == {"namespaces-are-guarded"}

        bodies[:] = [it for it in bodies if theirs != {"kind": it["kind"], "name": it.get("metadata", {}).get("name")}]
        drop(bodies, "ResourceQuota")

        assert broken_rules(bodies) == set()

    def test_an_exposed_dashboard_without_the_api_is_fine(self, production: list[Body]) -> None:
        bodies = copy.deepcopy(production)

        expose(bodies)

        assert broken_rules(bodies) == set()

    def test_a_secret_made_elsewhere_can_be_allowed_by_name(self, production: list[Body]) -> None:
        bodies = copy.deepcopy(production)
        name = only(bodies, "Secret")["metadata"]["name"]

        drop(bodies, "Secret")

        assert broken_rules(bodies, existingSecrets=[name]) == set()

    def test_an_exposed_notebook_is_caught(self, production: list[Body]) -> None:
        bodies = copy.deepcopy(production)
        selector = {"app.kubernetes.io/instance": "analytics", "dask.org/component": "notebook"}
        spec = {"type": "NodePort", "selector": selector, "ports": [{"port": 8888}]}

        bodies.append({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "lab"}, "spec": spec})

        assert broken_rules(bodies) == {"exposed-only-with-tls"}

    def test_the_baseline_allows_what_only_the_restricted_level_forbids(self, production: list[Body]) -> None:
        bodies = copy.deepcopy(production)

        box(bodies).pop("securityContext")

        assert broken_rules(bodies) == {"pods-keep-pod-security"}
        assert broken_rules(bodies, level="baseline") == set()

    def test_values_that_are_unknown_in_a_preview_break_no_rule(self) -> None:
        props = unknown_checking_proxy({"spec": {"clusterIP": PULUMI_UNKNOWN, "ports": [{"nodePort": PULUMI_UNKNOWN}]}})

        assert plain(props) == {"spec": {"clusterIP": UNKNOWN, "ports": [{"nodePort": UNKNOWN}]}}


PRICE = {"minimum": 2.0, "maximum": 12.5}


@pytest.mark.parametrize(
    ("costs", "config", "said"),
    [
        ([PRICE, PRICE], {"maximum": 25}, []),
        ([PRICE], {}, []),
        ([None], {}, []),
        ([], {"maximum": 1}, []),
        (
            [PRICE, PRICE],
            {"maximum": 24.9},
            [
                "the clusters cost up to 25.00 per hour, and 24.9 is the most; lower `replicas`, `maximum` or "
                "`resources`"
            ],
        ),
        ([PRICE, None], {"maximum": 25}, ["the cluster 'a1' has no price; set `dask:prices`"]),
    ],
)
def test_clusters_cost_at_most_what_the_policy_allows(
    costs: list[Any], config: dict[str, Any], said: list[str]
) -> None:
    clusters = [
        Resource("dask:k8s:Cluster", {"costPerHour": cost} if cost else {}, urn=f"urn:pulumi:x::dask::y::a{index}")
        for index, cost in enumerate(costs)
    ]

    assert [found.message for found in pack.STACK["max-cost-per-hour"](Stack(clusters, config))] == said


@pytest.mark.parametrize(
    ("config", "level"),
    [
        ({}, EnforcementLevel.ADVISORY),
        ({"dask:strict": "false"}, EnforcementLevel.ADVISORY),
        ({"dask:strict": "true"}, EnforcementLevel.MANDATORY),
        ({"other:strict": "true"}, EnforcementLevel.ADVISORY),
    ],
)
def test_both_ways_of_telling_a_stacks_config_set_the_same_level(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, str], level: EnforcementLevel
) -> None:
    monkeypatch.setattr(AnalyzerServicer, "ConfigureStack", AnalyzerServicer.ConfigureStack)
    policies, request = pack.policies(), AnalyzerStackConfigureRequest(config=config)
    strictness.follow_the_stack(policies)
    no_context: Any = None

    AnalyzerServicer().ConfigureStack(request, no_context)

    assert {policy.enforcement_level for policy in policies} == {level}
    assert strictness.from_environment(json.dumps(config)) == level
    assert strictness.from_environment(None) == EnforcementLevel.ADVISORY
