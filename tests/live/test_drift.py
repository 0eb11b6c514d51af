"""What hands do to a living cluster is said by preview and check, and undone by `up` without losing work.

Pulumi.yaml says `refresh: always`, so the preview looks at what is live.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.live.conftest import Connect
from tests.support.clusters import ROOT
from tests.support.kubectl import Kubectl, uid
from tests.support.runs import names
from tests.support.stacks import IMAGE, Stack, good
from tests.support.wait import wait_until
from tests.support.work import Work, computes, where

NAMESPACE = "drift"
PORTS = {"scheduler": 31286, "dashboard": 31287}
CLUSTERS: dict[str, Any] = {
    "main": {
        "endpoint": {"type": "NodePort", "insecure": True, "nodePorts": PORTS},
        "workers": {"replicas": 3, "threads": 1},
        "drainTimeout": "2m",
    }
}
CHECK, STATUS = "tools.drift", "tools.status"
# By a tool that the provider does not know as kubectl.
ANOTHER_TOOL = "--field-manager=another-tool"


def look(stack: Stack, module: str = CHECK, *options: str) -> "subprocess.CompletedProcess[str]":
    """The check, or the status table, as `make` runs it."""
    command = [sys.executable, "-m", module, "--stack", stack.name, "--cwd", str(stack.folder), *options]
    environment = os.environ | stack.environment | {"COLUMNS": "160"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def as_declared(stack: Stack) -> bool:
    """Whether the check finds nothing."""
    check = look(stack)
    assert check.returncode == 0, check.stdout + check.stderr
    return check.stdout == f"stack {stack.name}: everything is as declared\n"


def by_hand(kube: Kubectl, *arguments: str) -> None:
    kube(*arguments, "-n", NAMESPACE)


def worker_deployments(kube: Kubectl) -> list[str]:
    listed = kube("get", "deployments", "-n", NAMESPACE, "-l", "dask.org/component=worker", "-o", "name")
    return sorted(line.removeprefix("deployment.apps/") for line in listed.split())


def test_without_drift_nothing_is_said_and_no_pod_is_touched(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=CLUSTERS)
    before = {uid([pod]) for pod in kube.pods(NAMESPACE)}

    preview = stack.preview("--expect-no-changes")
    stack.unchanged()

    # The stack's own name is in the text as well.
    assert not [words for words in ("drift,", "drift:", "for drift") if words in preview.text], preview.text
    assert names(preview.found) == []
    assert as_declared(stack)
    assert {uid([pod]) for pod in kube.pods(NAMESPACE)} == before


def test_no_command_leaves_a_file(stack: Stack, tmp_path: Path) -> None:
    """A kubeconfig holds a private key, and so does a client's certificate."""
    stack.settle(clusters=CLUSTERS)
    usual, stack.environment = stack.environment, stack.environment | {"TMPDIR": str(tmp_path)}

    left: dict[str, list[str]] = {}
    for command in ("preview", "up", "refresh"):
        good(stack.run(command, *(["--yes", "--skip-preview"] if command != "preview" else [])))
        left[command] = sorted(file.name for file in tmp_path.iterdir())
    for module in (CHECK, STATUS):
        assert look(stack, module).returncode == 0
        left[module] = sorted(file.name for file in tmp_path.iterdir())
    stack.environment = usual

    assert not any(left.values()), left


def test_every_change_by_hand_is_said_by_preview_and_check_and_repaired_by_up(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=CLUSTERS)
    name, worker = stack.cluster()["name"], worker_deployments(kube)[0]
    other_port = '[{"op": "replace", "path": "/spec/ports/0/nodePort", "value": 31279}]'
    fewer_workers = ("patch", "daskcluster", name, "--type=merge", "-p", '{"spec": {"worker": {"replicas": 2}}}')
    by_hand(kube, "set", "env", f"deployment/{worker}", "DEBUG=1")
    by_hand(kube, "scale", f"daskworkergroup/{name}-default", "--replicas=4")
    by_hand(kube, "patch", "service", f"{name}-scheduler", "--type=merge", "-p", '{"spec": {"type": "NodePort"}}')
    by_hand(kube, "patch", "service", "main", "--type=json", "-p", other_port)
    by_hand(kube, *fewer_workers, ANOTHER_TOOL)
    wait_until(lambda: len(worker_deployments(kube)) == 2, 30, "the operator has followed the DaskCluster")
    by_hand(kube, "scale", f"daskworkergroup/{name}-default", "--replicas=5")
    said = [
        f"service/{name}-scheduler: type: live 'NodePort', declared 'ClusterIP'",
        f"daskworkergroup/{name}-default: replicas: live 5, declared 3",
    ]

    check, preview = look(stack), stack.preview()
    repaired = stack.up()

    assert check.returncode == 2
    assert f"daskcluster/{name}: worker.replicas: live 2, declared 3" in check.stdout
    for line in said:
        assert line in check.stdout
        assert f"drift (`up` will repair it): {line}" in preview.text
    for run in (preview, repaired):
        assert {kind for _, kind, _ in run.found} == {"DaskCluster", "Service"}
        assert names(run.changes) == [f"update DaskCluster {name}", "update Service main-endpoint"]
    assert preview.fields[("update", "DaskCluster", name)] == ["spec.worker.replicas"]
    assert preview.fields[("update", "Service", "main-endpoint")] == ["spec.ports[0].nodePort"]
    wait_until(lambda: len(worker_deployments(kube)) == 3, 30, "three workers")
    assert as_declared(stack)
    assert computes(stack.address())
    stack.preview("--expect-no-changes")


