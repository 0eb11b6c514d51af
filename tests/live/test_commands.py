"""The commands of docs/changes.md through the real CLI, with work in flight: what each of them does to it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.live.conftest import NewStack
from tests.support.kubectl import Kubectl
from tests.support.runs import Run, names
from tests.support.stacks import Stack, good
from tests.support.wait import wait_until
from tests.support.work import Work, client, computes

NAMESPACE = "commands"
# As targets: any path of parents, and the end of a URN.
CLUSTERS, GROUPS = "**DaskCluster::*", "**DaskWorkerGroup::*"
JOBS, RECORD = "**Job::main-verify-*", "**::main-connection"
# The CLI hides `up --plan` without it.
EXPERIMENTAL = {"PULUMI_EXPERIMENTAL": "true"}


def declared(**over: Any) -> dict[str, Any]:
    endpoint = {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30891, "dashboard": 30892}}
    cluster = {
        "workers": {"replicas": 1, "threads": 2},
        "workerGroups": {"extra": {"replicas": 1, "threads": 1}},
        "envFrom": [{"secret": "lake"}],
        "endpoint": endpoint,
        "drainTimeout": "3m",
    }
    secrets = {"lake": {"KEY": "value"}}
    return {"namespace": {"name": NAMESPACE}, "secrets": secrets, "clusters": {"main": cluster | over}}


@pytest.fixture
def running(stack: Stack) -> Stack:
    stack.settle(**declared())
    return stack


def urns(stack: Stack, kind: str) -> list[str]:
    """The URNs of the state's resources of a kind, those of the program's own clusters and namespaces."""
    resources = json.loads(stack.cli("stack", "export"))["deployment"]["resources"]
    return [it["urn"] for it in resources if it["type"].rpartition(":")[2] == kind]


def up(stack: Stack, *arguments: str) -> Run:
    """`up` that may fail. The outputs are asked for anew."""
    return stack.start_up(*arguments).wait()


def test_preview_and_refresh_change_nothing(running: Stack) -> None:
    scheduler = running.scheduler()
    with client(running.address()) as connected:
        work = Work(connected, held=50, running=12)

        said = running.preview("--expect-no-changes")
        done = good(running.run("refresh", "--yes", "--skip-preview", "--expect-no-changes"))

        assert (said.changes, done.changes) == ([], [])
        assert work.intact()
    assert running.scheduler() == scheduler


def test_an_up_can_be_held_to_a_saved_plan_and_take_one_step_at_a_time(
    running: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "environment", running.environment | EXPERIMENTAL)
    plan, old = str(tmp_path / "plan.json"), running.cluster()["name"]
    said = running.configure(**declared(env={"FLAVOUR": "planned"})).preview("--save-plan", plan)
    with client(running.address()) as connected:
        work = Work(connected, held=20, running=6)

        started = running.start_up("--plan", plan, "--parallel", "1")
        wait_until(lambda: started.says(f"{old}: waiting for"), 240, "the replaced cluster is being drained")
        assert work.arrives()
    done = good(started.wait())

    assert done.changes == said.changes
    assert computes(running.address())
    running.unchanged()


def test_the_first_up_of_a_stack_cannot_be_held_to_a_plan_and_creates_nothing(
    new_stack: NewStack, kube: Kubectl, tmp_path: Path
) -> None:
    """The id of its state is random. The engine refuses it at the first step."""
    plan = str(tmp_path / "plan.json")
    keys = {"namespace": {"name": "planned"}, "operator": {"install": False}, "clusters": {"main": {}}}
    first = new_stack("planned").configure(**keys)
    first.environment = first.environment | EXPERIMENTAL

    first.preview("--save-plan", plan)
    done = up(first, "--plan", plan)

    assert done.code != 0
    assert "violates plan" in done.text, done.text
    assert not kube.get("namespaces", "--field-selector=metadata.name=planned")
    first.end()


@pytest.mark.parametrize("command", ["preview", "up"])
def test_a_mistake_in_the_stack_file_is_one_message_and_no_traceback(running: Stack, command: str) -> None:
    before = running.scheduler()
    running.configure(**declared(workers={"replica": 2}))

    run = running.run(command, *(["--yes", "--skip-preview"] if command == "up" else []))

    assert run.code != 0
    assert "dask:clusters.main.workers.replica" in run.text, run.text
    assert "did you mean 'replicas'" in run.text
    assert "Traceback" not in run.text
    assert run.changes == []
    assert running.scheduler() == before


@pytest.mark.parametrize("kind", ["DaskCluster", "Namespace", "Service"])
def test_a_replacement_under_the_same_name_is_refused(running: Stack, kind: str) -> None:
    scheduler, [urn] = running.scheduler(), urns(running, kind)
    with client(running.address()) as connected:
        work = Work(connected, held=20, running=6)

        said = running.run("preview", "--replace", urn)
        done = up(running, "--replace", urn)

        assert (said.code != 0) == (kind != "Service"), said.text
        assert done.code != 0
        assert "cannot be replaced" in done.text, done.text
        assert work.intact()
    running.unchanged()
    assert running.scheduler() == scheduler
    assert computes(running.address())


def test_a_taint_is_refused_and_can_be_taken_back(running: Stack) -> None:
    scheduler, [urn] = running.scheduler(), urns(running, "DaskCluster")
    running.cli("state", "taint", urn, "--yes")

    done = up(running)

    assert done.code != 0
    assert "`pulumi state untaint` takes a taint back" in done.text, done.text
    running.cli("state", "untaint", urn, "--yes")
    running.unchanged()
    assert running.scheduler() == scheduler


def test_a_target_that_leaves_out_the_endpoint_deletes_nothing(running: Stack, kube: Kubectl) -> None:
    old, scheduler = running.cluster()["name"], running.scheduler()
    running.configure(**declared(env={"FLAVOUR": "two"}))
    with client(running.address()) as connected:
        work = Work(connected, held=20, running=6)

        targets = [word for target in (CLUSTERS, GROUPS, JOBS, RECORD) for word in ("--target", target)]
        done = up(running, *targets)

        assert done.code != 0
        assert f"the endpoint leads to {old} and not to" in done.text, done.text
        assert len(kube.clusters(NAMESPACE)) == 2
        assert work.intact()
    assert kube.scheduler(NAMESPACE, old) == scheduler

    running.up()

    assert kube.clusters(NAMESPACE) == [running.cluster()["name"]] != [old]
    assert computes(running.address())


def test_what_is_deleted_from_the_state_is_taken_over_with_its_work(running: Stack) -> None:
    name, scheduler, [urn] = running.cluster()["name"], running.scheduler(), urns(running, "DaskCluster")
    with client(running.address()) as connected:
        work = Work(connected, held=20, running=6)
        running.cli("state", "delete", urn, "--target-dependents", "--yes")

        done = running.up()

        assert f"DaskCluster '{name}' already exists and belongs to this stack: taking it over" in done.text
        assert work.intact()
    assert running.scheduler() == scheduler


def test_a_state_moves_to_another_backend_with_its_id(running: Stack, tmp_path: Path) -> None:
    exported = tmp_path / "state.json"
    running.cli("stack", "export", "--show-secrets", "--file", str(exported))
    running.lose_state()
    running.cli("stack", "import", "--file", str(exported))

    running.unchanged()


def test_an_imported_object_is_not_deleted(running: Stack, kube: Kubectl) -> None:
    kube("create", "configmap", "of-somebody", "-n", NAMESPACE, "--from-literal=a=b")
    running.cli(
        *("import", "kubernetes:core/v1:ConfigMap", "imported", f"{NAMESPACE}/of-somebody"),
        *("--yes", "--generate-code=false", "--skip-preview"),
    )

    done = up(running)

    assert done.code != 0
    assert "protect" in done.text, done.text
    assert kube("get", "configmap", "of-somebody", "-n", NAMESPACE)
    [urn] = [urn for urn in urns(running, "ConfigMap") if urn.endswith("::imported")]
    running.cli("state", "delete", urn, "--force", "--yes")
    assert not running.up().of("ConfigMap")
    assert kube("get", "configmap", "of-somebody", "-n", NAMESPACE)


def test_a_destroyed_group_hands_its_data_over_and_comes_back(running: Stack, kube: Kubectl) -> None:
    scheduler, [urn] = running.scheduler(), urns(running, "DaskWorkerGroup")
    with client(running.address()) as connected:
        work = Work(connected, held=50)

        good(running.run("destroy", "--yes", "--skip-preview", "--target", urn, "--target-dependents"))

        wait_until(lambda: len(kube.pods(NAMESPACE, component="worker")) == 1, 60, "the group's worker has ended")
        done = running.up()
        assert "create DaskWorkerGroup" in " ".join(names(done.of("DaskWorkerGroup")))
        assert work.intact()
    assert running.scheduler() == scheduler


def test_a_renamed_stack_keeps_its_clusters_and_their_work(running: Stack, kube: Kubectl) -> None:
    name, scheduler, before = running.cluster()["name"], running.scheduler(), running.name
    with client(running.address()) as connected:
        work = Work(connected, held=20, running=6)
        running.cli("stack", "rename", "commands-again")
        running.name = "commands-again"

        done = running.up()

        assert {op for op, _, _ in done.changes} == {"update"}, names(done.changes)
        assert work.intact()
    assert (running.cluster()["name"], running.scheduler()) == (name, scheduler)
    [cluster] = kube.get("daskclusters.kubernetes.dask.org", "-n", NAMESPACE)
    assert cluster["metadata"]["labels"]["app.kubernetes.io/part-of"] == "dask-commands-again"
    running.cli("stack", "rename", before)
    running.name = before
    running.up()
