"""Secrets with types, for pods and for the operator; service accounts; and a namespace of another owner."""

from typing import Any

import pulumi
import pytest

from components.configuration import parse, warnings
from components.lifecycle import proposal
from components.manifests.secrets import secret_names
from tests.unit.api import FakeApi
from tests.unit.conftest import Program
from tests.unit.helm import record as helm_record
from tests.unit.registrations import OWNER_ID, Recording, Registration

OPERATORS, OWN = "dask-operator", "dask"


def config_of(token: str) -> dict[str, str]:
    return {".dockerconfigjson": f'{{"auths": {{"registry.example.com": {{"auth": "{token}"}}}}}}'}


CREDENTIALS = {"registry": config_of("one")}


def secrets(recording: Recording, namespace: str = OWN) -> list[Registration]:
    found = [it for it in recording.registrations if it.type == "kubernetes:core/v1:Secret"]
    return [it for it in found if it.inputs["metadata"]["namespace"] == namespace]


class TestTypes:
    @pytest.mark.parametrize(
        ("data", "written", "expected"),
        [
            ({"KEY": "x"}, None, None),
            ({"username": "a", "password": "b"}, None, None),
            ({"tls.crt": "a", "tls.key": "b"}, None, None),
            (config_of("one"), None, "kubernetes.io/dockerconfigjson"),
            (config_of("one"), "Opaque", None),
            ({"username": "a", "password": "b"}, "kubernetes.io/basic-auth", "kubernetes.io/basic-auth"),
            ({"tls.crt": "a", "tls.key": "b", "ca.crt": "c"}, "kubernetes.io/tls", "kubernetes.io/tls"),
            ({"ssh-privatekey": "a"}, "kubernetes.io/ssh-auth", "kubernetes.io/ssh-auth"),
        ],
    )
    def test_a_secret_has_the_type_that_is_written_or_that_its_key_is_for(
        self, program: Program, data: dict[str, str], written: str | None, expected: str | None
    ) -> None:
        types = {"secretTypes": {"it": written}} if written else {}

        [made] = secrets(program(secrets={"it": data}, **types))

        assert made.inputs.get("type") == expected

    def test_names_of_opaque_secrets_are_those_of_earlier_versions(self) -> None:
        names = secret_names(parse({"namespace": {"name": "lab"}, "secrets": {"db": {"PASSWORD": "one"}}}))

        assert names == {"db": "db-e1e7ca42"}

    def test_another_type_is_another_secret(self) -> None:
        raw = {"secrets": {"web": {"tls.crt": "a", "tls.key": "b"}}}

        assert secret_names(parse(raw)) != secret_names(parse(raw | {"secretTypes": {"web": "kubernetes.io/tls"}}))


