"""What the API server is asked before anything is written, and what its answers lead to."""

import asyncio
import json
import runpy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pulumi
import pytest
from pulumi.runtime import set_all_config

from components.configuration import parse
from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.lifecycle import ask_first
from components.lifecycle.ask_first import AskFirst
from tests.unit.api import FakeApi
from tests.unit.registrations import record

Answer = tuple[int, dict[str, Any]] | None
PODS = "api/v1/namespaces/lab/pods"
DEPLOYMENTS = "apis/apps/v1/namespaces/lab/deployments"


class Judge(FakeApi):
    """An API server in which nothing exists but what `answers` has; `verdict` is what it says to dry runs."""

    def __init__(self) -> None:
        super().__init__({"api/v1/namespaces/lab": {"metadata": {"name": "lab"}}})
        self.verdict: Callable[[str, dict[str, Any]], Answer] = lambda *_: None
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.reads: list[str] = []
        self.managers: list[str] = []

    @asynccontextmanager
    async def send(self, method: str, path: str, **options: Any) -> AsyncIterator[httpx.Response]:
        if method == "GET":
            self.reads.append(path)
            async with super().send(method, path, **options) as answer:
                yield answer
            return
        assert options["params"]["dryRun"] == "All"
        body = json.loads(options["content"])
        self.asked.append((path, body))
        self.managers.append(options["params"]["fieldManager"])
        await asyncio.sleep(0)
        code, content = self.verdict(path, body) or (201, body)
        yield httpx.Response(code, json=content, request=httpx.Request(method, f"http://kubernetes/{path}"))


class Said(list[str]):
    """What was logged."""


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    lines = Said()
    for level in ("info", "warn", "error"):
        monkeypatch.setattr(pulumi.log, level, lines.append)
    return lines


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, said: Said) -> Judge:
    judge = Judge()

    async def connect(_: Connection) -> Judge:
        return judge

    monkeypatch.setattr("components.kube.client.api", connect)
    return judge


def registered(monkeypatch: pytest.MonkeyPatch, **config: Any) -> AskFirst:
    """What the program registers for a configuration, before anything is asked."""
    made: list[AskFirst] = []

    def keep(connection: Connection) -> AskFirst:
        made.append(AskFirst(connection))
        return made[0]

    def main() -> None:
        set_all_config({f"dask:{key}": it if isinstance(it, str) else json.dumps(it) for key, it in config.items()})
        runpy.run_path("__main__.py", run_name="__main__")

    monkeypatch.setattr("components.kubernetes.AskFirst", keep)
    record(main)
    return made[0]


def lab(**cluster: Any) -> dict[str, Any]:
    return {"namespace": {"name": "lab", "create": False}, "operator": {"install": False}, "clusters": {"a": cluster}}


def invalid(field: str, message: str) -> Answer:
    causes = [{"reason": "FieldValueInvalid", "field": field, "message": message}]
    return 422, {"message": f'Deployment "x" is invalid: {field}: {message}', "details": {"causes": causes}}


def forbidden(message: str, what: str = 'pods "x"') -> Answer:
    return 403, {"message": f"{what} is forbidden: {message}"}


def refused(ask: AskFirst, kind: str = "Service") -> str:
    with pytest.raises(ClusterError) as error:
        asyncio.run(ask.answer(kind))
    return str(error.value)


