"""A cluster that kubectl made is imported as it runs, and its endpoint with it."""

import json
from pathlib import Path
from typing import Any

from tests.engine.runs import names
from tests.engine.stacks import Stack
from tests.engine.work import Persisted, client, computes
from tests.kubectl import Kubectl
from tests.live.test_adoption import tutorial
from tests.stacks import wait_until

NAMESPACE = "adoption"
PORTS = {"scheduler": 31386, "dashboard": 31387}


def adopted(replicas: int) -> dict[str, Any]:
    endpoint = {"type": "NodePort", "insecure": True, "nodePorts": PORTS}
    return {"byhand": {"adopt": True, "update": "recreate", "workers": {"replicas": replicas}, "endpoint": endpoint}}


def test_it_is_imported_under_its_clients_and_scales_like_others(stack: Stack, kube: Kubectl, tmp_path: Path) -> None:
    # The tutorial's pods run as root.
    stack.configure(namespace={"name": NAMESPACE, "podSecurity": "baseline"})
    stack.up()
    (tmp_path / "cluster.json").write_text(json.dumps(tutorial("byhand")))
    kube("apply", "-f", str(tmp_path / "cluster.json"))
    wait_until(lambda: _ready(kube) == 3, 120, "the scheduler and two workers run")
    scheduler = kube.scheduler(NAMESPACE, "byhand")

    with client(_address(kube)) as before:
        data = Persisted(before)
        run = stack.change(clusters=adopted(2))

        # The update brings the stack's labels.
        assert names(run.of("DaskCluster")) == ["import DaskCluster byhand", "update DaskCluster byhand"]
        assert kube.scheduler(NAMESPACE, "byhand") == scheduler
        assert stack.outputs()["schedulerAddress"] == _address(kube)
        assert data.intact()
    assert computes(stack.outputs()["schedulerAddress"])
    assert set(stack.up("--expect-no-changes").counts) == {"same"}

    more = stack.change(clusters=adopted(3))

    assert names(more.of("DaskCluster")) == ["update DaskCluster byhand"]
    assert kube.scheduler(NAMESPACE, "byhand") == scheduler
    assert len(kube.pods(NAMESPACE, component="worker")) == 3


def _ready(kube: Kubectl) -> int:
    statuses = [pod["status"].get("containerStatuses", []) for pod in kube.pods(NAMESPACE, cluster_name="byhand")]
    return sum(bool(boxes) and all(box["ready"] for box in boxes) for boxes in statuses)


def _address(kube: Kubectl) -> str:
    [node] = kube.get("nodes")
    [address] = [it["address"] for it in node["status"]["addresses"] if it["type"] == "InternalIP"]
    return f"tcp://{address}:{PORTS['scheduler']}"
