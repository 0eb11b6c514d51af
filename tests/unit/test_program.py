"""What the whole program registers for clusters and jobs, with which options, and what it exports."""

import pulumi
import pytest

from components.settings.mistakes import ConfigError
from tests.unit.api import FakeApi
from tests.unit.conftest import NODE, Program
from tests.unit.registrations import Recording, Registration

NODE_PORT = {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30786, "dashboard": 30787}}


def test_one_cluster_exports_the_contracts_outputs(program: Program) -> None:
    recording = program(clusters={"analytics": {"endpoint": NODE_PORT}})

    cluster = recording.outputs["clusters"]["analytics"]
    assert cluster["schedulerAddress"] == f"tcp://{NODE}:30786"
    assert cluster["dashboardUrl"] == f"http://{NODE}:30787/status"
    assert cluster["name"].startswith("analytics-")
    assert cluster["image"] == "ghcr.io/dask/dask:2026.8.0-py3.11"
    assert set(cluster) == {
        *("name", "namespace", "schedulerAddress", "dashboardUrl"),
        *("schedulerNodePort", "dashboardNodePort", "image"),
    }
    flat = {key: recording.outputs[key] for key in ("schedulerAddress", "schedulerNodePort", "dashboardNodePort")}
    assert flat == {"schedulerAddress": f"tcp://{NODE}:30786", "schedulerNodePort": 30786, "dashboardNodePort": 30787}


def test_ports_that_kubernetes_picks_are_in_the_outputs(program: Program) -> None:
    recording = program(clusters={"analytics": {"endpoint": {"type": "NodePort", "insecure": True}}})

    assert recording.outputs["schedulerNodePort"] == 31000
    assert recording.outputs["dashboardNodePort"] == 31001


def test_two_clusters_have_no_flat_outputs(program: Program) -> None:
    recording = program(clusters={"a": {}, "b": {}})

    assert set(recording.outputs) == {"namespace", "clusters"}
    assert recording.outputs["clusters"]["a"]["schedulerAddress"] == "tcp://a.dask.svc:8786"


def test_the_endpoint_waits_for_the_computed_result(program: Program) -> None:
    recording = program(clusters={"analytics": {}})

    job = recording.only("Job")
    assert job.name in recording.only("Service").depends_on
    assert recording.only("DaskCluster").name in job.depends_on
    assert "analytics-endpoint" in recording.made["analytics-connection"].depends_on


def test_the_verify_job_and_the_connection_record_carry_the_waits(program: Program) -> None:
    recording = program(clusters={"analytics": {}})

    job, connection = recording.only("Job").request, recording.made["analytics-connection"].request
    assert list(job.hooks.before_create) == ["ownership", "ask-first", f"{recording.only('Job').name}-service"]
    assert list(connection.hooks.before_update) == [
        "ownership-of-updates",
        "ask-first",
        "analytics-verified",
        "analytics-drain",
    ]
    assert list(connection.hooks.before_create) == ["ownership", "ask-first", "analytics-verified", "analytics-drain"]


def test_a_deletion_may_take_as_long_as_the_pods_grace_period(program: Program) -> None:
    workers = {"terminationGracePeriod": "30m"}
    recording = program(clusters={"a": {"workers": workers, "workerGroups": {"g": {"terminationGracePeriod": "1h"}}}})

    limits = {kind: recording.only(kind).request.customTimeouts.delete for kind in ("DaskCluster", "DaskWorkerGroup")}
    assert limits == {"DaskCluster": "2100s", "DaskWorkerGroup": "3900s"}


def test_a_policy_that_rewrites_the_verify_job_does_not_replace_it_in_every_run(program: Program) -> None:
    recording = program(clusters={"a": {}})

    assert list(recording.only("Job").request.ignoreChanges) == ["spec.template"]


def test_the_endpoint_is_looked_after_in_previews_too(program: Program) -> None:
    endpoint = program(clusters={"a": {}}).made["a-endpoint"].request.hooks

    assert "a-may-move" in endpoint.before_create
    assert "a-may-move" in endpoint.before_update
    assert list(endpoint.after_update) == ["a-has-moved"]


