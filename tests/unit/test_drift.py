"""What counts as drift."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from components.kube import chart
from components.lifecycle import drift
from components.lifecycle.difference import differences
from tests.support.declared import declared
from tests.unit.world import World, box, found, target

HIDDEN = "(a value that is not shown)"


@pytest.fixture
def world() -> World:
    return World(target())


def test_what_the_api_server_fills_in_is_no_difference() -> None:
    declared = {"containers": [{"name": "x", "image": "i", "env": [], "resources": {"limits": {"cpu": "1000m"}}}]}
    live = {
        "containers": [{"name": "x", "image": "i", "resources": {"limits": {"cpu": "1"}}, "imagePullPolicy": "Always"}],
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
    }

    assert list(differences(declared, live)) == []


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("image", "other:1", "containers[x].image: live 'other:1', declared 'i'"),
        ("args", ["b"], 'containers[x].args: live ["b"], declared nothing'),
        (
            "env",
            [{"name": "A", "value": "2"}],
            f"containers[x].env[A].value: live {HIDDEN}, declared {HIDDEN}",
        ),
        ("env", [], f"containers[x].env[A]: live nothing, declared {HIDDEN}"),
        (
            "readinessProbe",
            {"periodSeconds": 9},
            'containers[x].readinessProbe: live {"periodSeconds": 9}, declared noth',
        ),
        ("resources", {"limits": {"cpu": "2"}}, 'containers[x].resources.limits: live {"cpu": "2"}, declared nothing'),
        ("volumeMounts", [{"name": "v", "mountPath": "/w"}], "containers[x].volumeMounts: live"),
    ],
)
def test_a_field_changed_by_hand_is_named_with_both_values(field: str, value: Any, line: str) -> None:
    container = {"name": "x", "image": "i", "env": [{"name": "A", "value": "1"}], "resources": {}}

    [difference] = differences({"containers": [container]}, {"containers": [container | {field: value}]})

    assert str(difference).startswith(line)


@pytest.mark.parametrize(
    ("declared", "live"),
    [
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "A", "value": "hunter2"}]}),
        ({"env": [{"name": "A", "value": "hunter2"}]}, {"env": [{"name": "A", "value": "1"}]}),
        ({"env": [{"name": "A", "value": "hunter2"}]}, {}),
        ({}, {"env": [{"name": "A", "value": "hunter2"}]}),
        ({}, {"initContainers": [{"name": "side", "env": [{"name": "A", "value": "hunter2"}]}]}),
        ({"containers": []}, {"containers": [{"name": "side", "env": [{"name": "A", "value": "hunter2"}]}]}),
        ({"template": "x"}, {"template": {"spec": {"env": [{"name": "A", "value": "hunter2"}]}}}),
    ],
)
def test_no_variables_value_is_shown_wherever_it_stands(declared: Any, live: Any) -> None:
    lines = [str(difference) for difference in differences(declared, live)]

    assert lines
    assert not [line for line in lines if "hunter2" in line]


@pytest.mark.parametrize(
    ("declared", "added"),
    [
        ({"selector": {"app": "a"}}, {"selector": {"app": "a", "gone": "yes"}}),
        ({"selector": {"dask.org/cluster-name": "a"}}, {"selector": {"dask.org/cluster-name": "a", "x": "y"}}),
        ({"nodeSelector": {"disk": "ssd"}}, {"nodeSelector": {"disk": "ssd", "zone": "b"}}),
        ({"resources": {"limits": {"cpu": "1"}}}, {"resources": {"limits": {"cpu": "1", "nvidia.com/gpu": "1"}}}),
        ({"resources": {"requests": {"cpu": "1"}}}, {"resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}),
        ({"affinity": {"nodeAffinity": {"a": 1}}}, {"affinity": {"nodeAffinity": {"a": 1, "b": 2}}}),
        ({"affinity": {"nodeAffinity": {"a": 1}}}, {"affinity": {"nodeAffinity": {"a": 1}, "podAffinity": {"b": 2}}}),
    ],
)
def test_a_key_that_a_hand_has_added_to_a_mapping_without_defaults_is_seen(declared: Any, added: Any) -> None:
    assert list(differences(declared, declared)) == []
    assert len(list(differences(declared, added))) == 1


PODS = ("spec", "worker", "spec")
# What a hand may add without a trace: the API server refuses it, gives every object its own, or nothing runs otherwise.
UNSEEN = {
    "ephemeralContainers": "the API server refuses it in a template",
    "serviceAccount": "another name of serviceAccountName, which the API server gives it",
    "clusterIP": "each Service has its own",
    "clusterIPs": "each Service has its own",
    "ipFamilies": "from the cluster's networks",
    "ipFamilyPolicy": "from the cluster's networks",
    "sessionAffinityConfig": "none without a sessionAffinity",
    "topologyKeys": "no API server has it any more",
    "allocateLoadBalancerNodePorts": "refused without another type",
    "externalName": "refused without another type",
    "externalTrafficPolicy": "refused without another type",
    "healthCheckNodePort": "refused without another type",
    "loadBalancerClass": "refused without another type",
    "loadBalancerIP": "unused without another type",
    "loadBalancerSourceRanges": "unused without another type",
    "terminationMessagePath": "where last words are",
}


def schema_of(*steps: str) -> dict[str, Any]:
    """The fields of a part of the DaskCluster, which are those of Kubernetes' own types."""
    found = chart.schema(chart.bundled(), "DaskCluster")
    for step in steps:
        found = found["items"] if step == "items" else found["properties"][step]
    return found["properties"]


