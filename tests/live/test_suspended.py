"""A suspended cluster: drained like a replaced one, without pods until one edit, and back at the same address."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.clusters import ROOT
from tests.support.kubectl import Kubectl
from tests.support.runs import names
from tests.support.security import security
from tests.support.stacks import Stack, good
from tests.support.wait import wait_until
from tests.support.work import Work, client, computes

NAMESPACE = "suspended"
KEY = "dask:clusters.main.suspended"


def cluster(**over: Any) -> dict[str, Any]:
    endpoint = {"type": "NodePort", "nodePorts": {"scheduler": 30841, "dashboard": 30842}}
    elastic = {"minimum": 1, "maximum": 2, "threads": 1}
    groups = {"extra": {"replicas": 1, "threads": 1}}
    main = {"workers": elastic, "workerGroups": groups, "tls": {"enabled": True}, "endpoint": endpoint, "protect": True}
    return {"main": main | over}


def refuses(address: str) -> bool:
    """Whether nobody listens at the address, and it says so at once."""
    parts = urlsplit(address)
    try:
        with contextlib.closing(socket.create_connection((parts.hostname, parts.port or 0), timeout=10)):
            return False
    except ConnectionRefusedError:
        return True


def shown(stack: Stack, module: str) -> str:
    """What a tool says, whose exit code is 0."""
    command = [sys.executable, "-m", module, "--stack", stack.name, "--cwd", str(stack.folder)]
    environment = os.environ | stack.environment | {"COLUMNS": "160"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def no_dask(kube: Kubectl) -> bool:
    """Whether the namespace has neither Dask resources nor pods."""
    kinds = "daskclusters,daskworkergroups,deployments,pods,jobs,poddisruptionbudgets,roles,rolebindings"
    return not kube.get(kinds, "-n", NAMESPACE)


def test_work_finishes_then_nothing_runs_and_the_address_stays(stack: Stack, kube: Kubectl, tmp_path: Path) -> None:
    stack.settle(clusters=cluster())
    before, name = dict(stack.cluster()), stack.cluster()["name"]
    trusted = security(stack.outputs()["clientTls"]["main"], tmp_path)
    said = stack.configure(clusters=cluster(suspended=True)).preview()
    with client(before["schedulerAddress"], security=trusted) as connected:
        work = Work(connected, held=10, running=20, seconds=2)
        up = stack.start_up()
        wait_until(lambda: up.says(f"{name}: waiting for"), 240, "the cluster is being drained")
        # The clients that are connected keep it; nobody else reaches it any more.
        wait_until(lambda: refuses(before["schedulerAddress"]), 60, "new clients are refused")
        assert work.intact()
    done = good(up.wait())

    assert done.changes == said.changes
    assert names(done.of("DaskCluster", "Service", "ConfigMap", "Secret")) == [
        f"delete DaskCluster {name}",
        "update ConfigMap main-connection",
        "update Service main-endpoint",
    ]
    assert "the cluster main is suspended: its address refuses connections" in said.text
    wait_until(lambda: no_dask(kube), 120, "no pods are left")
    assert refuses(before["schedulerAddress"])
    assert stack.cluster() == before | {"suspended": True}


def test_a_suspended_cluster_is_no_drift_and_says_what_it_is(stack: Stack) -> None:
    stack.settle(clusters=cluster(suspended=True))

    stack.unchanged()

    assert shown(stack, "tools.drift") == f"stack {stack.name}: everything is as declared\n"
    table = shown(stack, "tools.status")
    assert "suspended" in table
    assert "NodePort, refuses connections" in table
    refused = stack.run("preview") if stack.configure(clusters={}) else None
    assert refused
    assert refused.code != 0
    assert "protect" in refused.text


def test_a_change_of_its_pods_takes_effect_when_it_wakes_up_at_the_same_address(
    stack: Stack, kube: Kubectl, tmp_path: Path
) -> None:
    stack.settle(clusters=cluster(suspended=True))
    address, old = stack.address(), stack.cluster()["name"]
    trusted = security(stack.outputs()["clientTls"]["main"], tmp_path)
    changed = {"env": {"FLAVOUR": "two"}}

    asleep = stack.change(clusters=cluster(suspended=True, **changed))
    woken = stack.change(clusters=cluster(**changed))

    assert names(asleep.changes) == []
    new = stack.cluster()["name"]
    assert new != old
    assert f"create DaskCluster {new}" in names(woken.changes)
    assert not [step for step in woken.changes if step[0] == "delete"]
    assert "suspended" not in stack.cluster()
    assert stack.address() == address
    assert computes(address, security=trusted)
    assert kube.clusters(NAMESPACE) == [new]
    stack.unchanged()


@pytest.mark.parametrize("update", ["recreate"])
def test_the_commands_of_the_recipe_suspend_and_wake_up(stack: Stack, kube: Kubectl, update: str) -> None:
    endpoint = {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30841, "dashboard": 30842}}
    stack.settle(clusters=cluster(tls={}, endpoint=endpoint, update=update))
    address = stack.address()

    stack.cli("config", "set", "--path", KEY, "true")
    stack.up()

    wait_until(lambda: no_dask(kube), 120, "no pods are left")
    assert refuses(address)

    stack.cli("config", "rm", "--path", KEY)
    stack.up()

    assert stack.address() == address
    assert computes(address)
    stack.unchanged()