@pytest.mark.parametrize("verify", [True, False])
def test_an_endpoint_waits_for_a_ready_scheduler_where_nothing_is_verified(program: Program, verify: bool) -> None:
    endpoint = program(clusters={"a": {"verify": verify}}).made["a-endpoint"].request.hooks

    for hooks in (endpoint.before_create, endpoint.before_update):
        assert ("a-scheduler-ready" in hooks) != verify
        assert ("a-verified" in hooks) == verify


def test_no_resource_has_a_delete_hook(program: Program) -> None:
    """They would make `pulumi destroy` need `--run-program`."""
    recording = program(clusters={"analytics": {}}, jobs={"once": {"runner": {"script": "print(1)"}}})

    hooks = [made.request.hooks for made in recording.registrations]
    assert not [hook for hook in hooks if list(hook.before_delete) or list(hook.after_delete)]


def test_a_blue_green_cluster_is_another_resource_when_its_pods_change(program: Program) -> None:
    """Not a replacement: the engine no longer knows what it has replaced, so a failed `up` could not be taken back."""
    before = program(clusters={"a": {}}).only("DaskCluster")
    after = program(clusters={"a": {"env": {"X": "1"}}}).only("DaskCluster")

    assert before.name != after.name
    assert after.name == after.inputs["metadata"]["name"]
    assert not after.request.deleteBeforeReplace


def test_recreate_replaces_the_same_name_and_deletes_first(program: Program) -> None:
    before = program(clusters={"a": {"update": "recreate"}}).only("DaskCluster")
    after = program(clusters={"a": {"update": "recreate", "env": {"X": "1"}}}).only("DaskCluster")

    assert before.name == after.name == "a"
    assert after.request.deleteBeforeReplace
    triggers = [made.request.replacement_trigger.string_value for made in (before, after)]
    assert triggers[0] != triggers[1]


def test_an_autoscaled_cluster_leaves_its_replicas_to_the_autoscaler(program: Program) -> None:
    recording = program(clusters={"a": {"workers": {"minimum": 1, "maximum": 3}}})

    assert list(recording.only("DaskCluster").request.ignoreChanges) == ["spec.worker.replicas"]
    [autoscaler] = recording.of_kind("Deployment")
    assert '"maximum": 3' in str(autoscaler.inputs["spec"])
    assert {it.request.type for it in recording.of_kind("Role")} == {"kubernetes:rbac.authorization.k8s.io/v1:Role"}


def test_a_group_that_follows_the_work_leaves_its_replicas_to_the_autoscaler(program: Program) -> None:
    recording = program(clusters={"a": {"workerGroups": {"b": {"minimum": 1, "maximum": 3}, "c": {}}}})

    ignored = {it.name.split("-")[-2]: list(it.request.ignoreChanges) for it in recording.of_kind("DaskWorkerGroup")}
    assert ignored == {"b": ["spec.worker.replicas"], "c": []}
    assert list(recording.only("DaskCluster").request.ignoreChanges) == []


def test_a_protected_cluster_keeps_its_endpoint_and_can_still_be_updated(program: Program) -> None:
    """Old versions of the cluster have to go, so it is the endpoint that is protected."""
    recording = program(clusters={"a": {"protect": True}, "b": {}})

    assert recording.made["a-endpoint"].request.protect
    assert not recording.made["b-endpoint"].request.protect
    assert not [made for made in recording.of_kind("DaskCluster") if made.request.protect]


def test_an_adopted_cluster_is_imported_as_it_runs_with_the_declared_number_of_workers(
    program: Program, kubernetes: FakeApi
) -> None:
    ports = [{"name": "tcp-comm", "containerPort": 8786}, {"name": "http-dashboard", "containerPort": 8787}]
    scheduler = {"spec": {"containers": [{"name": "scheduler", "image": "mine:1", "ports": ports}]}}
    worker = {"spec": {"containers": [{"name": "worker", "image": "mine:1"}]}}
    live = {"metadata": {"name": "a"}, "spec": {"scheduler": scheduler, "worker": worker | {"replicas": 5}}}
    kubernetes.answers["apis/kubernetes.dask.org/v1/namespaces/dask/daskclusters/a"] = live

    recording = program(clusters={"a": {"adopt": True, "update": "recreate", "workers": {"replicas": 2}}})

    made = recording.only("DaskCluster")
    assert made.request.importId == "dask/a"
    assert made.inputs["spec"] == {"scheduler": scheduler, "worker": worker | {"replicas": 2}}
    assert list(made.request.ignoreChanges) == []
    # They are there and not the stack's: that is what adoption is for.
    assert "ownership" not in made.request.hooks.before_create
    assert "ownership" not in recording.made["a-endpoint"].request.hooks.before_create