class TestRegistryCredentials:
    def test_pods_name_them_and_another_content_is_an_update_in_place(self, program: Program) -> None:
        given: Any = {"clusters": {"a": {"imagePullSecrets": ["registry"]}}}
        before = program(secrets=CREDENTIALS, **given)
        after = program(secrets={"registry": config_of("two")}, **given)

        [one], [two] = secrets(before), secrets(after)
        assert one.inputs["metadata"]["name"] == two.inputs["metadata"]["name"] == "registry"
        assert (one.name, "immutable" in one.inputs) == (two.name, False)
        assert one.inputs["stringData"] != two.inputs["stringData"]
        assert before.only("DaskCluster").inputs == after.only("DaskCluster").inputs
        pod = after.only("DaskCluster").inputs["spec"]["worker"]["spec"]
        assert pod["imagePullSecrets"] == [{"name": "registry"}]

    def test_the_provider_updates_them_instead_of_deleting_them(self, program: Program) -> None:
        [provider] = [it for it in program().registrations if it.type == "pulumi:providers:kubernetes"]

        assert provider.inputs["enableSecretMutable"] == "true"

    @pytest.mark.parametrize(
        "operator", [{"imagePullSecrets": ["registry"]}, {"values": {"imagePullSecrets": [{"name": "registry"}]}}]
    )
    def test_the_operators_namespace_gets_those_that_its_chart_names(self, program: Program, operator: Any) -> None:
        recording = program(secrets=CREDENTIALS | {"other": config_of("one")}, operator=operator)

        [made] = secrets(recording, OPERATORS)
        assert made.inputs["metadata"]["name"] == "registry"
        assert made.inputs["type"] == "kubernetes.io/dockerconfigjson"
        assert made.name in recording.only("Release").depends_on
        assert len(secrets(recording)) == 2

    @pytest.mark.parametrize(
        "operator",
        [
            {},
            {"imagePullSecrets": ["made-elsewhere"]},
            {"imagePullSecrets": ["registry"], "namespace": OWN, "createNamespace": False},
            {"imagePullSecrets": ["registry"], "install": False},
        ],
    )
    def test_nobody_else_gets_them(self, program: Program, operator: Any) -> None:
        recording = program(secrets=CREDENTIALS, operator=operator)

        assert [it.name for it in recording.registrations if it.type.endswith(":Secret")] == ["registry"]

    @pytest.mark.parametrize(("owner", "stays"), [(OWNER_ID, True), ("of-nobody-here", False)])
    def test_they_stay_with_an_operator_that_is_handed_over(
        self, program: Program, kubernetes: FakeApi, owner: str, stays: bool
    ) -> None:
        values = {"imagePullSecrets": [{"name": "registry"}]}
        kubernetes.answers |= {
            "api/v1/secrets": {"items": [helm_record(4, OWNER_ID, values=values)]},
            f"api/v1/namespaces/{OPERATORS}/secrets/registry": {
                "metadata": {"annotations": {"dask-on-kubernetes/owner": owner}}
            },
        }

        recording = program(operator={"install": False})

        read = recording.read.get(("dask:k8s:Operator", "pull-secret-registry"))
        assert read == (f"{OPERATORS}/registry" if stays else None)

    def test_a_pull_secret_without_credentials_is_warned_about(self) -> None:
        settings = parse({"secrets": {"lake": {"KEY": "x"}}, "clusters": {"a": {"imagePullSecrets": ["lake", "own"]}}})

        assert warnings(settings) == [
            "dask:clusters.a.imagePullSecrets[0]: 'lake' is a Secret of this stack without registry credentials, so a "
            "Secret of that name has to exist; give the one under `dask:secrets` the key `.dockerconfigjson`"
        ]


def test_the_api_server_is_asked_about_a_secret_without_what_its_type_demands() -> None:
    """Its values are not known to the question, and each type demands keys of them."""
    unknown = {".dockerconfigjson": object()}
    props = {"metadata": {"name": "registry"}, "type": "kubernetes.io/dockerconfigjson", "stringData": unknown}
    args = pulumi.ResourceTransformationArgs(None, "kubernetes:core/v1:Secret", "a", props, pulumi.ResourceOptions())  # type: ignore[arg-type]

    found = proposal.declared(args)

    assert found is not None
    assert found.body.keys() == {"apiVersion", "kind", "metadata"}


def test_service_accounts_have_their_own_names_and_exist_before_the_clusters(program: Program) -> None:
    account = {"annotations": {"eks.amazonaws.com/role-arn": "arn"}, "imagePullSecrets": ["registry"]}

    recording = program(serviceAccounts={"lake": account}, clusters={"a": {"serviceAccount": "lake"}})

    made = recording.only("ServiceAccount")
    assert made.inputs["metadata"]["name"] == "lake"
    assert made.inputs["metadata"]["annotations"].items() >= account["annotations"].items()
    assert made.inputs["metadata"]["labels"]["app.kubernetes.io/part-of"] == "dask-dev"
    assert made.inputs["imagePullSecrets"] == [{"name": "registry"}]
    assert made.name in recording.only("DaskCluster").depends_on


class TestNamespaceOfAnotherOwner:
    def test_nothing_of_it_is_written(self, program: Program) -> None:
        recording = program(namespace={"name": "theirs", "create": False}, clusters={"a": {}})

        names = [it.inputs["metadata"]["name"] for it in recording.registrations if it.type.endswith(":Namespace")]
        assert names == [OPERATORS]

    def test_labels_that_would_be_left_out_are_named(self) -> None:
        settings = parse({"namespace": {"name": "theirs", "create": False, "labels": {"team": "research"}}})

        assert warnings(settings) == [
            "dask:namespace.labels: are left as they are, because this stack does not create the namespace; remove "
            "them, or ask its owner to set them"
        ]
