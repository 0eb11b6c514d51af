"""The component for other languages: what it registers, and what it gives out."""

from typing import Any

import pulumi
import pytest
from pulumi.provider.server import ComponentInitError
from pulumi_kubernetes import Provider

from components.kube.client import Connection
from components.settings.mistakes import ConfigError
from components.vocabulary import OWNER
from plugin.package import PACKAGE, DaskCluster, DaskJob, DaskOperator, Package, Workspace
from tests.unit.api import FakeApi, connected
from tests.unit.registrations import OWNER_ID, record

NODE = "10.9.8.7"
ENDPOINT = {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30786.0, "dashboard": 30787.0}}
CONTENTS = "apiVersion: v1\nkind: Config\n"


@pytest.fixture(autouse=True)
def one_node(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hosts(_: Connection) -> list[str]:
        return [NODE]

    monkeypatch.setattr("components.kubernetes.node_hosts", hosts)
    connected(monkeypatch, FakeApi())


def made_with(**args: Any) -> Any:
    def program() -> None:
        inputs: Any = {"namespace": "lab", "cluster": {"endpoint": ENDPOINT}} | args
        made = DaskCluster("forecast", inputs)
        pulumi.export("address", made.scheduler_address)
        pulumi.export("port", made.scheduler_node_port)

    return record(program)


def test_it_makes_a_whole_cluster_in_the_namespace_that_is_there() -> None:
    recording = made_with()

    kinds = {one.type.rsplit(":", 1)[-1] for one in recording.registrations if one.type.startswith("kubernetes:")}
    assert {"DaskCluster", "Job", "Service", "ConfigMap"} <= kinds
    assert not {"Namespace", "Release"} & kinds
    assert recording.outputs["address"] == f"tcp://{NODE}:30786"
    assert recording.outputs["port"] == 30786


@pytest.mark.parametrize("args", [{"context": "eu"}, {"kubeconfig": CONTENTS}], ids=str)
def test_a_provider_of_its_own_reaches_where_the_hooks_do(args: dict[str, str]) -> None:
    recording = made_with(**args)

    provider = recording.made["forecast-kubernetes"]
    assert "::forecast-kubernetes::" in recording.made["forecast-endpoint"].request.provider
    assert provider.inputs["clusterIdentifier"] == "the stack's"
    assert provider.inputs.get("context") == args.get("context")
    assert ("kubeconfig" in provider.inputs) == ("kubeconfig" in args)
    # What is not a plain text here is wrapped as a secret.
    assert not provider.request.object.fields["kubeconfig"].string_value


@pytest.mark.parametrize("args", [{}, {"context": "eu"}], ids=str)
def test_its_objects_are_guarded(args: dict[str, str]) -> None:
    recording = made_with(**args)

    objects = [one for one in recording.registrations if one.type.startswith("kubernetes:")]
    assert {next(iter(one.request.hooks.before_create)) for one in objects} == {"forecast-ownership"}
    assert {one.inputs["metadata"]["annotations"][OWNER] for one in objects} == {OWNER_ID}


def test_mistakes_are_told_as_in_a_stack_file() -> None:
    with pytest.raises(ConfigError, match=r"dask:clusters\.forecast\.workers\.replicas: -1 must be at least 0"):
        made_with(cluster={"workers": {"replicas": -1.0}})


OUTPUTS: dict[str, dict[str, Any]] = {
    "namespace of a cluster": {"namespace": "it"},
    "clusters.forecast: is an output": {"cluster": "it"},
    "clusters.forecast.image: is an output": {"cluster": {"image": "it"}},
    "context of a kubeconfig": {"context": "it"},
    "labels: is an output": {"labels": "it"},
    "annotations.team: is an output": {"annotations": {"team": "it"}},
    "namespace.podSecurity: is an output": {"pod_security": "it"},
}


def with_outputs(args: Any) -> Any:
    if isinstance(args, dict):
        return {key: with_outputs(value) for key, value in args.items()}
    return pulumi.Output.from_input(args)


@pytest.mark.parametrize("message", OUTPUTS)
def test_an_output_is_refused_instead_of_being_read_as_nothing(message: str) -> None:
    def program() -> None:
        inputs: Any = {"namespace": "lab"} | with_outputs(OUTPUTS[message])
        DaskCluster("forecast", inputs)

    with pytest.raises(pulumi.RunError, match=message):
        record(program)


def test_what_its_types_do_not_have_reaches_the_checks() -> None:
    """The engine checks no names, and YAML has no types: a misspelt key must not be dropped."""
    misspelt: Any = {"namespace": "lab", "cluster": {"wrokers": {"replicas": 2.0}}}

    def program() -> None:
        Package().construct("forecast", f"{PACKAGE}:index:DaskCluster", misspelt)

    with pytest.raises(ComponentInitError, match=r"dask:clusters\.forecast\.wrokers.*did you mean 'workers'"):
        record(program)


def test_a_namespace_below_the_restricted_level_may_have_host_paths() -> None:
    volume = {"name": "data", "hostPath": "/srv/data", "mountPath": "/data"}

    recording = made_with(pod_security="privileged", cluster={"volumes": [volume]})

    [cluster] = [it for it in recording.registrations if it.type.endswith("/v1:DaskCluster")]
    assert "securityContext" not in cluster.inputs["spec"]["worker"]["spec"]


def test_a_kubeconfig_may_be_an_output() -> None:
    def program() -> None:
        inputs: Any = {"namespace": "lab", "kubeconfig": pulumi.Output.from_input(CONTENTS)}
        DaskCluster("forecast", inputs)

    recording = record(program)

    assert "::forecast-kubernetes::" in recording.made["forecast-endpoint"].request.provider


def test_a_provider_that_does_not_say_which_cluster_it_is_for_is_refused() -> None:
    def program() -> None:
        inputs: Any = {"namespace": "lab"}
        handed = {"kubernetes": Provider("handed", context="eu")}
        DaskCluster("forecast", inputs, pulumi.ResourceOptions(providers=handed))

    with pytest.raises(pulumi.RunError, match="set `context` or `kubeconfig` instead"):
        record(program)


NAMESPACE: Any = {"namespace": {"name": "lab", "quota": {"pods": 9.0}}}
OTHERS: dict[str, tuple[Any, Any, set[str]]] = {
    "job": (DaskJob, {"namespace": "lab", "job": {"runner": {"script": "pass"}}}, {"DaskJob", "ConfigMap"}),
    "operator": (DaskOperator, {"operator": {"namespace": "ops"}}, {"Release", "Namespace"}),
    "workspace": (Workspace, NAMESPACE, {"Namespace", "ResourceQuota"}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_other_components_create_what_the_program_does(name: str) -> None:
    component, args, kinds = OTHERS[name]

    recording = record(lambda: component("mine", args))

    objects = [it for it in recording.registrations if it.type.startswith("kubernetes:")]
    assert {it.type.rsplit(":", 1)[-1] for it in objects} == kinds
    # Helm creates the release's objects, and the release guards itself.
    guarded = [next(iter(it.request.hooks.before_create)) for it in objects if not it.type.endswith(":Release")]
    assert set(guarded) == {"mine-ownership"}
