"""Operators that each look after a namespace of their own, on one Kubernetes cluster."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.conftest import NewStack
from tests.support.kubectl import Kubectl
from tests.support.owner import Owner
from tests.support.runs import Run
from tests.support.stacks import Stack
from tests.support.work import Work, client, computes

# Without its ClusterRole the operator alone waits for 54 s.
START_SECONDS = 60


def cluster(replicas: int) -> dict[str, Any]:
    endpoint = {"type": "NodePort", "insecure": True}
    return {"main": {"endpoint": endpoint, "workers": {"replicas": replicas, "threads": 1}}}


@pytest.fixture(scope="module")
def teams(owner: Owner, new_stack: NewStack) -> Iterator[list[Stack]]:
    """Two teams' stacks, each with its operator, where nobody looks after all namespaces."""
    owner.down()
    made = [new_stack(name) for name in ("red", "blue")]
    for team in made:
        team.configure(namespace={"name": team.name}, operator={"namespace": f"{team.name}-ops", "watch": [team.name]})
    yield made
    for team in made:
        team.end()


@pytest.fixture(scope="module")
def first(teams: list[Stack]) -> Run:
    """How the first team's stack came up; both compute with one worker."""
    red, blue = teams
    run = red.change(clusters=cluster(1))
    blue.up(clusters=cluster(1))
    return run


def workers(team: Stack) -> int:
    return len(team.kube.pods(team.name, component="worker"))


def test_each_team_gets_the_workers_that_it_asked_for(teams: list[Stack], first: Run) -> None:
    red, blue = teams

    red.change(clusters=cluster(2))

    assert (workers(red), workers(blue)) == (2, 1)
    assert first.seconds < START_SECONDS
    for team in teams:
        assert computes(team.address())


def test_the_rights_of_an_operator_end_at_its_namespace(first: Run, kube: Kubectl) -> None:
    account = "system:serviceaccount:red-ops:dask-operator-dask-kubernetes-operator"

    allowed = {
        namespace: kube.run("auth", "can-i", "create", "pods", "-n", namespace, f"--as={account}").stdout.strip()
        for namespace in ("red", "blue", "default")
    }

    assert allowed == {"red": "yes", "blue": "no", "default": "no"}


def test_an_operator_for_all_namespaces_is_refused_beside_them(first: Run, new_stack: NewStack) -> None:
    greedy = new_stack("greedy").configure(namespace={"name": "greedy"}, operator={"install": True})

    run = greedy.run("preview")

    assert run.code != 0
    assert "already watches namespace " in run.text, run.text
    assert "dask:operator.install: false" in run.text


def test_one_teams_end_leaves_the_other_computing(teams: list[Stack], first: Run, kube: Kubectl) -> None:
    red, blue = teams
    with client(blue.address()) as connected:
        work = Work(connected, held=10, running=20)

        red.destroy()

        assert not {"red", "red-ops"} & set(kube.namespaces())
        blue.change(clusters=cluster(2))
        assert workers(blue) == 2
        assert work.intact()
