"""A suspended cluster: nothing that runs pods is declared, and everything that leads to it, or belongs to it, stays."""

import asyncio
from typing import Any

import pytest

from components.kube import client as kube
from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.kube.paths import path_of
from components.lifecycle import drain, drift, replaced
from components.lifecycle.replaced import Record
from components.manifests.declared import DeclaredCluster
from tests.support.declared import declared
from tests.unit.api import FakeApi, connected
from tests.unit.conftest import Program
from tests.unit.registrations import OWNER_ID, Recording
from tools import drift as check

NODE_PORT = {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30786, "dashboard": 30787}}
# Everything that a cluster can have.
WHOLE: dict[str, Any] = {
    "workers": {"minimum": 0, "maximum": 4},
    "workerGroups": {"gpu": {"replicas": 1}},
    "tls": {"enabled": True},
    "notebook": {},
    "endpoint": NODE_PORT | {"dashboard": {"hostname": "dask.example.com", "ingressClass": "nginx", "login": "yes"}},
    "monitors": {"enabled": True, "alerts": True, "grafana": True},
    "protect": True,
}
WHOLE["endpoint"]["nodePorts"] = {"scheduler": 30786}
RUNS_PODS = {"DaskCluster", "DaskWorkerGroup", "Job", "PodDisruptionBudget", "ServiceAccount", "Role", "RoleBinding"}
RUNS_PODS |= {"autoscaler"}


def names(recording: Recording) -> set[str]:
    """Every object by its kind, with its name where that does not change with the content."""
    found: set[str] = set()
    for made in recording.registrations:
        if made.type.startswith("kubernetes:"):
            autoscaler = made.name.endswith("-autoscaler-deployment")
            found.add(
                "autoscaler" if autoscaler else made.kind if made.kind in RUNS_PODS else f"{made.kind} {made.name}"
            )
    return found


@pytest.mark.parametrize("update", ["blueGreen", "recreate"])
def test_what_runs_pods_is_no_longer_declared_and_all_else_is(program: Program, update: str) -> None:
    awake, asleep = (program(clusters={"a": WHOLE | {"update": update, "suspended": it}}) for it in (False, True))

    assert names(awake) - names(asleep) == RUNS_PODS
    assert names(asleep) < names(awake)


def test_the_outputs_stay_and_say_that_it_is_suspended(program: Program) -> None:
    awake, asleep = (program(clusters={"a": WHOLE | {"suspended": it}}) for it in (False, True))

    [before], [after] = awake.outputs["clusters"].values(), asleep.outputs["clusters"].values()
    assert after == before | {"suspended": True}
    assert asleep.outputs["schedulerAddress"] == awake.outputs["schedulerAddress"]
    assert asleep.outputs.keys() == awake.outputs.keys()


def test_preview_and_up_say_that_nothing_computes(program: Program, logged: list[str]) -> None:
    program(clusters={"a": {"suspended": True}})

    assert "the cluster a is suspended: its address refuses connections, and nothing computes" in logged


def test_the_protected_endpoint_stays_protected(program: Program) -> None:
    assert program(clusters={"a": {"suspended": True, "protect": True}}).made["a-endpoint"].request.protect


def test_the_endpoint_waits_for_no_scheduler(program: Program) -> None:
    for verify in (True, False):
        hooks = program(clusters={"a": {"suspended": True, "verify": verify}}).made["a-endpoint"].request.hooks

        assert not {"a-scheduler-ready", "a-verified"} & {*hooks.before_create, *hooks.before_update}
        assert list(hooks.after_update) == ["a-has-moved"]


def test_the_connection_record_drains_and_waits_for_no_result(program: Program) -> None:
    record = program(clusters={"a": {"suspended": True}}).made["a-connection"]

    assert list(record.request.hooks.before_update) == ["ownership-of-updates", "ask-first", "a-drain"]
    assert record.inputs["data"]["DASK_CLUSTER_NAME"] == ""
    assert record.inputs["data"]["DASK_SCHEDULER_ADDRESS"] == "tcp://a.dask.svc:8786"