def sample(schema: dict[str, Any]) -> Any:
    """Something that a hand might write there."""
    if schema.get("x-kubernetes-int-or-string"):
        return 7
    kinds: dict[str, Any] = {"string": "by-hand", "integer": 7, "boolean": True, "object": {"x": "y"}}
    if schema["type"] == "array":
        return [{"name": "x"} if schema["items"].get("type") == "object" else "x"]
    return kinds[schema["type"]]


def unseen(add: Callable[[World, str, Any], None], declared: Mapping[str, Any], schema: dict[str, Any]) -> set[str]:
    """The fields that are not declared and that a hand can add without a word about them."""
    left: set[str] = set()
    for field in schema.keys() - declared.keys():
        world = World(target())
        add(world, field, sample(schema[field]))
        left |= set() if found(world) else {field}
    return left


def test_a_field_that_a_hand_has_added_to_the_pods_is_seen() -> None:
    spec = target().dask_cluster["spec"]["worker"]["spec"]

    def to_pod(world: World, field: str, value: Any) -> None:
        world.of("Deployment", "-scheduler")["spec"]["template"]["spec"][field] = value

    def to_container(world: World, field: str, value: Any) -> None:
        box(world.of("Deployment", "-scheduler"))[field] = value

    assert unseen(to_pod, spec, schema_of(*PODS)) <= UNSEEN.keys()
    assert unseen(to_container, spec["containers"][0], schema_of(*PODS, "containers", "items")) <= UNSEEN.keys()


@pytest.mark.parametrize("of_container", [True, False])
def test_a_right_that_a_hand_has_added_to_the_pods_is_seen(of_container: bool) -> None:
    for restricted in (True, False):
        groups = {"workers": {"replicas": 2}, "workerGroups": {"big": {"replicas": 1}}}
        world = World(declared("a", groups, restricted=restricted))
        pod = world.of("Deployment", "-scheduler")["spec"]["template"]["spec"]
        part = pod["containers"][0] if of_container else pod
        part["securityContext"] = part.get("securityContext", {}) | {"runAsNonRoot": False, "runAsUser": 0}

        assert any("securityContext" in line for line in found(world)), restricted


def test_a_field_that_a_hand_has_added_to_the_service_is_seen() -> None:
    service = target().dask_cluster["spec"]["scheduler"]["service"]

    def to_service(world: World, field: str, value: Any) -> None:
        world.of("Service", "-scheduler")["spec"][field] = value

    assert unseen(to_service, service, schema_of("spec", "scheduler", "service")) <= UNSEEN.keys()


def test_what_the_api_server_fills_in_there_is_none() -> None:
    world = World(target())
    world.of("Service", "-scheduler")["spec"] |= {"sessionAffinity": "None", "internalTrafficPolicy": "Cluster"}
    for path in [it for it in world.objects if "/deployments/" in it]:
        pod = world.objects[path]["spec"]["template"]["spec"]
        pod["terminationGracePeriodSeconds"] = pod.get("terminationGracePeriodSeconds", 30)
        filled = {"dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler"}
        pod |= filled | {"securityContext": pod.get("securityContext", {})}
        pod["containers"][0]["terminationMessagePath"] = "/dev/termination-log"

    assert found(world) == []


