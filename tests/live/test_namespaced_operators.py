"""Operators that each look after a namespace of their own, on one Kubernetes cluster."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.conftest import Connect
from tests.stacks import Stack, wait_until

# Without its ClusterRole the operator alone waits for 54 s.
START_SECONDS = 45


def cluster(replicas: int) -> dict[str, Any]:
    endpoint = {"type": "NodePort", "insecure": True}
    return {"main": {"endpoint": endpoint, "workers": {"replicas": replicas, "threads": 1}}}


@pytest.fixture(scope="module")
def teams(operator: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Stack]]:
    """Two teams' stacks, each with its operator, where nobody looks after all namespaces."""
    assert operator.down().code == 0
    made = [Stack(tmp_path_factory.mktemp(name), name, operator.kubeconfig) for name in ("red", "blue")]
    for team in made:
        team.configure(namespace={"name": team.name}, operator={"namespace": f"{team.name}-ops", "watch": [team.name]})
    yield made
    for team in made:
        assert team.down().code == 0
    operator.up()


def workers(team: Stack) -> int:
    return len(team.kube.pods(team.name, component="worker"))


def test_each_team_gets_the_workers_that_it_asked_for(teams: list[Stack], connect: Connect) -> None:
    red, blue = teams
    first = red.up(clusters=cluster(1))
    blue.up(clusters=cluster(1))

    red.up(clusters=cluster(2))

    assert (workers(red), workers(blue)) == (2, 1)
    assert first.seconds < START_SECONDS
    for team in teams:
        assert connect(team.address("main")).submit(sum, [1, 2]).result(timeout=30) == 3


def test_the_rights_of_an_operator_end_at_its_namespace(teams: list[Stack]) -> None:
    red, _ = teams
    account = "system:serviceaccount:red-ops:dask-operator-dask-kubernetes-operator"

    allowed = {
        namespace: red.kube.run("auth", "can-i", "create", "pods", "-n", namespace, f"--as={account}").stdout.strip()
        for namespace in ("red", "blue", "default")
    }

    assert allowed == {"red": "yes", "blue": "no", "default": "no"}


def test_an_operator_for_all_namespaces_is_refused_beside_them(teams: list[Stack], tmp_path: Path) -> None:
    greedy = Stack(tmp_path / "greedy", "greedy", teams[0].kubeconfig)

    preview = greedy.configure(namespace={"name": "greedy"}, operator={"install": True}).run("preview")

    assert preview.code != 0
    assert "already looks after namespace " in preview.text
    assert "dask:operator.install: false" in preview.text


def test_one_teams_end_leaves_the_other_computing(teams: list[Stack], connect: Connect) -> None:
    red, blue = teams

    assert red.down().code == 0

    wait_until(lambda: "red" not in blue.kubectl("get", "namespaces", "-o", "name").split(), 60, "red is gone")
    blue.up(clusters=cluster(2))
    assert workers(blue) == 2
    assert connect(blue.address("main")).submit(sum, [3, 4]).result(timeout=30) == 7
