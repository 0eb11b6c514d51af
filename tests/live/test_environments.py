"""The stack files of this repository, each brought up as it is, but for what one node cannot give.

What differs: the sizes of pods, how many are alike, images pinned by a digest that only their registry knows, and the
operator, which the owner's stack has. test_first.py has Pulumi.dev.yaml, test_example_tune.py Pulumi.tutorial.yaml.
"""

import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.live.conftest import Connect, NewStack
from tests.support.clusters import ROOT
from tests.support.kubectl import Kubectl
from tests.support.owner import Owner
from tests.support.runs import VERIFICATION, names
from tests.support.security import security
from tests.support.stacks import IMAGE, Stack
from tests.support.wait import wait_until
from tests.support.work import Work, where

Environment = Callable[[str], Stack]
SMALL = {"cpu": "100m", "memory": "512Mi"}


@pytest.fixture
def environment(owner: Owner, new_stack: NewStack) -> Iterator[Environment]:
    """Makes the stack of Pulumi.<name>.yaml, in a size that fits."""
    made: list[Stack] = []
    owner.up()

    def make(name: str) -> Stack:
        document = yaml.safe_load((ROOT / f"Pulumi.{name}.yaml").read_text())["config"]
        config = {key.removeprefix("dask:"): it for key, it in document.items() if key.startswith("dask:")}
        made.append(new_stack(name))
        return made[-1].configure(**fitting(config) | {"operator": {"install": False}})

    yield make
    for stack in made:
        stack.end()


def fitting(value: Any, key: str = "") -> Any:
    """The same configuration with pods that fit on one small node, and images that it has."""
    if key in ("resources", "limits"):
        return SMALL
    if key == "replicas":
        return min(value, 2)
    if isinstance(value, dict):
        return {name: fitting(item, name) for name, item in value.items()}
    return IMAGE if key == "image" and "@sha256" in value else value


@pytest.fixture
def forwarded(kube: Kubectl) -> Iterator[Callable[[str], int]]:
    """`kubectl port-forward` to a namespace's endpoint: how a person reaches a ClusterIP from outside."""
    begun: list[subprocess.Popen[bytes]] = []

    def forward(namespace: str) -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        begun.append(kube.start("port-forward", "-n", namespace, "service/analytics", f"{port}:8786"))
        wait_until(lambda: _listens(port), 20, "kubectl forwards")
        return port

    yield forward
    for process in begun:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_staging_computes_over_tls_and_changes_blue_green(
    environment: Environment, kube: Kubectl, connect: Connect, forwarded: Callable[[str], int], tmp_path: Path
) -> None:
    staging = environment("staging")
    staging.up()
    before = staging.outputs()
    assert before["schedulerAddress"] == "tls://analytics.analytics-staging.svc:8786"
    assert len(kube.pods("analytics-staging", component="worker")) == 3

    changed = staging.config["clusters"]["analytics"] | {"env": {"OMP_NUM_THREADS": "2"}}
    run = staging.change(clusters={"analytics": changed})

    after = staging.outputs()
    assert [op for op, _, _ in run.of("DaskCluster")] == ["create", "delete"]
    assert after["schedulerAddress"] == before["schedulerAddress"]
    assert after["clusters"]["analytics"]["name"] != before["clusters"]["analytics"]["name"]
    assert after["clientTls"] == before["clientTls"]
    client = connect(
        f"tls://127.0.0.1:{forwarded('analytics-staging')}",
        security=security(after["clientTls"]["analytics"], tmp_path),
    )
    # The group for big tasks has registered, and its resource keeps other tasks away from it.
    _, pod = client.submit(where, 0, resources={"MEMORY": 1}, pure=False).result(timeout=30)
    assert re.search(r"-highmem-[0-9a-f]{8}-worker-", pod), pod


def test_prod_replaces_a_group_under_its_clients_and_is_protected(
    environment: Environment, kube: Kubectl, connect: Connect, forwarded: Callable[[str], int], tmp_path: Path
) -> None:
    prod = environment("prod")
    prod.up()
    scheduler = prod.scheduler("analytics")
    assert len(kube.pods("analytics", component="worker")) == 3
    client = connect(
        f"tls://127.0.0.1:{forwarded('analytics')}",
        security=security(prod.outputs()["clientTls"]["analytics"], tmp_path),
    )
    work = Work(client, held=20, running=12)

    analytics = prod.config["clusters"]["analytics"]
    groups = analytics["workerGroups"]
    wider = groups | {"general": groups["general"] | {"threads": 2}}
    run = prod.change(clusters={"analytics": analytics | {"workerGroups": wider}})

    assert [step[:2] for step in run.changes if step[1] not in VERIFICATION] == [
        ("create", "DaskWorkerGroup"),
        ("delete", "DaskWorkerGroup"),
    ], names(run.changes)
    assert prod.scheduler("analytics") == scheduler
    assert work.intact()

    refused = prod.try_destroy()

    assert refused.code != 0
    assert "protect" in refused.text
    assert client.submit(sum, [5, 6], pure=False).result(timeout=30) == 11
    prod.change(clusters={"analytics": analytics | {"workerGroups": wider, "protect": False}})