def test_a_volume_of_another_kind_is_a_difference() -> None:
    declared, live = [{"name": "v", "emptyDir": {}}], [{"name": "v", "hostPath": {"path": "/"}}]

    assert [str(it) for it in differences(declared, live)] == ['[v].hostPath: live {"path": "/"}, declared nothing']


def test_of_a_variable_given_twice_the_last_counts() -> None:
    declared = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]

    assert list(differences(declared, [{"name": "A", "value": "2"}])) == []


def test_what_the_operator_made_is_no_drift(world: World) -> None:
    assert found(world) == []


@pytest.mark.parametrize("adopt", [False, True])
def test_a_look_at_all_clusters_sees_of_one_what_a_look_at_it_sees(adopt: bool) -> None:
    """The operator's default group of an adopted cluster has no label at all."""
    world = World(target(adopt=adopt, update="recreate" if adopt else "blueGreen"))

    async def looks() -> tuple[Any, Any]:
        survey = await drift.survey(world, world.target.namespace)  # type: ignore[arg-type]
        return survey.of(world.target), await drift.look(world, world.target)  # type: ignore[arg-type]

    one, other = asyncio.run(looks())

    assert one == other
    assert len(one.groups) == 2
    assert len(one.deployments) == 4


def test_every_kind_of_drift_is_said_in_one_line(world: World) -> None:
    box(world.of("Deployment", "-scheduler"))["image"] = "other:1"
    box(world.objects[world.workers()[0]])["env"].append({"name": "DEBUG", "value": "1"})
    world.of("Service", "-scheduler")["spec"]["type"] = "NodePort"
    world.of("DaskWorkerGroup", "-default")["spec"]["worker"]["replicas"] = 5
    del world.objects[world.workers("big")[0]]

    lines = found(world)

    group = next(name for name in world.objects if "/daskworkergroups/" in name and "-big-" in name).rpartition("-")[2]
    assert lines == [
        "service/a-scheduler: type: live 'NodePort', declared 'ClusterIP'",
        f"daskworkergroup/a-big-{group}: workers: live 0, declared 1",
        "daskworkergroup/a-default: replicas: live 5, declared 2",
        "deployment/a-scheduler: containers[scheduler].image: live 'other:1', "
        "declared 'ghcr.io/dask/dask:2026.8.0-py3.11'",
        f"deployment/{world.workers()[0].rpartition('/')[2].replace(world.target.physical_name, 'a')}: "
        f"containers[worker].env[DEBUG]: live {HIDDEN}, declared nothing",
    ]


def test_replicas_that_the_file_has_just_changed_are_no_drift(world: World) -> None:
    """The physical name stays, because the number of workers is not part of it."""
    assert found(world, declared=target(workers={"replicas": 4})) == []


def test_while_the_operator_is_at_work_nothing_is_said_of_the_number(world: World) -> None:
    del world.objects[world.workers()[0]]
    world.of("DaskWorkerGroup", "-default")["metadata"]["annotations"] = {}

    assert found(world) == []


def test_a_cluster_that_the_operator_has_not_made_yet_has_no_drift(world: World) -> None:
    world.objects = {path: it for path, it in world.objects.items() if "/daskclusters/" in path}
    world.of("DaskCluster", world.target.physical_name)["status"] = {"phase": "Created"}

    assert found(world) == []


def test_a_cluster_that_is_itself_not_as_declared_says_nothing_of_its_pods() -> None:
    """Under `update: recreate` that is what a change of the file looks like before `up` has made it."""
    world = World(target(update="recreate"))

    assert found(world, declared=target(update="recreate", env={"NEW": "1"})) == []


def test_an_adopted_clusters_pods_are_held_against_its_own_spec() -> None:
    world = World(target(update="recreate", workerGroups={}))
    adopted = target(update="recreate", workerGroups={}, adopt=True, env={"DECLARED": "1"})

    before = found(world, declared=adopted)
    box(world.of("Deployment", "-scheduler"))["image"] = "other:1"

    assert [line.partition(":")[0] for line in before] == ["service/a-scheduler"]
    assert len(found(world, declared=adopted)) == 2


def test_an_autoscaled_number_is_the_autoscalers() -> None:
    elastic = target(workers={"minimum": 1, "maximum": 9}, workerGroups={})
    world = World(elastic)
    world.of("DaskWorkerGroup", "-default")["spec"]["worker"]["replicas"] = 6
    world._scale(world.of("DaskWorkerGroup", "-default"))

    assert found(world) == []
