"""Rules hold for the pods as they will run: whatever `podTemplate` and `extraArgs` say, in every kind of pod."""

from typing import Any

import pytest

from components.configuration import parse
from components.lifecycle.pod_watch import all_pods
from components.manifests.declared import DeclaredCluster
from components.manifests.rendered import pods
from components.settings.checks.pod_promises import _OPTIONS, _ROUTES
from components.settings.pod_merge import KEYS, laid_over, overlay
from tests.support.declared import workspace
from tests.unit.badsettings.cases import Raw, cluster, job, mistakes, scratch, workers
from tests.unit.badsettings.templates import SECURE, box

ROLES: dict[str, tuple[str, Any]] = {
    "scheduler": ("scheduler", lambda said: cluster(scheduler=said)),
    "workers": ("worker", lambda said: cluster(workers=said)),
    "group": ("worker", lambda said: cluster(workerGroups={"g": said})),
    "job's scheduler": ("scheduler", lambda said: job(scheduler=said)),
    "job's workers": ("worker", lambda said: job(workers=said)),
    "runner": ("job", lambda said: job(runner={"script": "pass"} | said)),
}
OF_DASK = {role: found for role, found in ROLES.items() if found[0] != "job"}


def container(raw: Raw, role: str) -> dict[str, Any]:
    """The container of a role in the cluster `a`, as it will run."""
    made = next(made for render in pods(parse(raw)) if role in (made := render()).path)
    return made.pod["containers"][0]


def options() -> list[tuple[str, str, str]]:
    """Every option that would move something, for every role that could take it, alone and with a value."""
    return [
        (role, option, form)
        for role, (name, _) in OF_DASK.items()
        for option in _OPTIONS
        if (name, option) != ("scheduler", "--name")
        for form in ("extraArgs", "joined", "template", "shell")
    ]


@pytest.mark.parametrize(("role", "option", "form"), options())
def test_an_option_that_moves_what_the_program_relies_on_is_refused_wherever_it_is_written(
    role: str, option: str, form: str
) -> None:
    name, said = OF_DASK[role]
    own = next(it for render in pods(parse(said({}))) if (it := render()).plain["containers"][0]["name"] == name)
    args = own.plain["containers"][0]["args"]
    written: dict[str, Raw] = {
        "extraArgs": {"extraArgs": [option, "x"]},
        "joined": {"extraArgs": [f"{option}=x"]},
        "template": box(name, args=[*args, option, "x"]),
        "shell": box(name, command=["sh", "-c"], args=[f"exec {' '.join(args)} {option} x"]),
    }

    assert any(".extraArgs[0]: " in it or ".args[" in it for it in mistakes(said(written[form])))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("fields", [{"image": "other:1"}, {"env": [{"name": "DASK_SCHEDULER_ADDRESS", "value": "x"}]}])
def test_what_the_program_sets_in_its_container_stays_in_every_role(role: str, fields: Raw) -> None:
    name, said = ROLES[role]

    (mistake,) = mistakes(said(box(name, **fields)))

    assert ".podTemplate.containers[0]." in mistake


@pytest.mark.parametrize("role", OF_DASK)
@pytest.mark.parametrize("how", ["daskConfig", "env", "podTemplate"])
def test_pages_that_the_program_asks_are_served_in_every_role(role: str, how: str) -> None:
    name, said = OF_DASK[role]
    variable, _ = _ROUTES[name]
    of_dask = {"distributed": {name: {"http": {"routes": ["distributed.http.statics"]}}}}
    written: dict[str, Raw] = {
        "daskConfig": {"daskConfig": of_dask},
        "env": {"env": {variable: "['distributed.http.statics']"}},
        "podTemplate": box(name, env=[{"name": variable, "value": "['distributed.http.statics']"}]),
    }

    (mistake,) = mistakes(said(written[how]))

    assert "must contain distributed.http.health" in mistake


