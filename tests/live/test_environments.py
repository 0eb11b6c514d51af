"""The stack files of this repository, each brought up as it is, but for what one node cannot give.

What is put in its place: the sizes of pods, how many are alike, images pinned by a digest that only their registry
knows, and the operator, which the tests' own stack has.
"""

import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.clusters import ROOT
from tests.kubectl import uid
from tests.live.conftest import Connect
from tests.live.tasks import where_and_wait
from tests.live.test_tls import security
from tests.stacks import IMAGE, Stack, wait_until

Environment = Callable[[str], Stack]
SMALL = {"cpu": "100m", "memory": "512Mi"}


@pytest.fixture
def environment(operator: Stack, tmp_path: Path) -> Iterator[Environment]:
    """Makes the stack of Pulumi.<name>.yaml, in a size that fits."""
    made: list[Stack] = []

    def make(name: str) -> Stack:
        document = yaml.safe_load((ROOT / f"Pulumi.{name}.yaml").read_text())["config"]
        config = {key.removeprefix("dask:"): it for key, it in document.items() if key.startswith("dask:")}
        made.append(Stack(tmp_path / name, name, operator.kubeconfig))
        return made[-1].configure(**fitting(config) | {"operator": {"install": False}})

    yield make
    for stack in made:
        stack.configure(clusters={})
        result = stack.down()
        assert result.code == 0, result.text


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
def forwarded(operator: Stack) -> Iterator[Callable[[str], int]]:
    """`kubectl port-forward` to a namespace's endpoint: how a person reaches a ClusterIP from outside."""
    begun: list[subprocess.Popen[bytes]] = []

    def forward(namespace: str) -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        begun.append(operator.kube.start("port-forward", "-n", namespace, "service/analytics", f"{port}:8786"))
        wait_until(lambda: _listens(port), 20, "kubectl forwards")
        return port

    yield forward
    for process in begun:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_dev_computes_at_its_fixed_port(environment: Environment, connect: Connect) -> None:
    dev = environment("dev")

    dev.up()

    assert dev.outputs()["schedulerNodePort"] == 30786
    assert connect(dev.address("analytics")).submit(sum, [1, 2]).result(timeout=30) == 3


def test_staging_computes_over_tls_and_changes_blue_green(
    environment: Environment, connect: Connect, forwarded: Callable[[str], int], tmp_path: Path
) -> None:
    staging = environment("staging")
    staging.up()
    before = staging.outputs()
    assert before["schedulerAddress"] == "tls://analytics.analytics-staging.svc:8786"
    assert len(staging.kube.pods("analytics-staging", component="worker")) == 3

    changed = staging.config["clusters"]["analytics"] | {"env": {"OMP_NUM_THREADS": "2"}}
    staging.up(clusters={"analytics": changed})

    after = staging.outputs()
    assert after["schedulerAddress"] == before["schedulerAddress"]
    assert after["clusters"]["analytics"]["name"] != before["clusters"]["analytics"]["name"]
    assert after["clientTls"] == before["clientTls"]
    client = connect(
        f"tls://127.0.0.1:{forwarded('analytics-staging')}",
        security=security(tmp_path, **after["clientTls"]["analytics"]),
    )
    # The group for big tasks is there, and its resource keeps other tasks away from it.
    _, where = client.submit(where_and_wait, 0, resources={"MEMORY": 1}, pure=False).result(timeout=30)
    assert re.search(r"-highmem-[0-9a-f]{8}-worker-", where), where


def test_prod_replaces_a_group_under_its_clients_and_is_protected(
    environment: Environment, connect: Connect, forwarded: Callable[[str], int], tmp_path: Path
) -> None:
    prod = environment("prod")
    prod.up()
    scheduler = uid(prod.kube.pods("analytics", component="scheduler"))
    assert len(prod.kube.pods("analytics", component="worker")) == 3
    client = connect(
        f"tls://127.0.0.1:{forwarded('analytics')}",
        security=security(tmp_path, **prod.outputs()["clientTls"]["analytics"]),
    )
    kept = client.submit(sum, [1, 2], pure=False)
    assert kept.result(timeout=30) == 3

    analytics = prod.config["clusters"]["analytics"]
    groups = analytics["workerGroups"]
    wider = groups | {"general": groups["general"] | {"threads": 2}}
    prod.up(clusters={"analytics": analytics | {"workerGroups": wider}})

    assert uid(prod.kube.pods("analytics", component="scheduler")) == scheduler
    assert client.gather(kept) == 3
    assert client.submit(sum, [3, 4], pure=False).result(timeout=30) == 7

    refused = prod.down()

    assert refused.code != 0
    assert "protected, so nothing was deleted" in refused.text
    assert client.submit(sum, [5, 6], pure=False).result(timeout=30) == 11
    prod.up(clusters={"analytics": analytics | {"workerGroups": wider, "protect": False}})
