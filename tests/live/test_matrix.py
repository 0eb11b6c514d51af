"""One change of each class of docs/changes.md through the real CLI, with work in flight; and what the move promises.

The contract tier changes every key and compares with that page. Here is shown that the classes are what they say.
"""

import copy
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from distributed import Variable

from tests.contract import changes
from tests.support.kubectl import Kubectl
from tests.support.stacks import Stack
from tests.support.wait import wait_until
from tests.support.work import Work, client, where

NAMESPACE = "matrix"
KEYS = changes.rows("All other keys")
PODS = changes.rows("Every kind of pod")
# What the page says of the change, the key below `dask:`, and its new value.
CHANGES: list[tuple[str, str, Any]] = [
    (KEYS["clusters.<name>.drainTimeout"][0], "clusters.main.drainTimeout", "3m"),
    (
        KEYS["clusters.<name>.endpoint.annotations"][0],
        "clusters.main.endpoint.annotations",
        {"example.com/note": "two"},
    ),
    (changes.rows("Schedulers")["podDisruptionBudget"][0], "clusters.main.scheduler.podDisruptionBudget", False),
    (KEYS["namespace.labels"][0], "namespace.labels", {"team": "research"}),
    ("**new secret**", "secrets.unused", {"KEY": "value"}),
    (KEYS["clusters.<name>.readyTimeout"][0], "clusters.main.readyTimeout", "8m"),
    (KEYS["clusters.<name>.workers.replicas"][0], "clusters.main.workers.replicas", 2),
    (PODS["env"][1], "clusters.main.workerGroups.extra.env", {"FLAVOUR": "two"}),
]
THREADS = 8
TASKS = 40
ROUNDS = 10


def declared() -> dict[str, Any]:
    endpoint = {
        "type": "NodePort",
        "insecure": True,
        "nodePorts": {"scheduler": 30871, "dashboard": 30872},
    }
    cluster = {
        "workers": {"replicas": 1, "threads": 2},
        "workerGroups": {"extra": {"replicas": 1, "threads": 1}},
        "endpoint": endpoint,
        "drainTimeout": "4m",
    }
    return {"namespace": {"name": NAMESPACE}, "secrets": {}, "clusters": {"main": cluster}}


@pytest.fixture
def running(stack: Stack) -> Stack:
    stack.settle(**declared())
    return stack


def test_running_work_does_not_notice_what_touches_no_scheduler(running: Stack) -> None:
    config, scheduler = declared(), running.scheduler()

    with client(running.address()) as connected:
        for said, path, value in CHANGES:
            config = copy.deepcopy(config)
            changes.put(config, path, value)
            work = Work(connected, held=50, running=12)

            run = running.change(**config)

            assert changes.classes({(op, kind) for op, kind, _ in run.changes}) == changes.said(said), (
                f"{path}: {run.text}"
            )
            assert work.intact(), path
            assert running.scheduler() == scheduler, path


def test_when_the_endpoint_moves_submitted_work_finishes_and_a_new_client_has_the_new_cluster(
    running: Stack, kube: Kubectl
) -> None:
    address, old, config = running.address(), running.cluster()["name"], declared()
    config["clusters"]["main"]["env"] = {"FLAVOUR": "two"}
    said = running.configure(**config).preview()

    with client(address) as one, client(address) as many, ThreadPoolExecutor(THREADS) as pool:
        # A client of one thread, and one of eight.
        users: list[tuple[Any, Any]] = [(one, map), (many, pool.map)]
        submitted = [made.map(where, range(TASKS), pure=False) for made, _ in users]
        Variable("state", client=one).set("before")
        up = running.start_up()
        wait_until(lambda: up.says(f"{old}: waiting for"), 240, "the old cluster is being drained")
        for (made, spread), futures in zip(users, submitted, strict=True):
            results = list(spread(lambda future: future.result(timeout=120), futures))
            later = [made.submit(where, i, 0, pure=False) for i in range(THREADS)]
            assert [i for i, _ in results] == list(range(TASKS))
            assert {place(pod) for _, pod in [*results, *made.gather(later)]} == {old}
            print_what_is_not_promised(made, spread)
    done = up.wait()

    assert done.code == 0, done.text
    assert done.changes == said.changes
    assert changes.classes({(op, kind) for op, kind, _ in done.changes}) == changes.said(PODS["env"][0])
    new = running.cluster()["name"]
    assert kube.clusters(NAMESPACE) == [new]
    with client(address) as again, ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(lambda i: scattered(again, i), range(ROUNDS))) == [new] * ROUNDS
        assert asked(again) == {new}
        Variable("state", client=again).set("after")
        assert Variable("state", client=again).get(timeout=30) == "after"


def print_what_is_not_promised(made: Any, spread: Any) -> None:
    """What goes over further connections, which may reach either cluster."""
    outcomes = Counter(spread(lambda i: scattered(made, i), range(ROUNDS)))
    value = attempt(lambda: Variable("state", client=made).get(timeout=5))
    print(f"{spread}: scatter {outcomes}, run {asked(made)}, Variable {value}")


def asked(connected: Any) -> set[str]:
    """The clusters whose workers answer `run`."""
    return {place(name) for name in connected.run(hostname).values()}


def scattered(connected: Any, number: int) -> str:
    """The cluster that a task on scattered data has run on, or the name of what it has raised."""

    def run() -> str:
        [data] = connected.scatter([number + 0.5])
        return place(connected.submit(pod_of, data, number, pure=False).result(timeout=20))

    return attempt(run)


def attempt(act: Any) -> str:
    try:
        return str(act())
    except Exception as error:  # what is raised is the outcome
        return type(error).__name__


def place(pod: str) -> str:
    """The DaskCluster of a worker's pod."""
    return "-".join(pod.split("-")[:2])


def pod_of(_: float, number: int) -> str:
    import socket

    return socket.gethostname()


def hostname() -> str:
    import socket

    return socket.gethostname()


for task in (pod_of, hostname):
    task.__module__ = "__main__"
