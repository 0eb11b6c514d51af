"""The Kubernetes of a program: provider, hooks and guard are about one cluster, known now or later."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pulumi
import pytest
from pulumi import Output, ResourceOptions
from pulumi_kubernetes import Provider

from components import DaskCluster, DaskJob, DaskOperator, ExistingNamespace, Kubernetes, Workspace
from components.configuration import parse
from components.kube import client as kube
from components.kube.client import Connection
from components.kube.errors import UnknownClusterError
from components.kubernetes import node_hosts
from components.lifecycle import jobs, operators, ownership, repair
from components.lifecycle import node_ports as nodeports
from components.lifecycle.ownership import Claim
from tests.support.declared import declared, declared_job
from tests.unit.api import FakeApi
from tests.unit.registrations import Recording, record

CONTENTS = "apiVersion: v1\nkind: Config\n"
NODE_PORT = {"endpoint": {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30786, "dashboard": 30787}}}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """The connections that are asked for, of a Kubernetes with nothing on it."""
    asked: list[Connection] = []

    async def connect(connection: Connection) -> FakeApi:
        asked.append(connection)
        return FakeApi()

    monkeypatch.setattr("components.kube.client.api", connect)
    return asked


def unknown() -> Output[Any]:
    """An output of a resource that a preview only announces."""
    value, known = asyncio.Future[Any](), asyncio.Future[bool]()
    value.set_result(None)
    known.set_result(False)
    return Output(set(), value, known)


def providers_of(recording: Recording) -> set[str]:
    """The names of the providers that Kubernetes objects are registered with."""
    objects = [it for it in recording.registrations if it.type.startswith("kubernetes:")]
    return {it.request.provider.split("::")[3] for it in objects}


@pytest.mark.parametrize("given", [CONTENTS, {"apiVersion": "v1", "kind": "Config"}], ids=["text", "mapping"])
def test_a_kubeconfig_that_is_an_output_reaches_the_provider_and_the_hooks(given: Any) -> None:
    found: list[Connection | None] = []

    def program() -> None:
        where = Kubernetes(kubeconfig=Output.from_input(given))

        async def look() -> None:
            assert where.connection.later
            found.append(await where.connection.later())

        Output.from_input(look())

    provider = record(program).made["kubernetes"]

    [connection] = found
    assert connection
    assert connection.holds_contents
    # The provider's is wrapped as a secret.
    assert (connection.kubeconfig or "-") in str(provider.request.object.fields["kubeconfig"]).encode().decode(
        "unicode_escape"
    )
    assert "4dabf18193072939515e22adb298388d" in str(provider.request.object.fields["kubeconfig"])


def test_a_preview_of_a_cluster_that_does_not_exist_yet_registers_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    for level in ("warn", "error"):
        monkeypatch.setattr(pulumi.log, level, lambda text, *_: told.append(text))

    def program() -> None:
        where = ExistingNamespace("lab", Kubernetes(kubeconfig=unknown()))
        cluster = DaskCluster("a", NODE_PORT, where)
        DaskJob("once", {"runner": {"script": "pass"}}, where)
        pulumi.export("address", cluster.scheduler_address)

    recording = record(program, preview=True)

    kinds = {it.type.rpartition(":")[2] for it in recording.registrations}
    assert {"DaskCluster", "Job", "Service", "ConfigMap", "DaskJob"} <= kinds
    assert told == []


LATER = Connection(later=lambda: _nothing())


async def _nothing() -> None:
    return None


BODY = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "namespace": "lab"}}
OLD = {"metadata": {"name": "a", "namespace": "lab", "annotations": {}}}
PREVIEWED: dict[str, Callable[[], Awaitable[Any]]] = {
    "guard of a create": lambda: ownership.before_create(LATER, BODY, Claim("dask-dev")),
    "guard of an update": lambda: ownership.before_update(LATER, BODY, Claim("dask-dev")),
    "ended jobs": lambda: jobs.keep_ended(LATER, declared_job("once", {"runner": {"script": "pass"}})),
    "node ports": lambda: nodeports.hand_over(LATER, declared("a", NODE_PORT), [], None),
    "endpoint": lambda: nodeports.preview(LATER, declared("a", NODE_PORT), []),
    "drift": lambda: repair._seen(LATER, declared("a")),
    "nodes": lambda: node_hosts(LATER),
    "operators": lambda: operators._found_homes(LATER, "dask-operator", "lab"),
}


@pytest.mark.parametrize("asked", PREVIEWED)
def test_what_a_preview_asks_of_an_unknown_cluster_neither_fails_nor_warns(
    monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    told: list[str] = []
    for level in ("info", "warn", "error"):
        monkeypatch.setattr(pulumi.log, level, lambda text, *_: told.append(text))
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)

    async def ask() -> None:
        await PREVIEWED[asked]()

    asyncio.run(ask())

    assert told == []


def test_up_says_plainly_that_the_cluster_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)

    async def ask() -> None:
        await kube.api(LATER)

    with pytest.raises(UnknownClusterError, match="not known yet: its kubeconfig is an output"):
        asyncio.run(ask())


def test_clusters_of_a_program_share_one_kubernetes(api: list[Connection]) -> None:
    def program() -> None:
        DaskCluster("a", {}, "lab")
        DaskCluster("b", {}, "lab")

    recording = record(program)

    names = [it.name for it in recording.registrations]
    assert (names.count("kubernetes"), names.count("owner")) == (1, 1)
    assert providers_of(recording) == {"kubernetes"}


def test_a_program_may_work_on_two_clusters(api: list[Connection]) -> None:
    def program() -> None:
        for region in ("eu", "us"):
            DaskCluster(region, {}, ExistingNamespace("lab", Kubernetes(region, context=region)))

    recording = record(program)

    assert [it.name for it in recording.registrations].count("owner") == 1
    for region in ("eu", "us"):
        endpoint = recording.made[f"{region}-endpoint"].request
        assert endpoint.provider.split("::")[3] == region
        assert next(iter(endpoint.hooks.before_create)) == f"{region}-ownership"
    assert {connection.context for connection in api} == {"eu", "us"}


def test_a_provider_in_the_options_cannot_disagree_with_the_hooks(api: list[Connection]) -> None:
    def program() -> None:
        DaskCluster("a", {}, "lab", ResourceOptions(provider=Provider("other", context="elsewhere")))

    assert providers_of(record(program)) == {"kubernetes"}


def test_settings_are_a_mapping_or_a_model(api: list[Connection]) -> None:
    raw = {"workers": {"replicas": 2}}

    def names(settings: Any) -> list[str]:
        return sorted(it.name for it in record(lambda: _cluster(settings)).registrations)

    def _cluster(settings: Any) -> None:
        DaskCluster("a", settings, "lab")

    assert names(raw) == names(parse({"clusters": {"a": raw}}).clusters["a"])


def test_mistakes_in_a_mapping_are_those_of_a_stack_file(api: list[Connection]) -> None:
    def wrong() -> None:
        DaskCluster("a", {"workers": {"replicas": -1}}, "lab")

    with pytest.raises(pulumi.RunError, match=r"dask:clusters\.a\.workers\.replicas: -1 must be at least 0"):
        record(wrong)


OUTPUTS: dict[str, Callable[[Any], object]] = {
    "the namespace of a cluster": lambda it: DaskCluster("a", {}, it),
    "the namespace of a job": lambda it: DaskJob("a", {"runner": {"script": "pass"}}, it),
    "an existing namespace": lambda it: ExistingNamespace(it),
    "a context": lambda it: Kubernetes("eu", context=it),
}
SETTINGS: dict[str, Callable[[Any], object]] = {
    "namespace.name": lambda it: Workspace("a", {"namespace": {"name": it}}),
    "secrets.db.PASSWORD": lambda it: Workspace("a", {"secrets": {"db": {"PASSWORD": it}}}),
    "clusters.a": lambda it: DaskCluster("a", it, "lab"),
    "clusters.a.env.TOKEN": lambda it: DaskCluster("a", {"env": {"TOKEN": it}}, "lab"),
    "clusters.a.imagePullSecrets[1]": lambda it: DaskCluster("a", {"imagePullSecrets": ["one", it]}, "lab"),
    "jobs.a.image": lambda it: DaskJob("a", {"image": it, "runner": {"script": "pass"}}, "lab"),
    "operator.namespace": lambda it: DaskOperator("a", {"namespace": it}),
    "labels": lambda it: ExistingNamespace("lab", labels=it),
    "annotations.team": lambda it: ExistingNamespace("lab", annotations={"team": it}),
}


@pytest.mark.parametrize("what", OUTPUTS)
def test_a_name_that_is_an_output_is_refused_with_what_to_do(api: list[Connection], what: str) -> None:
    with pytest.raises(pulumi.RunError, match=r"must be a plain name.*`depends_on` for the order"):
        record(lambda: OUTPUTS[what](Output.from_input("lab")))


@pytest.mark.parametrize("path", SETTINGS)
def test_a_setting_that_is_an_output_is_refused_with_its_path(api: list[Connection], path: str) -> None:
    with pytest.raises(pulumi.RunError, match=rf"dask:{re.escape(path)}: is an output or a secret.*`depends_on`"):
        record(lambda: SETTINGS[path](Output.from_input("lab")))
