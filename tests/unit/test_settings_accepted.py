"""What the configuration accepts, and what comes out of it."""

import time

import pytest

from components.configuration import parse, warnings
from components.settings.checks.paths import fields
from components.settings.checks.walker import UNKNOWN, Unknown
from components.settings.fields import Model
from components.settings.formats.quantities import seconds
from components.settings.pod import PodSettings, merge, merged
from tests.unit.badsettings.cases import Raw, cluster, endpoint
from tools.stackschema import models_by_name


def test_nothing_is_a_whole_configuration() -> None:
    settings = parse({})

    assert settings.namespace.name == "dask"
    assert settings.clusters == {}


def test_a_name_is_a_whole_cluster() -> None:
    made = parse({"clusters": {"analytics": {}}}).clusters["analytics"]

    assert made.image == "ghcr.io/dask/dask:2026.8.0-py3.11"
    assert made.workers.wanted == 1


@pytest.mark.parametrize(
    "raw",
    [
        {"secrets": {"creds": {"KEY": "x"}}} | cluster(envFrom=[{"secret": "creds"}]),
        cluster(envFrom=[{"secret": "made-elsewhere"}]),
        cluster(workers={"minimum": 0, "maximum": 1}),
        cluster(workers={"replicas": 0}),
        {"clusters": {"a" * 44: {}}},
        {"clusters": {"a" * 53: {"update": "recreate"}}},
        cluster(endpoint={"type": "NodePort"}, tls={"enabled": True}),
        cluster(drainTimeout="0s"),
        cluster(volumes=[{"name": "x", "mountPath": "/d", "pvc": "p"}], scheduler={"volumes": []}),
        {"namespace": {"name": "default", "create": False}},
        {"operator": {"watch": "all", "chart": "bundled"}},
        cluster(labels={"app.kubernetes.io/version": "1"}, nodeSelector={"kubernetes.io/arch": "arm64"}),
        cluster(packages={"pip": ["git+https://example.com/a/b@main", "dask[complete]==2026.8.0", "/wheels/x.whl"]}),
        cluster(
            affinity={"nodeAffinity": None}, podTemplate={"hostAliases": [{"ip": None}]}, daskConfig={"a": {"b": None}}
        ),
    ],
    ids=str,
)
def test_what_is_right_is_accepted(raw: Raw) -> None:
    assert parse(raw)


def test_a_floating_image_is_warned_about_where_it_is_written() -> None:
    settings = parse(cluster(image="dask:1", scheduler={"image": "dask"}, workerGroups={"b": {"image": "x:latest"}}))

    end = "is a mutable tag: its content can change without showing up in a preview; name a version or a digest"
    assert warnings(settings) == [
        f"dask:clusters.a.scheduler.image: 'dask' {end}",
        f"dask:clusters.a.workerGroups.b.image: 'x:latest' {end}",
    ]


UPSTREAM = ("ghcr.io/dask/dask", "daskdev/dask")


@pytest.mark.parametrize("name", [*UPSTREAM, "registry.example.com:5000/team/dask"])
@pytest.mark.parametrize("python", ["-py3.9", "-py3.10", "-py3.10-ml", ""])
def test_an_image_with_an_old_python_is_warned_about_with_one_that_is_not(name: str, python: str) -> None:
    image = f"{name}:2026.8.0{python}"
    said = warnings(parse(cluster(image="x:1", workerGroups={"b": {"image": image}})))

    if python or name in UPSTREAM:
        (warning,) = said
        better = warning.rpartition("try '")[2].rstrip("'")
        assert warning.startswith(f"dask:clusters.a.workerGroups.b.image: '{image}' has a Python older than 3.11")
        assert better == f"{name}:2026.8.0-py3.11{'-ml' if python.endswith('ml') else ''}"
        assert warnings(parse(cluster(image=better))) == []
    else:
        assert said == []