def test_tls_material_is_secret_and_stays(program: Program) -> None:
    recording = program(clusters={"a": {"tls": {"enabled": True}}})

    secret = recording.only("Secret")
    assert "stringData" in list(secret.request.ignoreChanges)
    assert secret.inputs["immutable"] is True
    assert _is_secret(secret)
    assert secret.name in recording.only("DaskCluster").depends_on


def _is_secret(made: Registration) -> bool:
    return any(
        "4dabf18193072939515e22adb298388d" in field.struct_value.fields
        for field in [*made.request.object.fields.values()]
        for field in [field, *field.struct_value.fields.values()]
    )


def test_values_of_secrets_are_secret_and_change_the_name(program: Program) -> None:
    before = program(secrets={"db": {"PASSWORD": "one"}}).only("Secret")
    after = program(secrets={"db": {"PASSWORD": "two"}}).only("Secret")

    assert _is_secret(before)
    assert before.name != after.name
    assert before.inputs["metadata"]["name"].startswith("db-")


def test_a_mistake_registers_nothing(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(Recording, "new_resource", lambda _, args: seen.append(args.name) or ("", {}))

    with pytest.raises(ConfigError) as refused:
        program(clusters={"a": {"workers": {"replicas": -1}}, "B": {}})

    assert len(refused.value.mistakes) == 2
    assert seen == []


def test_floating_images_are_warned_about(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_: told.append(message))

    program(clusters={"a": {"image": "dask:latest"}})

    assert "dask:clusters.a.image: 'dask:latest' is a mutable tag" in told[0]


def test_a_job_is_registered_with_its_end_awaited(program: Program) -> None:
    recording = program(jobs={"nightly": {"runner": {"script": "print(1)"}}})

    job = recording.only("DaskJob")
    assert job.name in recording.made["nightly-result"].depends_on
    hooks = list(recording.made["nightly-result"].request.hooks.before_create)
    assert hooks == ["ownership", "ask-first", "nightly-end"]
    assert recording.outputs["jobs"]["nightly"]["name"] == job.inputs["metadata"]["name"]


def test_a_job_with_a_schedule_is_a_cronjob_and_no_daskjob(program: Program) -> None:
    recording = program(jobs={"nightly": {"schedule": "@daily", "runner": {"script": "print(1)"}}})

    cron_job, role, binding = (recording.only(kind) for kind in ("CronJob", "Role", "RoleBinding"))
    assert not [*recording.of_kind("DaskJob"), *recording.of_kind("ConfigMap")]
    assert role.name in binding.depends_on
    assert binding.name in cron_job.depends_on
    assert list(cron_job.request.hooks.before_create) == ["ownership", "ask-first"]
    assert recording.outputs["jobs"]["nightly"] == {
        "name": "nightly",
        "namespace": "dask",
        "schedule": "@daily",
        "logs": "kubectl logs -n dask -l app.kubernetes.io/instance=nightly,dask.org/component=job-runner --prefix "
        "--tail=-1",
    }


def test_the_engine_gets_no_debug_messages_unless_asked_for(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK waits for each of seven per resource, and only `pulumi up --debug` shows them."""
    sent: list[str] = []

    def debug(words: str, *_: object) -> None:
        sent.append(words)

    monkeypatch.setattr(pulumi.log, "debug", debug)
    program(clusters={"a": {}})
    assert len(sent) < 10

    monkeypatch.setenv("DASK_ON_KUBERNETES_DEBUG", "1")
    monkeypatch.setattr(pulumi.log, "debug", debug)
    program(clusters={"a": {}})
    assert any("resource registration successful" in words for words in sent)