def test_everything_that_will_exist_is_asked_about_once(api: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = registered(monkeypatch, **lab(workerGroups={"big": {}}, tls={"enabled": True}))

    asyncio.run(ask.answer("Service"))

    kinds = [body["kind"] for _, body in api.asked]
    # The scheduler, the workers, the group: a Deployment and a pod each; and the pod of the verify Job.
    assert (kinds.count("Deployment"), kinds.count("Pod")) == (3, 4)
    assert {"DaskCluster", "DaskWorkerGroup", "Job", "Service", "ConfigMap", "Secret", "PodDisruptionBudget"} <= {
        *kinds
    }
    assert len(api.asked) == len({json.dumps(it) for it in api.asked})


def test_the_place_in_the_file_and_the_api_servers_words_are_named(api: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    workers = {"podTemplate": {"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["lake"]}]}}
    ask = registered(monkeypatch, **lab(workers=workers))
    api.verdict = lambda path, body: (
        invalid("spec.template.spec.hostAliases[2].ip", "not an address")
        if "-worker-" in body["metadata"].get("name", "")
        else None
    )

    first, line = refused(ask).splitlines()

    assert first == "the API server refuses an object of this stack; nothing was changed:"
    place = "  dask:clusters.a.workers.podTemplate.hostAliases[0].ip: the worker's Deployment 'a-"
    assert line.startswith(place)
    assert line.endswith("-default-worker-0123456789': spec.hostAliases[2].ip: not an address")


def test_a_deployment_and_its_pod_are_refused_in_one_line(api: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = registered(monkeypatch, **lab())
    api.verdict = lambda _, body: {
        "Deployment": invalid("spec.template.spec.dnsPolicy", "is wrong"),
        "Pod": invalid("spec.dnsPolicy", "is wrong"),
    }.get(body["kind"])

    words = refused(ask)

    assert [line.split(":")[1] for line in words.splitlines()[1:]] == [
        "clusters.a.scheduler",
        "clusters.a.workers",
        "clusters.a",
    ]


def test_all_refusals_are_shown_together_and_the_hooks_that_follow_are_short(
    api: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = registered(monkeypatch, **lab())
    api.verdict = lambda _, body: forbidden("a label is missing", f'{body["kind"]} "x"')

    async def hooks() -> list[Any]:
        return await asyncio.gather(*(ask.answer(kind) for kind in ("Service", "DaskCluster")), return_exceptions=True)

    first, second = map(str, asyncio.run(hooks()))

    for role in ("scheduler: the scheduler's Deployment", "workers: the worker's Deployment"):
        assert f"dask:clusters.a.{role}" in first
    assert first.count("a label is missing") == 3, first
    assert "\n" not in second


def test_a_quota_that_is_exceeded_now_is_a_warning(api: Judge, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replaced cluster may be about to give it back, and the same `up` may raise it."""
    ask = registered(monkeypatch, **lab())
    api.verdict = lambda path, _: forbidden("exceeded quota: dask") if path == PODS else None

    asyncio.run(ask.answer("Service"))

    assert any(line.startswith("refused at the moment: dask:clusters.a") for line in said)


@pytest.mark.parametrize("changed", [{"limits": {"cpu": "1"}}, {"labels": {"team": "research"}}])
def test_what_this_run_may_make_acceptable_is_a_warning(
    api: Judge, said: Said, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    ask = registered(monkeypatch, **lab() | {"namespace": {"name": "lab"} | changed})
    level = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    labels = {"app.kubernetes.io/name": "dask", "app.kubernetes.io/part-of": "dask-dev"} | level
    annotations = {"dask-on-kubernetes/role": "workspace"}
    api.answers["api/v1/namespaces/lab"] = {"metadata": {"name": "lab", "labels": labels, "annotations": annotations}}
    api.verdict = lambda path, _: forbidden("maximum cpu usage per Container is 500m") if path == PODS else None

    asyncio.run(ask.answer("Service"))

    assert any("maximum cpu usage" in line for line in said)

    api.verdict = lambda path, _: invalid("spec.dnsPolicy", "is wrong") if path == PODS else None
    ask._first = None
    assert "dnsPolicy" in refused(ask)


def test_no_permission_and_no_dry_runs_are_said_once_and_are_no_fault(
    api: Judge, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = registered(monkeypatch, **lab(workerGroups={"big": {}}))
    api.verdict = lambda path, body: {
        "Deployment": forbidden('User "ci" cannot create resource "deployments" in API group "apps"'),
        "Pod": (400, {"message": 'admission webhook "x" does not support dry run'}),
        "PodDisruptionBudget": (404, {"message": "the server could not find the requested resource"}),
    }.get(body["kind"])

    asyncio.run(ask.answer("Service"))

    assert len(said) == 3, said
    assert "it has no kind PodDisruptionBudget yet" in "".join(said)


def no_crds(_: str, body: dict[str, Any]) -> Answer:
    return (404, {"message": "the server could not find the requested resource"}) if "Dask" in body["kind"] else None


def test_what_the_operator_brings_is_asked_about_when_it_has_been_installed(
    api: Judge, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = registered(monkeypatch, **lab())
    api.verdict = no_crds

    async def up() -> None:
        await ask.answer("ConfigMap")
        assert said == []
        api.asked.clear()
        api.verdict = lambda _, body: forbidden("no clusters today") if body["kind"] == "DaskCluster" else None
        await ask.answer("DaskCluster")

    with pytest.raises(ClusterError, match=r"no cluster was created:\n.*no clusters today"):
        asyncio.run(up())
    assert [body["kind"] for _, body in api.asked] == ["DaskCluster"]


def test_kinds_that_do_not_appear_are_named_before_the_cluster(
    api: Judge, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = registered(monkeypatch, **lab())
    api.verdict = no_crds

    asyncio.run(ask.answer("DaskCluster"))

    assert said == ["the API server could not be asked about everything beforehand: it has no kind DaskCluster yet"]


class TestNamespaceThatDoesNotExist:
    @pytest.fixture
    def ask(self, api: Judge, monkeypatch: pytest.MonkeyPatch) -> AskFirst:
        del api.answers["api/v1/namespaces/lab"]
        return registered(monkeypatch, **lab() | {"namespace": {"name": "lab"}})

    def test_bodies_are_validated_in_another_one(self, api: Judge, ask: AskFirst) -> None:
        api.verdict = lambda _, body: invalid("spec.dnsPolicy", "is wrong") if body["kind"] == "Pod" else None

        assert "dask:clusters.a.scheduler: the scheduler's Pod" in refused(ask)
        assert {path.split("/namespaces/")[-1].split("/")[0] for path, _ in api.asked} >= {"default"}
        assert not [path for path, _ in api.asked if "/namespaces/lab/" in path]

    def test_its_rules_are_asked_about_before_the_cluster_is_created(self, api: Judge, ask: AskFirst) -> None:
        api.verdict = lambda _, body: forbidden("no pods here") if body["kind"] == "Pod" else None

        async def up() -> None:
            await ask.answer("Namespace")
            assert not [path for path, _ in api.asked if "/namespaces/lab/" in path]
            await ask.answer("DaskCluster")

        with pytest.raises(ClusterError, match=r"no cluster was created:\n  dask:clusters.a.*no pods here"):
            asyncio.run(up())
        assert PODS in [path for path, _ in api.asked]

    def test_a_preview_says_once_what_it_could_not_ask(
        self, ask: AskFirst, said: Said, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)

        async def preview() -> None:
            await asyncio.gather(*(ask.answer(kind) for kind in ("Namespace", "DaskCluster", "Service")))

        asyncio.run(preview())

        assert said == ["the rules of the namespace 'lab' can be asked about only when they exist: `up` does so"]

    def test_a_preview_of_everything_says_so_in_one_line(
        self, api: Judge, ask: AskFirst, said: Said, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
        api.verdict = no_crds

        asyncio.run(ask.answer("Namespace"))

        missing = "the rules of the namespace 'lab' and the operator's DaskCluster"
        assert said == [f"{missing} can be asked about only when they exist: `up` does so"]


def test_what_is_live_is_not_asked_about(api: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = registered(monkeypatch, **lab(workers={"replicas": 2}))
    for one in ask.objects:
        live = json.loads(json.dumps(one.body))
        api.answers.setdefault(one.collection, {"items": []})["items"].append(live)  # type: ignore[index]

    api.reads.clear()

    asyncio.run(ask.answer("Service"))

    assert api.asked == []
    # One list for each kind, however many objects there are.
    assert len(api.reads) == len(set(api.reads)) == len({one.collection for one in ask.objects})


@pytest.mark.parametrize("operation", ["Apply", "Update"])
def test_a_change_is_asked_about_under_the_name_that_the_provider_applies_it_under(
    api: Judge, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """A field that is no longer declared, such as the source ranges of a load balancer, is removed then."""
    ask = registered(monkeypatch, **lab())
    for one in ask.objects:
        live = json.loads(json.dumps(one.body))
        if one.kind == "Service":
            live["spec"]["loadBalancerSourceRanges"] = ["10.0.0.0/8"]
            live["spec"]["type"] = "LoadBalancer"
            live["metadata"]["managedFields"] = [{"manager": "pulumi-kubernetes-1a2b3c4d", "operation": operation}]
        api.answers.setdefault(one.collection, {"items": []})["items"].append(live)  # type: ignore[index]

    asyncio.run(ask.answer("Service"))

    assert [body["kind"] for _, body in api.asked] == ["Service"]
    assert (api.managers == ["pulumi-kubernetes-1a2b3c4d"]) == (operation == "Apply")


def test_clusters_that_differ_in_their_names_only_are_asked_about_once(
    api: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {f"team-{number:02}": {} for number in range(30)}
    ask = registered(monkeypatch, **lab() | {"clusters": many})
    api.verdict = lambda _, body: forbidden("no") if body["kind"] == "Deployment" else None

    words = refused(ask)

    assert len([body for _, body in api.asked if body["kind"] == "Deployment"]) == 2
    assert len(api.asked) < 20
    assert "dask:clusters.team-00.scheduler, dask:clusters.team-01.scheduler" in words
    assert "and 27 more" in words


def test_a_node_port_that_is_taken_is_left_to_whoever_names_its_holder(
    api: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = registered(monkeypatch, **lab())
    api.verdict = lambda _, body: (
        invalid("spec.ports[0].nodePort", "provided port is already allocated") if body["kind"] == "Service" else None
    )

    asyncio.run(ask.answer("Service"))


def test_a_preview_without_a_kubernetes_api_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = AskFirst(Connection(), parse({}))

    async def nobody(_: Connection) -> Any:
        return None

    monkeypatch.setattr(ask_first.ownership, "reached", nobody)

    asyncio.run(ask.answer("DaskCluster"))