def test_a_workers_deployment_is_repaired_without_losing_a_key(stack: Stack, kube: Kubectl, connect: Connect) -> None:
    stack.settle(clusters=CLUSTERS)
    client = connect(stack.address())
    client.wait_for_workers(3, timeout=60)
    work = Work(client, held=90, running=12)
    changed, deleted, _ = worker_deployments(kube)
    # Paused, so that the change itself restarts nothing: what would is the repair.
    by_hand(kube, "rollout", "pause", f"deployment/{changed}")
    by_hand(kube, "set", "env", f"deployment/{changed}", "DEBUG=1")
    by_hand(kube, "delete", "deployment", deleted)

    run = stack.up()

    assert f"deployment/{changed}: containers[worker].env[DEBUG]: live" in run.text
    assert f"daskworkergroup/{stack.cluster()['name']}-default: workers: live 2, declared 3" in run.text
    assert work.intact()
    assert as_declared(stack)
    assert len(worker_deployments(kube)) == 3


def test_a_scheduler_with_work_on_it_is_repaired_when_the_work_is_done(
    stack: Stack, kube: Kubectl, connect: Connect
) -> None:
    stack.settle(clusters=CLUSTERS)
    name = stack.cluster()["name"]
    client = connect(stack.address())
    # Paused as long as nobody looks: the change waits for the repair, as the new scheduler would take the work away.
    by_hand(kube, "rollout", "pause", f"deployment/{name}-scheduler")
    by_hand(kube, "set", "env", f"deployment/{name}-scheduler", "DEBUG=1")
    futures = client.map(where, range(45), pure=False)

    repair = stack.start_up()
    results = client.gather(futures)
    client.close()
    done = repair.wait()

    assert done.code == 0, done.text
    assert [index for index, _ in results] == list(range(45))
    assert f"deployment/{name}-scheduler: containers[scheduler].env[DEBUG]: live" in done.text
    assert f"{name}: waiting for 1 client" in done.text
    assert as_declared(stack)


def test_what_was_deleted_comes_back_and_computes(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=CLUSTERS)
    name = stack.cluster()["name"]
    by_hand(kube, "delete", "deployment,service", f"{name}-scheduler")
    by_hand(kube, "delete", "daskworkergroup", f"{name}-default")

    assert "is missing" in look(stack).stdout
    stack.up()

    assert computes(stack.address())
    assert as_declared(stack)


def test_a_deleted_cluster_is_said_to_be_created_and_is(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=CLUSTERS)
    name = stack.cluster()["name"]
    by_hand(kube, "delete", "daskcluster", name)

    preview, repaired = stack.preview(), stack.up()

    for run in (preview, repaired):
        assert [kind for _, kind, _ in run.found] == ["DaskCluster"]
    assert f"create DaskCluster {name}" in names(preview.changes)
    assert repaired.changes == preview.changes
    assert computes(stack.address())
    assert kube.clusters(NAMESPACE) == [name]
    stack.preview("--expect-no-changes")


def test_the_status_table_shows_the_living_cluster(stack: Stack, connect: Connect) -> None:
    stack.settle(clusters=CLUSTERS)
    name, address = stack.cluster()["name"], stack.address()
    client = connect(address)
    client.wait_for_workers(3, timeout=60)

    table = look(stack, STATUS)

    assert table.returncode == 0, table.stderr
    rows = {line.split()[0]: " ".join(line.split()) for line in table.stdout.splitlines() if line.strip()}
    assert rows["operator"].startswith("operator ready")
    assert rows["main"].startswith(f"main ready {name}, {IMAGE}")
    assert rows["endpoint"].startswith(f"endpoint NodePort {address} http://")
    assert rows["scheduler"].startswith("scheduler answers 1 client, 0 tasks")
    assert rows["workers"].startswith(f"workers default 3 of 3 registered group {name}-default")


def test_the_status_lists_every_pod_and_service_for_programs(stack: Stack, kube: Kubectl) -> None:
    stack.settle(clusters=CLUSTERS)

    shown = json.loads(look(stack, STATUS, "--all", "--json").stdout)

    listed = {it["what"]: it for it in shown["rows"] if it["what"].startswith(("pod ", "service "))}
    pods, services = kube.get("pods", "-n", NAMESPACE), kube.get("services", "-n", NAMESPACE)
    names = {f"pod {it['metadata']['name']}" for it in pods} | {f"service {it['metadata']['name']}" for it in services}
    assert {*listed} == names
    assert len(names) >= 6  # the scheduler, three workers, the endpoint and the operator's own Service
    assert listed["service main"]["state"] == "NodePort"
    assert {it["level"] for it in shown["rows"] if it["of"] == "main"} == {"good"}
