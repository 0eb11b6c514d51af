"""The pods of the program's own programs (the verification, the autoscaler) follow what is said of the scheduler's."""

from typing import Any

import pytest

from tests.support.declared import declared
from tests.unit.pods import target

Body = dict[str, Any]
POD_RULES: Body = {
    "securityContext": {"runAsUser": 1000650000, "fsGroup": 1000650000},
    "affinity": {"nodeAffinity": {}},
    "nodeSelector": {"pool": "system"},
    "tolerations": [{"key": "spot", "operator": "Exists"}],
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    "schedulerName": "kai",
    "runtimeClassName": "gvisor",
    "priorityClassName": "low",
    "preemptionPolicy": "Never",
    "imagePullSecrets": [{"name": "mirror"}],
    "dnsPolicy": "ClusterFirstWithHostNet",
    "dnsConfig": {"nameservers": ["10.0.0.10"]},
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["lake"]}],
}
CONTAINER_RULES: Body = {
    "imagePullPolicy": "Always",
    "securityContext": {"readOnlyRootFilesystem": True},
}
RESTRICTED: Body = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
SETTINGS: Body = {
    "nodeSelector": {"pool": "system"},
    "tolerations": [{"key": "spot", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": POD_RULES["topologySpreadConstraints"],
    "priorityClass": "low",
    "imagePullSecrets": ["mirror"],
}
FIELDS = {"priorityClass": "priorityClassName"}


def templates(cluster: Body) -> dict[str, Body]:
    """The pods' templates by the name of their container."""
    made = declared("a", {"workers": {"minimum": 0, "maximum": 2}} | cluster)
    deployment = made.autoscaler[-1]
    found = {"verify": made.verify_job["spec"]["template"], "autoscaler": deployment["spec"]["template"]}
    return found | {"scheduler": made.dask_cluster["spec"]["scheduler"]}


def holds(asked: Any, found: Any) -> bool:
    """Whether everything that was asked for is there, beside what the program says itself."""
    if isinstance(asked, dict):
        return all(key in found and holds(value, found[key]) for key, value in asked.items())
    return all(item in found for item in asked) if isinstance(asked, list) else asked == found


@pytest.mark.parametrize("place", ["cluster", "scheduler"])
@pytest.mark.parametrize("helper", ["verify", "autoscaler", "scheduler"])
@pytest.mark.parametrize("key", POD_RULES)
def test_a_rule_about_pods_in_the_template_holds_for_them(key: str, helper: str, place: str) -> None:
    rule = {"podTemplate": {key: POD_RULES[key]}}

    pod = templates(rule if place == "cluster" else {"scheduler": rule})[helper]["spec"]

    assert holds(POD_RULES[key], pod.get(key))


@pytest.mark.parametrize("helper", ["verify", "autoscaler", "scheduler"])
@pytest.mark.parametrize("key", CONTAINER_RULES)
def test_a_rule_about_containers_in_the_template_holds_for_them(key: str, helper: str) -> None:
    box = {"name": "scheduler", key: CONTAINER_RULES[key]}

    [container] = templates({"scheduler": {"podTemplate": {"containers": [box]}}})[helper]["spec"]["containers"]

    assert container["name"] == helper
    assert holds(CONTAINER_RULES[key], container[key])


@pytest.mark.parametrize("helper", ["verify", "autoscaler", "scheduler"])
@pytest.mark.parametrize("key", SETTINGS)
def test_a_setting_of_the_scheduler_holds_for_them(key: str, helper: str) -> None:
    pods = templates({"scheduler": {key: SETTINGS[key]}})

    field = FIELDS.get(key, key)
    assert pods[helper]["spec"][field] == pods["scheduler"]["spec"][field]


@pytest.mark.parametrize("helper", ["verify", "autoscaler"])
def test_the_schedulers_labels_and_annotations_are_theirs(helper: str) -> None:
    given = {"labels": {"cost-center": "42"}, "annotations": {"example.com/owner": "me"}}

    metadata = templates({"scheduler": given})[helper]["metadata"]

    assert all(given[key].items() <= metadata[key].items() for key in given)


@pytest.mark.parametrize("helper", ["verify", "autoscaler", "scheduler"])
def test_a_command_that_sets_up_the_environment_runs_their_programs_too(helper: str) -> None:
    wrapper = ["sh", "-c", 'PATH=/opt/venv/bin:$PATH exec "$@"', "--"]
    template = {"containers": [{"name": "scheduler", "command": wrapper}]}

    [container] = templates({"scheduler": {"podTemplate": template}})[helper]["spec"]["containers"]

    assert container["command"] == wrapper
    assert container["args"][0] in ("python3", "dask")


def test_what_makes_a_scheduler_of_a_pod_is_not_theirs() -> None:
    args = ["scheduler", "--port", "8786", "--dashboard-address", "every-address:8787"]
    box = {"name": "scheduler", "command": ["dask"], "args": args, "ports": [{"name": "more", "containerPort": 1}]}
    more = {"name": "logs", "image": "logs:1", "securityContext": RESTRICTED}
    template = {"containers": [box, more], "restartPolicy": "Always", "volumes": [{"name": "v", "emptyDir": {}}]}
    plain, given = (templates({"scheduler": it} if it else {}) for it in ({}, {"podTemplate": template}))

    for helper in ("verify", "autoscaler"):
        one, two = plain[helper]["spec"], given[helper]["spec"]
        assert (two.keys(), two.get("restartPolicy")) == (one.keys(), one.get("restartPolicy"))
        [box], [same] = two["containers"], one["containers"]
        assert (box.keys(), box["args"], box["resources"]) == (same.keys(), same["args"], same["resources"])


def test_no_mesh_is_let_into_the_verification_unless_a_user_says_so() -> None:
    plain = target().verify_job["spec"]["template"]["metadata"]
    asked = target({"annotations": {"linkerd.io/inject": "enabled"}}).verify_job["spec"]["template"]["metadata"]

    assert (plain["labels"]["sidecar.istio.io/inject"], plain["annotations"]["linkerd.io/inject"]) == (
        "false",
        "disabled",
    )
    assert asked["annotations"]["linkerd.io/inject"] == "enabled"


@pytest.mark.parametrize(
    ("given", "requests", "limits"),
    [
        ({}, {"cpu": "100m", "memory": "256Mi"}, {"cpu": "2", "memory": "512Mi"}),
        ({"cpu": "500m"}, {"cpu": "500m", "memory": "256Mi"}, {"cpu": "500m", "memory": "512Mi"}),
        ({"limits": {"cpu": "50m"}}, {"cpu": "50m", "memory": "256Mi"}, {"cpu": "50m", "memory": "512Mi"}),
        ({"requests": {"cpu": "4"}}, {"cpu": "4", "memory": "256Mi"}, {"cpu": "4", "memory": "512Mi"}),
        ({"requests": {"cpu": "1"}}, {"cpu": "1", "memory": "256Mi"}, {"cpu": "2", "memory": "512Mi"}),
    ],
)
def test_the_verification_takes_the_resources_that_a_quota_leaves(given: Body, requests: Body, limits: Body) -> None:
    [container] = templates({"verifyResources": given})["verify"]["spec"]["containers"]

    assert container["resources"] == {"requests": requests, "limits": limits}
