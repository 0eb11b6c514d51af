"""The network policy of the stack's namespace: about which pods it is, and whom it lets in."""

import json
import runpy
from collections.abc import Callable
from typing import Any

import pytest
from pulumi.runtime import set_all_config

from components.kube.client import Connection
from tests.unit.api import FakeApi
from tests.unit.registrations import Recording, Registration, record

Program = Callable[..., Recording]


@pytest.fixture
def kubernetes(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """A Kubernetes with nothing on it."""
    api = FakeApi()

    async def connect(_: Connection) -> FakeApi:
        return api

    monkeypatch.setattr("components.kube.client.api", connect)
    return api


@pytest.fixture
def program(kubernetes: FakeApi) -> Program:
    """Runs `__main__.py` with the given `dask:` configuration."""

    def run(**config: Any) -> Recording:
        def main() -> None:
            set_all_config({f"dask:{key}": json.dumps(value) for key, value in config.items()})
            runpy.run_path("__main__.py", run_name="__main__")

        return record(main)

    return run


def only(recording: Recording, kind: str) -> Registration:
    [made] = [made for made in recording.registrations if made.type.rsplit(":", 1)[-1] == kind]
    return made


def test_the_network_policy_lets_in_only_the_operators_own_namespace(program: Program) -> None:
    recording = program(namespace={"networkPolicies": True}, operator={"namespace": "ops"})

    peers = only(recording, "NetworkPolicy").inputs["spec"]["ingress"][0]["from"]
    assert peers[0] == {"podSelector": {}}
    assert peers[1]["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "ops"}}


def test_a_network_policy_in_somebody_elses_namespace_is_about_our_pods_alone(program: Program) -> None:
    ours = program(namespace={"networkPolicies": True})
    theirs = program(namespace={"networkPolicies": True, "create": False})

    assert only(ours, "NetworkPolicy").inputs["spec"]["podSelector"] == {}
    selected = only(theirs, "NetworkPolicy").inputs["spec"]["podSelector"]["matchLabels"]
    assert selected == {"app.kubernetes.io/part-of": "dask-dev"}
    assert selected.items() <= only(program(clusters={"a": {}}), "DaskCluster").inputs["metadata"]["labels"].items()


def test_a_foreign_operator_is_let_in_where_it_is(program: Program, kubernetes: FakeApi) -> None:
    labels = {"app.kubernetes.io/name": "dask-kubernetes-operator"}
    operator = {"metadata": {"name": "o", "namespace": "shared", "labels": labels}}
    operator["spec"] = {"template": {"spec": {"containers": [{"args": ["--all-namespaces"]}]}}}
    kubernetes.answers["apis/apps/v1/deployments"] = {"items": [operator]}

    recording = program(namespace={"networkPolicies": True}, operator={"install": False})

    peers = only(recording, "NetworkPolicy").inputs["spec"]["ingress"][0]["from"]
    assert peers[1]["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "shared"}}
