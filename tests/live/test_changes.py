"""Every row of the table "What a change does", on a cluster with work on it."""

import re
from typing import Any

from tests.kubectl import uid
from tests.live.conftest import Connect
from tests.live.tasks import executed, executions, variable, where_and_wait
from tests.stacks import IMAGE, Stack, wait_until

NODE_PORT: dict[str, Any] = {
    "type": "NodePort",
    "insecure": True,
    "nodePorts": {"scheduler": 30886, "dashboard": 30887},
}
SINGLE = {"threads": 1}
OTHER_IMAGE = f"{IMAGE}-ml"
# Of a second each, for two workers with one thread: enough that a change finds the cluster busy.
TASKS = 80


def cluster(**over: Any) -> dict[str, Any]:
    return {"main": {"endpoint": NODE_PORT, "workers": SINGLE | {"replicas": 2}} | over}


def scheduler(stack: Stack) -> str:
    physical = stack.outputs()["clusters"]["main"]["name"]
    return uid(stack.kube.pods("changes", component="scheduler", cluster_name=physical))


def workers(stack: Stack, group: str = "") -> list[dict[str, Any]]:
    found = stack.kube.pods("changes", component="worker")
    return [pod for pod in found if group in pod["metadata"]["name"]]


def test_replicas_scale_in_place_and_down_without_losing_a_key(stack: Stack, connect: Connect) -> None:
    stack.up(clusters=cluster(workers=SINGLE | {"replicas": 4}))
    client = connect(stack.address("main"))
    before = scheduler(stack)
    futures = client.map(executed, range(200), pure=False)
    client.gather(futures)

    stack.up(clusters=cluster(workers=SINGLE | {"replicas": 1}))
    wait_until(lambda: len(workers(stack)) == 1, 60, "one worker left")

    assert sorted(client.gather(futures)) == [(i, i * i) for i in range(200)]
    assert executions(client) == 200
    assert scheduler(stack) == before
    stack.up(clusters=cluster(workers=SINGLE | {"replicas": 2}))
    assert len(client.scheduler_info(n_workers=-1)["workers"]) == 2


def test_node_ports_move_without_touching_the_scheduler(stack: Stack, connect: Connect) -> None:
    stack.up(clusters=cluster())
    client = connect(stack.address("main"))
    future = client.submit(executed, 7, pure=False)
    before = scheduler(stack)

    stack.up(clusters=cluster(endpoint=NODE_PORT | {"nodePorts": {"scheduler": 30986, "dashboard": 30987}}))

    assert stack.address("main").endswith(":30986")
    assert connect(stack.address("main")).submit(sum, [1, 2]).result(timeout=30) == 3
    assert future.result(timeout=30) == (7, 49)
    assert scheduler(stack) == before


def test_the_type_of_the_endpoint_changes_under_a_client_that_stays(stack: Stack, connect: Connect) -> None:
    stack.up(clusters=cluster())
    client = connect(stack.address("main"))
    future = client.submit(executed, 8, pure=False)
    before = scheduler(stack)

    stack.up(clusters=cluster(endpoint={"type": "ClusterIP"}))

    assert stack.address("main") == "tcp://main.changes.svc:8786"
    assert future.result(timeout=30) == (8, 64)
    assert client.submit(executed, 9, pure=False).result(timeout=30) == (9, 81)
    assert scheduler(stack) == before


def test_a_groups_pods_change_under_a_living_scheduler(stack: Stack, connect: Connect) -> None:
    groups = {"big": {"replicas": 2, "resources": {"memory": "512Mi"}}}
    stack.up(clusters=cluster(workers=SINGLE | {"replicas": 0}, workerGroups=groups))
    client = connect(stack.address("main"))
    before = scheduler(stack)
    futures = client.map(executed, range(100), pure=False)
    client.gather(futures)
    ran = executions(client)
    old = {pod["metadata"]["name"] for pod in workers(stack, "big")}

    groups = {"big": {"replicas": 2, "resources": {"memory": "768Mi"}}}
    stack.up(clusters=cluster(workers=SINGLE | {"replicas": 0}, workerGroups=groups))
    wait_until(
        lambda: not old & {pod["metadata"]["name"] for pod in workers(stack, "big")}, 60, "the old group is gone"
    )

    assert sorted(client.gather(futures)) == [(i, i * i) for i in range(100)]
    assert executions(client) == ran
    assert scheduler(stack) == before
    limits = [pod["spec"]["containers"][0]["resources"]["limits"]["memory"] for pod in workers(stack, "big")]
    assert limits == ["768Mi", "768Mi"]


