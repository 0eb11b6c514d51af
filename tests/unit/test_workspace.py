"""The network policy of the stack's namespace: about which pods it is, and whom it lets in."""

from tests.unit.api import FakeApi
from tests.unit.conftest import Program


def test_the_network_policy_lets_in_only_the_operators_own_namespace(program: Program) -> None:
    recording = program(namespace={"networkPolicies": True}, operator={"namespace": "ops"})

    peers = recording.only("NetworkPolicy").inputs["spec"]["ingress"][0]["from"]
    assert peers[0] == {"podSelector": {}}
    assert peers[1]["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "ops"}}


def test_a_network_policy_in_somebody_elses_namespace_is_about_our_pods_alone(program: Program) -> None:
    ours = program(namespace={"networkPolicies": True})
    theirs = program(namespace={"networkPolicies": True, "create": False})

    assert ours.only("NetworkPolicy").inputs["spec"]["podSelector"] == {}
    selected = theirs.only("NetworkPolicy").inputs["spec"]["podSelector"]["matchLabels"]
    assert selected == {"app.kubernetes.io/part-of": "dask-dev"}
    assert selected.items() <= program(clusters={"a": {}}).only("DaskCluster").inputs["metadata"]["labels"].items()


def test_a_foreign_operator_is_let_in_where_it_is(program: Program, kubernetes: FakeApi) -> None:
    labels = {"app.kubernetes.io/name": "dask-kubernetes-operator"}
    operator = {"metadata": {"name": "o", "namespace": "shared", "labels": labels}}
    containers = [{"name": "dask-kubernetes-operator", "args": ["--all-namespaces"]}]
    operator["spec"] = {"template": {"spec": {"containers": containers}}}
    kubernetes.answers["apis/apps/v1/deployments"] = {"items": [operator]}

    recording = program(namespace={"networkPolicies": True}, operator={"install": False})

    peers = recording.only("NetworkPolicy").inputs["spec"]["ingress"][0]["from"]
    assert peers[1]["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "shared"}}