@pytest.mark.parametrize(
    "raw",
    [
        cluster(**box("worker", tty=True)),
        cluster(podTemplate={"containers": [{"name": "scheduler", "tty": True}]}, workers=box("worker", stdin=True)),
        cluster(workers=box("worker", command=["sh", "-c", 'PATH=/opt/venv/bin:$PATH exec "$@"', "--"])),
        cluster(scheduler=box("scheduler", readinessProbe={"exec": {"command": ["true"]}})),
        cluster(scheduler=box("scheduler", livenessProbe=None)),
        cluster(scheduler={"podTemplate": {"terminationGracePeriodSeconds": 5}}),
        workers(podTemplate={"terminationGracePeriodSeconds": 600}),
        cluster(podTemplate={"containers": [{"name": "side", "image": "x:1", "tty": None, **SECURE}]}),
        workers(extraArgs=["--resources", "GPU=1", "--memory-limit", "0", "--no-nanny"]),
        cluster(scheduler={"extraArgs": ["--idle-timeout", "1h", "--jupyter"]}),
    ],
    ids=str,
)
def test_what_takes_nothing_away_is_accepted(raw: Raw) -> None:
    assert mistakes(raw) == []


def test_a_worker_in_the_clusters_template_is_for_workers_only() -> None:
    raw = cluster(workerGroups={"g": {}}, **box("worker", env=[{"name": "A", "value": "1"}]))

    assert {"name": "A", "value": "1"} in container(raw, "workers")["env"]
    assert {"name": "A", "value": "1"} in container(raw, "g")["env"]
    assert {"name": "A", "value": "1"} not in container(raw, "scheduler")["env"]


def test_templates_of_the_cluster_and_of_the_role_are_joined_as_kubernetes_joins_them() -> None:
    common = {"containers": [{"name": "worker", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]}]}
    own = {"containers": [{"name": "worker", "env": [{"name": "B", "value": "2"}]}]}

    env = container(cluster(podTemplate=common, workers={"podTemplate": {"containers": own["containers"]}}), "workers")

    assert [it["value"] for it in env["env"] if it["name"] in ("A", "B")] == ["1", "2"]


A, B = {"name": "a"}, {"name": "b"}
MERGED: dict[str, tuple[list[Any], list[Any], list[Any]]] = {
    "env": ([A | {"value": "1"}], [A | {"valueFrom": {}}, B], [A | {"valueFrom": {}}, B]),
    "containers": ([A], [B, A | {"tty": True}], [A | {"tty": True}, B]),
    "initContainers": ([A], [B], [A, B]),
    "volumeMounts": ([A | {"mountPath": "/x"}], [B | {"mountPath": "/x"}], [B | {"mountPath": "/x"}]),
    "volumeDevices": ([A | {"devicePath": "/x"}], [B | {"devicePath": "/x"}], [B | {"devicePath": "/x"}]),
    "ports": (
        [A | {"containerPort": 1}],
        [{"containerPort": 1, "protocol": "TCP"}, {"containerPort": 1, "protocol": "UDP"}],
        [A | {"containerPort": 1, "protocol": "TCP"}, {"containerPort": 1, "protocol": "UDP"}],
    ),
    "volumes": ([A | {"emptyDir": {}}], [A | {"secret": {}}], [A | {"secret": {}}]),
    "imagePullSecrets": ([A], [B], [A, B]),
    "hostAliases": ([{"ip": "1"}], [{"ip": "2"}], [{"ip": "1"}, {"ip": "2"}]),
    "topologySpreadConstraints": (
        [{"topologyKey": "a"}],
        [{"topologyKey": "b"}],
        [*({"topologyKey": it} for it in "ab")],
    ),
    **{name: ([A], [B], [B]) for name in ("tolerations", "args", "command", "envFrom", "nameservers")},
}


def test_every_list_that_kubernetes_merges_is_in_the_table() -> None:
    assert MERGED.keys() >= KEYS.keys()


@pytest.mark.parametrize("field", MERGED)
def test_every_list_is_merged_by_its_own_key(field: str) -> None:
    base, over, made = MERGED[field]

    assert overlay({field: base}, {field: over}) == {field: made}


def test_a_null_removes_what_is_there() -> None:
    pod = {"containers": [{"name": "worker", "tty": True}], "securityContext": {"runAsUser": 1000, "fsGroup": 1}}

    made = laid_over(pod, {"securityContext": {"runAsUser": None}, "containers": [{"name": "worker", "tty": None}]})

    assert made == {"containers": [{"name": "worker"}], "securityContext": {"fsGroup": 1}}


