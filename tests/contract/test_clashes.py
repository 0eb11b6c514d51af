"""No name that a user chooses becomes that of an object that the program, the operator or cert-manager creates."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from components.configuration import parse
from components.settings.mistakes import ConfigError
from tests.contract.rendering import kubernetes
from tests.unit.badsettings.cases import mistakes
from tests.unit.registrations import Body, Recording, registered

CREDENTIALS = {".dockerconfigjson": '{"auths": {"registry.example.com": {}}}'}
ELASTIC = {"minimum": 0, "maximum": 2}
PROXY = {"hostname": "dask.example.com", "ingressClass": "nginx", "login": "at the proxy"}
CLUSTER: dict[str, Any] = {
    "image": "ghcr.io/dask/dask:2026.8.0-py3.11",
    "workers": ELASTIC,
    "workerGroups": {"big": {}},
    "notebook": {},
    "endpoint": {"dashboard": PROXY},
    "tls": {"enabled": True},
    "monitors": {"enabled": True, "alerts": True, "grafana": True},
}
ISSUED = {"enabled": True, "issuer": {"name": "ca"}}
JOB = {"runner": {"script": "pass"}, "workers": ELASTIC, "tls": {"enabled": True}}
STACKS: dict[str, dict[str, Any]] = {
    "a new cluster for each change": {"clusters": {"x": CLUSTER}},
    "a cluster of one name": {"clusters": {"x": CLUSTER | {"update": "recreate"}}},
    "a suspended cluster": {"clusters": {"x": CLUSTER | {"update": "recreate", "suspended": True}}},
    "certificates of an issuer": {"clusters": {"x": CLUSTER | {"tls": ISSUED}}, "jobs": {"y": JOB | {"tls": ISSUED}}},
    "a job": {"jobs": {"x": JOB}},
    "a job with a schedule": {"jobs": {"x": JOB | {"schedule": "@daily"}}},
    "the operator in the same namespace": {
        "namespace": {"name": "dask-operator"},
        "operator": {"createNamespace": False},
        "clusters": {"x": {}},
    },
}
# How a user gives a name, and what else the entry has.
CHOSEN: dict[str, Any] = {
    "clusters": {"image": "ghcr.io/dask/dask:2026.8.0-py3.11"},
    "jobs": {"runner": {"script": "pass"}, "schedule": "@daily"},
    "serviceAccounts": {},
    "secrets": CREDENTIALS,
}


def program(raw: dict[str, Any]) -> Recording:
    with kubernetes():
        return registered(raw)


def made_by_others(body: Body) -> Iterator[tuple[str, str]]:
    """What the operator, cert-manager and Helm create because of an object, by kind and name."""
    kind, name = body["kind"], body["metadata"]["name"]
    if kind in ("DaskCluster", "DaskJob"):
        yield from ((it, f"{name}-scheduler") for it in ("Service", "Deployment"))
        yield "DaskWorkerGroup", f"{name}-default"
    if kind == "DaskJob":
        yield from (("DaskCluster", name), ("Pod", f"{name}-runner"))
    if kind == "Certificate":
        yield "Secret", body["spec"]["secretName"]


def everything(made: Recording) -> Counter[tuple[str, str, str]]:
    """Every object by kind, namespace and name."""
    found: Counter[tuple[str, str, str]] = Counter()
    for body in made.objects:
        space = body["metadata"].get("namespace", "")
        found[body["kind"], space, body["metadata"]["name"]] += 1
        found.update((kind, space, name) for kind, name in made_by_others(body))
    for release in made.of_kind("Release"):
        found["ServiceAccount", release.inputs["namespace"], f"{release.inputs['name']}-dask-kubernetes-operator"] += 1
    return found


def urns(made: Recording) -> Counter[tuple[str, str, str]]:
    return Counter((one.request.parent.split("::")[2], one.type, one.name) for one in made.registrations if one.parent)


def awake(stack: dict[str, Any]) -> dict[str, Any]:
    """The stack when nothing in it is suspended: what has a name then, has it for good."""
    return json.loads(json.dumps(stack).replace('"suspended": true', '"suspended": false'))


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("key", CHOSEN)
def test_a_name_of_the_programs_own_is_refused_or_does_no_harm(stack: str, key: str) -> None:
    base = STACKS[stack]
    given = {name for kind in ("clusters", "jobs") for name in base.get(kind, {})}
    names = {name for _, _, name in everything(program(awake(base)))} - given
    told = {name: mistakes(base | {key: base.get(key, {}) | {name: CHOSEN[key]}}) for name in sorted(names)}
    refused = {name for name, lines in told.items() if lines}
    harmless = dict.fromkeys(names - refused, CHOSEN[key])

    made = program(awake(base) | {key: base.get(key, {}) | harmless})

    assert harmless
    assert all(f"dask:{key}." in line and name in line for name, lines in told.items() for line in lines)
    assert [it for it, count in everything(made).items() if count > 1] == []
    assert [it for it, count in urns(made).items() if count > 1] == []


@pytest.mark.parametrize(
    ("stack", "key", "name"),
    [
        ("a cluster of one name", "clusters", "x-scheduler"),
        ("a cluster of one name", "clusters", "x-notebook"),
        ("a cluster of one name", "clusters", "x-dashboard"),
        ("a cluster of one name", "serviceAccounts", "x-autoscaler"),
        ("a suspended cluster", "serviceAccounts", "x-autoscaler"),
        ("a cluster of one name", "secrets", "x-notebook"),
        ("a cluster of one name", "secrets", "x-tls-1"),
        ("a job", "secrets", "x-tls-1"),
        ("a job with a schedule", "serviceAccounts", "x-schedule"),
        ("the operator in the same namespace", "serviceAccounts", "dask-operator-dask-kubernetes-operator"),
    ],
)
def test_what_would_clash_is_refused_by_name(stack: str, key: str, name: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(STACKS[stack] | {key: STACKS[stack].get(key, {}) | {name: CHOSEN[key]}})

    assert [line.partition(": ")[0] for line in error.value.mistakes] == [f"dask:{key}.{name}"]


def test_a_clash_is_reported_together_with_other_mistakes() -> None:
    raw = {"clusters": {"x": CLUSTER, "x-notebook": {}, "z": {"workers": {"replicas": "2"}}}}

    with pytest.raises(ConfigError) as error:
        parse(raw)

    assert [line.partition(": ")[0] for line in error.value.mistakes] == [
        "dask:clusters.x-notebook",
        "dask:clusters.z.workers.replicas",
    ]


def test_a_template_that_cannot_be_read_is_reported_and_ends_nothing() -> None:
    broken = {"podTemplate": {"containers": "scheduler"}}

    with pytest.raises(ConfigError) as error:
        parse({"clusters": {"x": CLUSTER | {"scheduler": broken}, "x-notebook": {}}})

    assert [line.partition(": ")[0] for line in error.value.mistakes] == [
        "dask:clusters.x.scheduler.podTemplate.containers"
    ]
