"""What the plain resources register is what pulumi_kubernetes' classes would: the type, the inputs and the secrets."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi_kubernetes import apiextensions, batch, core, helm, networking, policy, rbac

from components.objects import HelmRelease, KubernetesObject, object_type
from tests.unit.registrations import Recording, record

SDK: dict[tuple[str, str], Callable[..., pulumi.CustomResource]] = {
    ("v1", "Namespace"): core.v1.Namespace,
    ("v1", "Service"): core.v1.Service,
    ("v1", "ConfigMap"): core.v1.ConfigMap,
    ("v1", "Secret"): core.v1.Secret,
    ("v1", "ResourceQuota"): core.v1.ResourceQuota,
    ("v1", "LimitRange"): core.v1.LimitRange,
    ("batch/v1", "Job"): batch.v1.Job,
    ("policy/v1", "PodDisruptionBudget"): policy.v1.PodDisruptionBudget,
    ("networking.k8s.io/v1", "NetworkPolicy"): networking.v1.NetworkPolicy,
    ("rbac.authorization.k8s.io/v1", "Role"): rbac.v1.Role,
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): rbac.v1.RoleBinding,
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): rbac.v1.ClusterRole,
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): rbac.v1.ClusterRoleBinding,
}
METADATA = {"name": "a", "namespace": "lab", "labels": {"app.kubernetes.io/name": "dask"}}
# Contents in which a name is written in two ways, by the kind.
CONTENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Service": ({"spec": {"type": "ClusterIP"}}, {"spec": {"type": "ClusterIP"}}),
    "Secret": ({"stringData": {"k": "v"}, "immutable": True}, {"string_data": {"k": "v"}, "immutable": True}),
    "RoleBinding": ({"roleRef": {"name": "r"}, "subjects": []}, {"role_ref": {"name": "r"}, "subjects": []}),
    "ClusterRoleBinding": ({"roleRef": {"name": "r"}, "subjects": []}, {"role_ref": {"name": "r"}, "subjects": []}),
    "ConfigMap": ({"data": {"snake_case": "x"}}, {"data": {"snake_case": "x"}}),
    "Role": ({"rules": [{"apiGroups": [""]}]}, {"rules": [{"apiGroups": [""]}]}),
    "ClusterRole": ({"rules": [{"apiGroups": [""]}]}, {"rules": [{"apiGroups": [""]}]}),
}


def facts(recording: Recording, name: str) -> tuple[Any, ...]:
    made = recording.made[name]
    return made.type, made.inputs, set(made.request.additionalSecretOutputs)


@pytest.mark.parametrize(("api", "kind"), SDK)
def test_an_object_is_registered_as_by_its_class(api: str, kind: str) -> None:
    ours, theirs = CONTENT.get(kind, ({}, {}))

    def program() -> None:
        KubernetesObject("ours", {"apiVersion": api, "kind": kind, "metadata": METADATA} | ours)
        SDK[api, kind]("theirs", metadata=METADATA, **theirs)

    recording = record(program)

    assert facts(recording, "ours") == facts(recording, "theirs")


def test_a_custom_resource_is_registered_as_by_the_class_of_them_all() -> None:
    body = {"apiVersion": "kubernetes.dask.org/v1", "kind": "DaskCluster", "metadata": METADATA, "spec": {"a": [1]}}

    def program() -> None:
        KubernetesObject("ours", body)
        apiextensions.CustomResource(
            "theirs", api_version=body["apiVersion"], kind=body["kind"], metadata=METADATA, spec=body["spec"]
        )

    recording = record(program)

    assert facts(recording, "ours") == facts(recording, "theirs")
    assert recording.made["ours"].type == object_type(body) == "kubernetes:kubernetes.dask.org/v1:DaskCluster"


def test_a_release_is_registered_as_by_its_class() -> None:
    def program() -> None:
        HelmRelease(
            "ours", {"chart": "c", "skipCrds": True, "values": {"a_b": 1}, "repositoryOpts": {"repo": "https://r"}}
        )
        helm.v3.Release(
            "theirs",
            chart="c",
            skip_crds=True,
            values={"a_b": 1},
            repository_opts=helm.v3.RepositoryOptsArgs(repo="https://r"),
        )

    recording = record(program)

    assert facts(recording, "ours") == facts(recording, "theirs")


def test_what_the_api_server_adds_is_an_output() -> None:
    ports: list[Any] = []

    def program() -> None:
        spec = {"type": "NodePort", "ports": [{"name": "x", "port": 1}]}
        service = KubernetesObject("s", {"apiVersion": "v1", "kind": "Service", "metadata": METADATA, "spec": spec})
        pulumi.Output.all(service.spec, service.status).apply(ports.append)

    record(program)

    [[spec, status]] = ports
    assert spec["ports"][0]["nodePort"] == 31000
    assert status is None
