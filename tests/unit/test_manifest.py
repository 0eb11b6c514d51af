"""What the pure part makes of a configuration."""

import json
from typing import Any

import pytest
from elastic_state import Group

from components.configuration import parse
from components.manifests.declared import DeclaredCluster
from tests.support.declared import workspace


def target(cluster: dict[str, Any] | None = None, name: str = "analytics", **place: Any) -> DeclaredCluster:
    settings = parse({"clusters": {name: cluster or {}}, "namespace": {"podSecurity": "privileged"}})
    return DeclaredCluster(name, settings.clusters[name], workspace(**place))


def container(body: dict[str, Any], role: str) -> dict[str, Any]:
    return body["spec"][role]["spec"]["containers"][0]


def env(box: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["value"] for item in box["env"] if "value" in item}


class TestDaskCluster:
    def test_it_runs_the_commands_of_todays_dask(self) -> None:
        body = target().dask_cluster

        assert container(body, "scheduler")["args"][:2] == ["dask", "scheduler"]
        assert container(body, "worker")["args"][:4] == ["dask", "worker", "--name", "$(DASK_WORKER_NAME)"]

    def test_every_port_of_the_tutorial_is_settable(self) -> None:
        cluster = {
            "scheduler": {"port": 9786, "dashboardPort": 9787},
            "workers": {"dashboardPort": 9788, "port": 9000},
        }
        body = target(cluster).dask_cluster

        assert "9786" in container(body, "scheduler")["args"]
        assert "every-address:9787" in container(body, "scheduler")["args"]
        assert "every-address:9788" in container(body, "worker")["args"]
        assert {port["containerPort"] for port in container(body, "worker")["ports"]} == {9788, 9000}

    def test_workers_find_their_own_scheduler_whatever_its_port(self) -> None:
        made = target({"scheduler": {"port": 9786}})
        body = made.dask_cluster
        ports = {port["name"]: port for port in body["spec"]["scheduler"]["service"]["ports"]}

        assert env(container(body, "worker"))["DASK_SCHEDULER_ADDRESS"] == (
            f"tcp://{made.physical_name}-scheduler.lab.svc:8786"
        )
        assert ports["comm"]["port"] == 8786
        assert ports["comm"]["targetPort"] == "tcp-comm"

    @pytest.mark.parametrize(
        ("cluster", "name"),
        [({}, "comm"), ({"workers": {"minimum": 1, "maximum": 2}}, "tcp-comm")],
    )
    def test_the_operator_finds_the_scheduler_only_where_it_has_to(self, cluster: dict[str, Any], name: str) -> None:
        service = target(cluster).dask_cluster["spec"]["scheduler"]["service"]

        assert [port["name"] for port in service["ports"]] == [name, "http-dashboard"]

    def test_a_volume_comes_with_its_mount_on_scheduler_and_workers(self) -> None:
        volume = {"name": "data", "hostPath": "/srv/data", "mountPath": "/data", "readOnly": True}
        body = target({"volumes": [volume]}).dask_cluster

        for role in ("scheduler", "worker"):
            assert body["spec"][role]["spec"]["volumes"] == [
                {"name": "data", "hostPath": {"path": "/srv/data", "type": "DirectoryOrCreate"}}
            ]
            assert container(body, role)["volumeMounts"] == [{"name": "data", "mountPath": "/data", "readOnly": True}]

    def test_packages_become_the_variables_of_the_upstream_image(self) -> None:
        packages = {"conda": ["optuna", "scikit-learn"], "pip": ["s3fs"], "apt": ["git"]}
        values = env(container(target({"packages": packages}).dask_cluster, "worker"))

        assert values["EXTRA_CONDA_PACKAGES"] == "optuna scikit-learn"
        assert values["EXTRA_PIP_PACKAGES"] == "s3fs"
        assert values["EXTRA_APT_PACKAGES"] == "git"

    def test_a_role_overrides_what_it_inherits(self) -> None:
        cluster = {
            "env": {"A": "cluster", "B": "cluster"},
            "image": "dask:1",
            "workers": {"env": {"A": "workers"}, "image": "dask:2"},
        }
        body = target(cluster).dask_cluster

        assert env(container(body, "worker")) | {"A": "workers", "B": "cluster"} == env(container(body, "worker"))
        assert env(container(body, "scheduler"))["A"] == "cluster"
        assert (container(body, "scheduler")["image"], container(body, "worker")["image"]) == ("dask:1", "dask:2")

    def test_workers_know_their_threads_and_memory(self) -> None:
        body = target({"workers": {"resources": {"cpu": "1500m", "memory": "2Gi"}}}).dask_cluster
        args = container(body, "worker")["args"]

        assert args[args.index("--nthreads") + 1] == "2"
        assert args[args.index("--memory-limit") + 1] == str(2 * 2**30)

    def test_every_worker_retires_before_it_goes(self) -> None:
        body = target({"workers": {"terminationGracePeriod": "30s"}}).dask_cluster
        hook = container(body, "worker")["lifecycle"]["preStop"]["exec"]["command"]

        assert hook[:2] == ["sh", "-c"]
        assert "retire_workers" in hook[-1]
        assert env(container(body, "worker"))["DASK_RETIRE_SECONDS"] == "25"
        assert body["spec"]["worker"]["spec"]["terminationGracePeriodSeconds"] == 30

    def test_a_scheduler_listens_on_ipv6_as_well(self) -> None:
        assert "--host" not in container(target().dask_cluster, "scheduler")["args"]

    def test_a_scheduler_is_restarted_after_a_long_silence_only_and_not_during_its_start(self) -> None:
        box = container(target().dask_cluster, "scheduler")
        liveness, startup = box["livenessProbe"], box["startupProbe"]

        assert liveness["periodSeconds"] * liveness["failureThreshold"] == 20 * 60
        assert startup["periodSeconds"] * startup["failureThreshold"] == 30 * 60

    def test_a_null_in_the_pod_template_removes_what_is_set_here(self) -> None:
        """OpenShift gives user ids of its own range to pods that ask for none."""
        cluster = {"podTemplate": {"securityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None}}}
        made = target(cluster, restricted=True)
        specs = [made.dask_cluster["spec"][role]["spec"] for role in ("scheduler", "worker")]
        specs.append(made.verify_job["spec"]["template"]["spec"])

        for spec in specs:
            assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}

    def test_the_pod_template_is_laid_over_by_container_name(self) -> None:
        overlay = {"hostNetwork": True, "containers": [{"name": "worker", "tty": True}, {"name": "side", "image": "x"}]}
        spec = target({"workers": {"podTemplate": overlay}}).dask_cluster["spec"]["worker"]["spec"]

        assert spec["hostNetwork"] is True
        assert [(box["name"], box.get("tty")) for box in spec["containers"]] == [("worker", True), ("side", None)]
        assert spec["containers"][0]["args"][:2] == ["dask", "worker"]

    def test_dasks_configuration_becomes_its_environment(self) -> None:
        config = {
            "distributed": {"worker": {"memory": {"target": 0.7}}, "http-timeout": "5s"},
            "list": [1, "a"],
            "text": "5",
        }
        values = env(container(target({"daskConfig": config}).dask_cluster, "scheduler"))

        assert values["DASK_DISTRIBUTED__WORKER__MEMORY__TARGET"] == "0.7"
        assert values["DASK_DISTRIBUTED__HTTP_TIMEOUT"] == "5s"
        assert values["DASK_LIST"] == "[1, 'a']"
        # Without the quotes Dask would read a number.
        assert values["DASK_TEXT"] == "'5'"

    def test_a_restricted_namespace_gets_restricted_pods(self) -> None:
        spec = target(restricted=True).dask_cluster["spec"]["scheduler"]["spec"]

        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}

    def test_tls_gives_every_role_its_own_leaf(self) -> None:
        made = target({"tls": {"enabled": True}})
        body = made.dask_cluster

        worker = env(container(body, "worker"))
        assert worker["DASK_SCHEDULER_ADDRESS"].startswith("tls://")
        assert worker["DASK_DISTRIBUTED__COMM__TLS__WORKER__CERT"] == "/etc/dask-tls/worker.crt"
        scheduler = body["spec"]["scheduler"]["spec"]["volumes"][0]["secret"]
        assert scheduler["secretName"] == "analytics-tls-1"
        assert {item["key"] for item in scheduler["items"]} == {"ca.crt", "scheduler.crt", "scheduler.key"}

    def test_a_secret_of_the_stack_goes_by_its_name_in_kubernetes(self) -> None:
        cluster = {
            "envFrom": [{"secret": "db"}, {"secret": "existing"}],
            "volumes": [{"name": "keys", "secret": "db", "mountPath": "/keys"}],
        }
        body = target(cluster, secrets=(("db", "db-1234abcd"),)).dask_cluster

        sources = [source["secretRef"]["name"] for source in container(body, "worker")["envFrom"]]
        assert sources == ["db-1234abcd", "existing"]
        assert body["spec"]["worker"]["spec"]["volumes"][0]["secret"]["secretName"] == "db-1234abcd"