def test_a_mount_of_a_volume_that_the_settings_have_is_accepted() -> None:
    raw = cluster(
        volumes=[scratch("one", "/data")], workers=box("worker", volumeMounts=[{"name": "one", "mountPath": "/other"}])
    )

    assert mistakes(raw) == []
    assert [it["mountPath"] for it in container(raw, "workers")["volumeMounts"]] == ["/data", "/other"]


class TestSeveralWorkersInAPod:
    def args(self, **said: Any) -> list[str]:
        return container(workers(**said), "workers")["args"]

    def test_they_share_the_pods_cpu_and_memory(self) -> None:
        args = self.args(processes=4, resources={"cpu": "6", "memory": "8Gi"})

        assert args[args.index("--nworkers") :][:6] == [
            *("--nworkers", "4", "--nthreads", "2"),
            *("--memory-limit", str(2 * 2**30)),
        ]

    def test_dask_cuda_starts_one_for_each_gpu_with_our_arguments_behind_it(self) -> None:
        resources = {"cpu": "8", "memory": "8Gi", "limits": {"nvidia.com/gpu": "2"}}
        args = self.args(command=["dask", "cuda", "worker"], resources=resources)

        assert args[:5] == ["dask", "cuda", "worker", "--name", "$(DASK_WORKER_NAME)"]
        assert args[args.index("--memory-limit") + 1] == str(4 * 2**30)
        assert not {"--nworkers", "--nthreads", "--worker-port"} & set(args)

    def test_all_of_them_are_verified(self) -> None:
        gpus = {"command": ["dask", "cuda", "worker"], "resources": {"limits": {"nvidia.com/gpu": "2"}}, "replicas": 3}
        made = parse(cluster(workers={"replicas": 2, "processes": 4}, workerGroups={"gpu": gpus})).clusters["a"]

        declared = DeclaredCluster("a", made, workspace())

        assert list(declared.expected_workers.values()) == [8, 6]
        assert list(all_pods(declared).values()) == [1, 2, 3]


@pytest.mark.parametrize(
    "written",
    [
        {"affinity": {"nodeAffinity": []}},
        {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}}},
        {"affinity": {"podAffinity": "x"}},
        {"topologySpreadConstraints": [{"maxSkew": "1"}]},
    ],
    ids=str,
)
def test_a_raw_setting_of_the_wrong_type_is_reported_and_read_by_no_other_rule(written: Raw) -> None:
    (mistake,) = mistakes(cluster(**written))

    assert " must be a" in mistake


MISSHAPEN: list[Raw] = [
    *({field: value} for field in ("containers", "initContainers", "volumes") for value in ("x", ["x"], {"name": "x"})),
    *({field: value} for field in ("tolerations", "securityContext", "affinity") for value in ("x", ["x"])),
    *({field: [{}]} for field in ("initContainers", "volumes")),
    {"containers": [{"image": "x:1"}]},
    {"containers": [{"name": 1}]},
    *({"containers": [{"name": "scheduler", field: value}]} for field in ("env", "ports") for value in ("x", ["x"])),
    {"containers": [{"name": "scheduler", "resources": {"limits": ["cpu"]}}]},
    {"containers": [{"name": "scheduler", "resources": {"limits": {"cpu": "many"}}}]},
]
ROOM: Raw = {"quota": {"cpu": "99", "memory": "99Gi", "pods": 99}, "limits": {"cpu": "1", "memory": "1Gi"}}


@pytest.mark.parametrize("template", MISSHAPEN, ids=str)
@pytest.mark.parametrize("namespace", [{}, ROOM], ids=["", "with a quota"])
def test_a_template_that_nothing_can_be_made_of_is_reported_at_its_place(template: Raw, namespace: Raw) -> None:
    elastic = {"minimum": 0, "maximum": 1}
    clusters = {"a": {"scheduler": {"podTemplate": template}, "workers": elastic}, "a-b": {}}

    found = mistakes({"namespace": namespace, "clusters": clusters})

    assert found
    assert all(line.startswith("dask:clusters.a.scheduler.podTemplate.") for line in found), found
