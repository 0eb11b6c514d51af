"""What hands do to a living cluster is said by the preview and by the check, and undone by `up` without losing work."""

import subprocess
import sys
from typing import Any

from tests.clusters import ROOT
from tests.kubectl import uid
from tests.live.conftest import Connect
from tests.live.tasks import executed, executions, where_and_wait
from tests.stacks import Result, Stack, wait_until

NAMESPACE = "drift"
NODE_PORT: dict[str, Any] = {
    "type": "NodePort",
    "insecure": True,
    "nodePorts": {"scheduler": 31286, "dashboard": 31287},
}
CLUSTERS = {"main": {"endpoint": NODE_PORT, "workers": {"replicas": 3, "threads": 1}, "drainTimeout": "2m"}}


def look(stack: Stack, module: str = "local.drift") -> Result:
    """The check, or the status table, as `make` runs it."""
    command = [sys.executable, "-m", module, "--stack", stack.name, "--cwd", str(stack.folder)]
    wide = stack.environment | {"COLUMNS": "160"}
    done = subprocess.run(command, cwd=ROOT, env=wide, capture_output=True, text=True, check=False)
    return Result(done.returncode, done.stdout + done.stderr, 0, done.stdout)


def physical(stack: Stack) -> str:
    return stack.outputs()["clusters"]["main"]["name"]


def by_hand(stack: Stack, *arguments: str) -> None:
    stack.kubectl(*arguments, "-n", NAMESPACE)


def worker_deployments(stack: Stack) -> list[str]:
    listed = stack.kubectl("get", "deployments", "-n", NAMESPACE, "-l", "dask.org/component=worker", "-o", "name")
    return sorted(line.removeprefix("deployment.apps/") for line in listed.split())


def test_without_drift_nothing_is_said_and_no_pod_is_touched(stack: Stack) -> None:
    stack.up(clusters=CLUSTERS)
    before = {uid([pod]) for pod in stack.kube.pods(NAMESPACE, cluster_name=physical(stack))}

    preview, check, again = stack.run("preview"), look(stack), stack.up()

    assert "drift, " not in preview.text + again.text
    assert "look for drift" not in preview.text + again.text
    assert (check.code, check.out) == (0, f"stack {stack.name}: everything is as declared\n")
    assert {uid([pod]) for pod in stack.kube.pods(NAMESPACE, cluster_name=physical(stack))} == before


def test_every_change_by_hand_is_said_by_preview_and_check_and_repaired_by_up(stack: Stack) -> None:
    stack.up(clusters=CLUSTERS)
    name, worker = physical(stack), worker_deployments(stack)[0]
    by_hand(stack, "set", "env", f"deployment/{worker}", "DEBUG=1")
    by_hand(stack, "scale", f"daskworkergroup/{name}-default", "--replicas=4")
    by_hand(stack, "patch", "service", f"{name}-scheduler", "--type=merge", "-p", '{"spec": {"type": "NodePort"}}')
    by_hand(stack, "patch", "daskcluster", name, "--type=merge", "-p", '{"spec": {"worker": {"replicas": 2}}}')
    wait_until(lambda: len(worker_deployments(stack)) == 2, 30, "the operator has followed the DaskCluster")
    by_hand(stack, "scale", f"daskworkergroup/{name}-default", "--replicas=5")
    said = [
        f"service/{name}-scheduler: type: live 'NodePort', declared 'ClusterIP'",
        f"daskworkergroup/{name}-default: replicas: live 5, declared 3",
    ]

    check, preview = look(stack), stack.run("preview")
    stack.up()

    assert check.code == 2
    assert f"daskcluster/{name}: worker.replicas: live 2, declared 3" in check.text
    assert "spec.worker.replicas: 2 -> 3" in preview.text
    for line in said:
        assert line in check.text
        assert f"drift, which `up` repairs: {line}" in preview.text
    wait_until(lambda: len(worker_deployments(stack)) == 3, 30, "three workers")
    after = look(stack)
    assert (after.code, after.out) == (0, f"stack {stack.name}: everything is as declared\n")


def test_a_workers_deployment_is_repaired_without_losing_a_key(stack: Stack, connect: Connect) -> None:
    stack.up(clusters=CLUSTERS)
    client = connect(stack.address("main"))
    client.wait_for_workers(3, timeout=60)
    futures = client.map(executed, range(90), pure=False)
    client.gather(futures)
    changed, deleted, _ = worker_deployments(stack)
    # Paused, so that the change itself restarts nothing: what would is the repair.
    by_hand(stack, "rollout", "pause", f"deployment/{changed}")
    by_hand(stack, "set", "env", f"deployment/{changed}", "DEBUG=1")
    by_hand(stack, "delete", "deployment", deleted)
    line = f"deployment/{changed}: containers[worker].env[DEBUG]: live"

    result = stack.up()

    assert line in result.text
    assert f"daskworkergroup/{physical(stack)}-default: workers: live 2, declared 3" in result.text
    assert sorted(client.gather(futures)) == [(i, i * i) for i in range(90)]
    assert executions(client) == 90
    assert look(stack).code == 0
    assert len(worker_deployments(stack)) == 3


def test_a_scheduler_with_work_on_it_is_repaired_when_the_work_is_done(stack: Stack, connect: Connect) -> None:
    stack.up(clusters=CLUSTERS)
    name = physical(stack)
    client = connect(stack.address("main"))
    # Paused as long as nobody looks: the change waits for the repair, as the new scheduler would take the work away.
    by_hand(stack, "rollout", "pause", f"deployment/{name}-scheduler")
    by_hand(stack, "set", "env", f"deployment/{name}-scheduler", "DEBUG=1")
    futures = client.map(where_and_wait, range(45), pure=False)

    repair = stack.start("up")
    results = client.gather(futures)
    client.close()
    output, _ = repair.communicate(timeout=240)

    assert repair.returncode == 0, output
    assert sorted(index for index, _ in results) == list(range(45))
    assert f"deployment/{name}-scheduler: containers[scheduler].env[DEBUG]: live" in output
    assert f"{name}: waiting for 1 client" in output
    assert look(stack).code == 0


def test_what_was_deleted_comes_back_and_computes(stack: Stack, connect: Connect) -> None:
    stack.up(clusters=CLUSTERS)
    name = physical(stack)
    by_hand(stack, "delete", "deployment,service", f"{name}-scheduler")
    by_hand(stack, "delete", "daskworkergroup", f"{name}-default")

    assert "is missing" in look(stack).text
    stack.up()

    client = connect(stack.address("main"))
    client.wait_for_workers(3, timeout=60)
    assert client.submit(sum, [1, 2]).result(timeout=60) == 3
    assert look(stack).code == 0


def test_the_status_table_shows_the_living_cluster(stack: Stack, connect: Connect) -> None:
    stack.up(clusters=CLUSTERS)
    name, address = physical(stack), stack.address("main")
    client = connect(address)
    client.wait_for_workers(3, timeout=60)

    table = look(stack, "local.status")

    assert table.code == 0, table.text
    rows = {line.split()[0]: " ".join(line.split()) for line in table.out.splitlines() if line.strip()}
    assert rows["operator"].startswith("operator ready")
    assert rows["main"].startswith(f"main ready {name}, ghcr.io/dask/dask:2026.8.0-py3.11")
    assert rows["endpoint"].startswith(f"endpoint NodePort {address} http://")
    assert rows["scheduler"].startswith("scheduler answers 1 client, 0 tasks")
    assert rows["workers"].startswith(f"workers default 3 of 3 registered group {name}-default")
