"""One cluster of several leaves its stack and runs on, by the commands that docs/adoption.md gives."""

import json
import re
import shlex

from tests.support.clusters import ROOT
from tests.support.kubectl import Kubectl
from tests.support.runs import names
from tests.support.stacks import Stack
from tests.support.work import Work, client, computes

NAMESPACE = "let-go"


def cluster(scheduler: int, dashboard: int) -> dict[str, object]:
    endpoint = {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": scheduler, "dashboard": dashboard}}
    return {"update": "recreate", "workers": {"replicas": 1}, "endpoint": endpoint}


def documented() -> list[list[str]]:
    """The arguments of kubectl on the page, for this namespace and the cluster `leaves`."""
    found = re.findall(r"^kubectl (?:annotate|label) .*$", (ROOT / "docs/adoption.md").read_text(), re.MULTILINE)
    return [shlex.split(line.replace("-n analytics analytics", f"-n {NAMESPACE} leaves"))[1:] for line in found]


def component(stack: Stack, name: str) -> str:
    """The URN of a cluster's component."""
    resources = json.loads(stack.cli("stack", "export"))["deployment"]["resources"]
    [urn] = [it["urn"] for it in resources if it["type"] == "dask:k8s:Cluster" and it["urn"].endswith(f"::{name}")]
    return urn


def test_a_cluster_leaves_its_stack_and_runs_on(stack: Stack, kube: Kubectl) -> None:
    stays, leaves = cluster(31392, 31393), cluster(31394, 31395)
    stack.up(clusters={"stays": stays, "leaves": leaves})
    address, schedulers = stack.address("leaves"), [stack.scheduler(it) for it in ("stays", "leaves")]
    with client(address) as connected:
        work = Work(connected, held=20, running=20)
        commands = documented()
        assert [words[0] for words in commands] == ["annotate", "label"]
        for words in commands:
            kube(*words)
        stack.cli("state", "delete", component(stack, "leaves"), "--target-dependents", "--yes")

        run = stack.change(clusters={"stays": stays})

        assert not [step for step in run.changes if step[0] == "delete"], names(run.changes)
        # The next cluster that the file gets does not count as the successor of the one that has left.
        stack.change(clusters={"stays": stays, "new": cluster(31396, 31397)})
        assert work.intact()
    assert computes(address)
    assert [kube.scheduler(NAMESPACE, it) for it in ("stays", "leaves")] == schedulers
    assert kube.clusters(NAMESPACE) == ["leaves", "new", "stays"]

    # It may come back.
    stack.change(clusters={"stays": stays, "new": cluster(31396, 31397), "leaves": leaves | {"adopt": True}})

    assert kube.scheduler(NAMESPACE, "leaves") == schedulers[1]
    assert computes(address)