def test_the_autoscaler_knows_every_group_and_the_bounds_of_those_that_follow_the_work() -> None:
    made = target({"workers": {"minimum": 1, "maximum": 4, "threads": 2}, "workerGroups": {"fixed": {}}})
    [account, role, binding, deployment] = made.autoscaler
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    env = {item["name"]: item["value"] for item in container["env"]}
    groups = [Group(**it) for it in json.loads(env["ELASTIC"])["groups"]]

    assert [body["kind"] for body in (account, role, binding)] == ["ServiceAccount", "Role", "RoleBinding"]
    assert groups[0] == Group(made.default_group, True, 1, 4, 60, threads=2)
    assert [(it.name, it.elastic) for it in groups[1:]] == [
        (it["metadata"]["name"], False) for it in made.worker_groups.values()
    ]
    assert target().autoscaler == []


def test_the_bounds_change_the_autoscaler_and_no_other_object() -> None:
    one, two = (target({"workerGroups": {"b": {"minimum": 1, "maximum": most}}}) for most in (2, 3))

    changed = [old["kind"] for old, new in zip(one.bodies, two.bodies, strict=True) if old != new]

    assert changed == ["Deployment"]


def test_a_name_as_long_as_allowed_fits_everything_the_operator_makes_of_it() -> None:
    made = target({"workerGroups": {"g": {}}}, name="a" * 43)

    names = [made.physical_name + "-scheduler", *made.expected_workers]

    assert max(map(len, names)) <= 63