def test_groups_and_default_workers_scale_without_hitting_each_other(stack: Stack) -> None:
    for default, extra in ((3, 1), (1, 2), (2, 1), (1, 1)):
        stack.up(clusters=cluster(workers=SINGLE | {"replicas": default}, workerGroups={"extra": {"replicas": extra}}))

        wait_until(
            lambda want=(default, extra): (len(workers(stack, "-default-")), len(workers(stack, "-extra-"))) == want,
            60,
            f"{default} default and {extra} extra workers",
        )


def test_a_changed_image_finishes_the_work_on_the_old_cluster(stack: Stack, connect: Connect) -> None:
    stack.up(clusters=cluster())
    address, old = stack.address("main"), stack.outputs()["clusters"]["main"]["name"]
    client = connect(address)
    futures = client.map(where_and_wait, range(TASKS), pure=False)

    change = stack.configure(clusters=cluster(image=OTHER_IMAGE)).start("up")
    new_name = wait_until(lambda: served_by_another(connect, address, old), 120, "the endpoint has moved")
    results = client.gather(futures)
    client.close()
    output, _ = change.communicate(timeout=120)

    assert change.returncode == 0, output
    assert sorted(index for index, _ in results) == list(range(TASKS))
    assert all(host.startswith(f"{old}-default") for _, host in results)
    assert stack.address("main") == address
    assert stack.outputs()["clusters"]["main"]["image"] == OTHER_IMAGE
    assert stack.outputs()["clusters"]["main"]["name"] in new_name
    assert stack.kubectl("get", "daskclusters", "-n", "changes", "-o", "name").count("\n") == 1
    assert f"{old}: waiting for" in output


def served_by_another(connect: Connect, address: str, old: str) -> str:
    """The name of a worker behind the address, once it is not the old cluster's."""
    client = connect(address)
    names = [str(worker["name"]) for worker in client.scheduler_info(n_workers=-1)["workers"].values()]
    client.close()
    return names[0] if names and not names[0].startswith(old) else ""


def test_an_interrupted_drain_is_taken_up_again(stack: Stack, connect: Connect) -> None:
    stack.up(clusters=cluster(image=OTHER_IMAGE))
    old = stack.outputs()["clusters"]["main"]["name"]
    client = connect(stack.address("main"))
    futures = client.map(where_and_wait, range(TASKS), pure=False)
    change = stack.configure(clusters=cluster(image=OTHER_IMAGE, env={"FLAVOUR": "two"})).start("up")
    wait_until(lambda: served_by_another(connect, stack.address("main"), old), 120, "the endpoint has moved")
    change.kill()
    change.communicate()

    again = stack.start("up")
    results = client.gather(futures)
    client.close()
    output, _ = again.communicate(timeout=120)

    assert again.returncode == 0, output
    assert {host.split("-default")[0] for _, host in results} == {old}


def test_recreate_makes_the_same_name_again(stack: Stack, connect: Connect) -> None:
    groups = {"extra": {"replicas": 1}}
    stack.up(clusters=cluster(update="recreate", workerGroups=groups))
    before = scheduler(stack)

    other = {"env": {"FLAVOUR": "three"}}
    result = stack.up(clusters=cluster(update="recreate", workerGroups=groups, scheduler=other))

    assert stack.outputs()["clusters"]["main"]["name"] == "main"
    assert scheduler(stack) != before
    assert "+-" in result.text
    assert re.search(r"\+ create  Job changes/main-verify-", result.text), result.text
    client = connect(stack.address("main"))
    assert client.run_on_scheduler(variable, "FLAVOUR") == "three"
    assert len(client.scheduler_info(n_workers=-1)["workers"]) == 3


def test_the_bounds_of_the_autoscaler_change_in_place(stack: Stack, connect: Connect) -> None:
    stack.up(clusters=cluster(workers=SINGLE | {"minimum": 1, "maximum": 2}))
    client = connect(stack.address("main"))
    before = scheduler(stack)
    futures = client.map(where_and_wait, range(60), pure=False)

    stack.up(clusters=cluster(workers=SINGLE | {"minimum": 1, "maximum": 3}))
    wait_until(lambda: len(workers(stack)) == 3, 90, "three workers for the work at hand")
    client.cancel(futures)

    assert scheduler(stack) == before