@pytest.mark.parametrize("update", ["blueGreen", "recreate"])
@pytest.mark.parametrize(
    "change",
    [
        {"image": "example.com/dask:2"},
        {"workers": {"replicas": 3}},
        {"workerGroups": {"b": {}}},
        {"packages": {"pip": ["x"]}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_change_of_its_pods_changes_nothing_before_it_wakes_up(update: str, change: dict[str, Any]) -> None:
    before, after = (declared("a", {"suspended": True, "update": update} | it).bodies for it in ({}, change))

    assert after == before


@pytest.mark.parametrize("update", ["blueGreen", "recreate"])
def test_its_address_leads_to_no_pod_of_any_version(update: str) -> None:
    asleep, awake = (declared("a", {"update": update, "suspended": it}) for it in (True, False))

    theirs = {"dask.org/cluster-name": awake.physical_name, "dask.org/component": "scheduler"}
    assert awake.endpoint["spec"]["selector"] == theirs
    selector = asleep.endpoint["spec"].pop("selector")
    assert selector["dask.org/component"] not in ("scheduler", "worker", "verify", "notebook", "autoscaler")
    assert asleep.endpoint["spec"].items() < awake.endpoint["spec"].items()


def test_the_missing_scheduler_of_a_suspended_cluster_is_no_alert() -> None:
    alerts = {
        suspended: {
            rule["alert"] for body in target(suspended, monitors={"alerts": True}).monitors for rule in rules(body)
        }
        for suspended in (True, False)
    }

    assert alerts[False] - alerts[True] == {"DaskSchedulerMissing"}
    assert alerts[True] < alerts[False]


def rules(body: dict[str, Any]) -> list[dict[str, Any]]:
    [group] = body["spec"]["groups"]
    return group["rules"]


def test_a_suspended_cluster_costs_what_its_notebook_costs() -> None:
    asleep = declared("a", {"suspended": True, "workers": {"replicas": 3}, "notebook": {}})

    assert [kind.name for kind in asleep.kinds_of_pods] == ["the notebook"]


def test_a_group_that_follows_the_work_costs_a_range() -> None:
    awake = declared("a", {"workerGroups": {"gpu": {"minimum": 1, "maximum": 8}, "one": {"replicas": 2}}})

    sizes = {kind.name: (kind.minimum, kind.maximum) for kind in awake.kinds_of_pods}
    assert sizes == {"the scheduler": (1, 1), "the workers": (1, 1), "the group gpu": (1, 8), "the group one": (2, 2)}


HERE = "apis/kubernetes.dask.org/v1/namespaces/lab/daskclusters"
EVERYWHERE = "apis/kubernetes.dask.org/v1/daskclusters"


def target(suspended: bool = True, **cluster: Any) -> DeclaredCluster:
    return declared("a", {"suspended": suspended} | cluster)


def running(update: str) -> dict[str, Any]:
    """The DaskCluster that runs when its file says `suspended` for the first time."""
    awake = target(suspended=False, update=update)
    meta = {"namespace": "lab", "uid": "uid-1", "annotations": {"dask-on-kubernetes/owner": OWNER_ID}}
    return {"metadata": awake.dask_cluster["metadata"] | meta}


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was drained and deleted, in this order."""
    seen: list[str] = []

    async def until_idle(_: Any, __: str, name: str, timeout: str, *___: Any) -> None:
        seen.append(f"drain {name} for {timeout}")

    async def delete(_: Any, url: str, __: str) -> None:
        seen.append(f"delete {url.rpartition('/')[2]}")

    monkeypatch.setattr(drain, "until_idle", until_idle)
    monkeypatch.setattr(kube, "delete_with_children", delete)
    return seen


def end(monkeypatch: pytest.MonkeyPatch, update: str, endpoint: dict[str, Any]) -> None:
    asleep, live = target(update=update, drainTimeout="7m"), running(update)
    found = {"items": [live]}
    own: dict[str, Any] = {f"{HERE}/{live['metadata']['name']}": live, path_of(endpoint): endpoint}
    connected(monkeypatch, FakeApi(own | {HERE: found, EVERYWHERE: found}))
    record = Record(OWNER_ID, live["metadata"]["name"])
    asyncio.run(replaced.drain_and_delete(Connection(), asleep, [asleep], record))


@pytest.mark.parametrize("update", ["blueGreen", "recreate"])
def test_the_version_that_runs_is_drained_and_deleted(
    monkeypatch: pytest.MonkeyPatch, ended: list[str], update: str
) -> None:
    end(monkeypatch, update, target(update=update).endpoint)

    name = running(update)["metadata"]["name"]
    assert ended == [f"drain {name} for 7m", f"delete {name}"]


@pytest.mark.parametrize("update", ["blueGreen", "recreate"])
def test_nothing_is_drained_while_the_endpoint_leads_new_clients_to_it(
    monkeypatch: pytest.MonkeyPatch, ended: list[str], update: str
) -> None:
    awake = target(suspended=False, update=update)

    with pytest.raises(ClusterError, match=r"the endpoint leads to .* and the cluster is suspended"):
        end(monkeypatch, update, awake.endpoint)

    assert ended == []


def test_a_version_that_is_being_deleted_does_not_keep_a_cluster_from_being_suspended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = running("blueGreen")
    body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    connected(monkeypatch, FakeApi({f"{HERE}/{body['metadata']['name']}": body}))

    asyncio.run(replaced.refuse_terminating(Connection(), target()))


async def examined(api: FakeApi, cluster: DeclaredCluster) -> list[str]:
    """The lines of one cluster."""
    return await check.examine(api, cluster, await drift.survey(api, cluster.namespace))  # type: ignore[arg-type]


def checked(monkeypatch: pytest.MonkeyPatch, cluster: DeclaredCluster, live: list[dict[str, Any]]) -> list[str]:
    """What `make drift` says, on a Kubernetes that has all that is declared, and these DaskClusters."""
    answers: dict[str, Any] = {path_of(body): body for body in cluster.bodies}
    answers |= {HERE: {"items": live}} | {f"{HERE}/{it['metadata']['name']}": it for it in live}
    return asyncio.run(examined(FakeApi(answers), cluster))


@pytest.mark.parametrize("update", ["blueGreen", "recreate"])
def test_a_suspended_cluster_is_no_drift(monkeypatch: pytest.MonkeyPatch, update: str) -> None:
    assert checked(monkeypatch, declared("a", WHOLE | {"suspended": True, "update": update}), []) == []


def test_a_cluster_that_still_runs_is_drift_of_a_suspended_one(monkeypatch: pytest.MonkeyPatch) -> None:
    name = running("blueGreen")["metadata"]["name"]

    lines = checked(monkeypatch, target(), [running("blueGreen")])

    assert lines == [
        f"daskcluster/{name}: exists, and the cluster is suspended: `up` has not drained and deleted it yet"
    ]


def test_what_stays_is_still_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    awake = declared("a", {"suspended": False})

    found = asyncio.run(examined(FakeApi({HERE: {"items": []}, path_of(awake.endpoint): awake.endpoint}), target()))

    assert "configmap/a-connection: is missing" in found
    assert any(line.startswith("service/a: selector") for line in found)