@pytest.mark.parametrize("tag", ["2026.8.0-py3.11", "2026.8.0-py3.13", "latest-py3.12", "nightly", "2026.8.0-mine"])
def test_an_image_with_a_new_python_or_a_name_of_its_own_is_not(tag: str) -> None:
    assert warnings(parse(cluster(image=f"ghcr.io/dask/dask:{tag}"))) == []


@pytest.mark.parametrize("key", ["scheduler", "dashboard"])
def test_a_node_port_outside_of_the_usual_range_is_warned_about(key: str) -> None:
    (warning,) = warnings(parse(endpoint(nodePorts={key: 20086})))

    assert warning.startswith(f"dask:clusters.a.endpoint.nodePorts.{key}: 20086 is outside of 30000 to 32767")
    assert warnings(parse(endpoint(nodePorts={key: 30086}))) == []


def test_a_role_inherits_mappings_by_key_volumes_by_name_and_the_rest_whole() -> None:
    scratch, own = {"name": "x", "mountPath": "/x", "emptyDir": {}}, {"name": "x", "mountPath": "/y", "pvc": "p"}
    made = parse(
        cluster(
            env={"A": "1", "B": "1"},
            daskConfig={"distributed": {"worker": {"memory": {"target": 0.6}, "ttl": "1m"}}},
            volumes=[scratch, scratch | {"name": "z", "mountPath": "/z"}],
            tolerations=[{"operator": "Exists"}],
            resources={"cpu": "1"},
            workers={
                "env": {"B": "2"},
                "daskConfig": {"distributed": {"worker": {"memory": {"target": 0.7}}}},
                "volumes": [own],
                "tolerations": [],
                "resources": {"memory": "1Gi"},
            },
        )
    ).clusters["a"]

    pod = made.worker_pod(made.workers)

    assert pod.env == {"A": "1", "B": "2"}
    assert pod.dask_config == {"distributed": {"worker": {"memory": {"target": 0.7}, "ttl": "1m"}}}
    assert [(volume.name, volume.mount_path) for volume in pod.volumes] == [("x", "/y"), ("z", "/z")]
    assert pod.tolerations == ()
    assert pod.resources.all_limits() == {"memory": "1Gi"}


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse({}).strict = True  # pyright: ignore[reportAttributeAccessIssue]


def test_a_task_has_as_long_on_a_worker_that_leaves_as_on_a_cluster_that_is_replaced() -> None:
    made = parse({"clusters": {"a": {"workerGroups": {"g": {}}}}}).clusters["a"]

    periods = {seconds(it.termination_grace_period) for it in (made.workers, made.worker_groups["g"])}
    assert periods == {seconds(made.drain_timeout)}


@pytest.mark.parametrize("over", [PodSettings(), PodSettings(env={"B": "1"})], ids=str)
@pytest.mark.parametrize("field", ["env", "volumes", "pod_template", "dask_config"])
def test_a_rule_that_merges_something_unknown_ends_there(field: str, over: PodSettings) -> None:
    base = PodSettings(image="dask:1")
    vars(base)[field] = UNKNOWN

    assert merged("image", base, over) == "dask:1"
    with pytest.raises(Unknown):
        merge(base, over)


@pytest.mark.parametrize("model", models_by_name().values(), ids=lambda model: model.__name__)
def test_every_field_that_must_be_there_has_an_example_to_stand_in_for_it(model: type[Model]) -> None:
    """`checking` puts it in the place of a wrong value, to go on checking the rest."""
    for _, field in fields(model).values():
        assert field.examples or not field.is_required()


def test_a_hundred_clusters_are_read_in_well_under_a_second() -> None:
    one = cluster(
        volumes=[{"name": f"v{i}", "mountPath": f"/v{i}", "emptyDir": {}} for i in range(5)],
        env={f"A{i}": "1" for i in range(20)},
        workerGroups={f"g{i}": {"resources": {"cpu": "1", "memory": "1Gi"}} for i in range(3)},
    )["clusters"]["a"]

    begin = time.process_time()
    parse({"clusters": {f"c{i}": one for i in range(100)}})

    assert time.process_time() - begin < 3  # a third of a second, on a machine that is not busy
