"""What a stack has created and no longer owns is read, so that the engine lets it go instead of deleting it."""

from typing import Any

import pytest

from components.kube.errors import ClusterError
from components.vocabulary import OWNER, PART_OF
from tests.unit.api import FakeApi, connected
from tests.unit.helm import record as helm_record
from tests.unit.registrations import OWNER_ID, Recording, registered

OTHERS = "ba9876543210"
RIGHTS = "apis/rbac.authorization.k8s.io/v1"


def run(**config: Any) -> Recording:
    return registered(config)


def namespace(name: str, owner: str | None = OWNER_ID, role: str = "workspace", part_of: str = "dask-dev") -> Any:
    annotations = {OWNER: owner, "dask-on-kubernetes/role": role} if owner else {}
    return {"metadata": {"name": name, "labels": {PART_OF: part_of}, "annotations": annotations}}


class TestNamespace:
    def test_our_own_is_read_under_the_name_that_the_state_knows(self, kubernetes: FakeApi, logged: list[str]) -> None:
        kubernetes.answers["api/v1/namespaces/lab"] = namespace("lab")

        recording = run(namespace={"name": "lab", "create": False}, operator={"install": False})

        assert recording.read == {("dask:k8s:Workspace", "namespace"): "lab"}
        assert logged == [
            "the namespace 'lab' was created by this stack and is no longer managed, because `dask:namespace.create` "
            "is false: it stays with all that is in it, and `pulumi destroy` leaves it too"
        ]

    @pytest.mark.parametrize("other", [404, 403, namespace("lab", OTHERS), namespace("lab", None, part_of="dask-prod")])
    def test_anybody_elses_is_not(self, kubernetes: FakeApi, other: Any) -> None:
        kubernetes.answers["api/v1/namespaces/lab"] = other

        recording = run(namespace={"name": "lab", "create": False}, operator={"install": False})

        assert recording.read == {}

    def test_one_of_an_earlier_version_is_known_by_its_label(self, kubernetes: FakeApi) -> None:
        kubernetes.answers["api/v1/namespaces/lab"] = namespace("lab", None)

        recording = run(namespace={"name": "lab", "create": False}, operator={"install": False})

        assert recording.read == {("dask:k8s:Workspace", "namespace"): "lab"}

    def test_our_own_of_another_name_stays_too(self, kubernetes: FakeApi) -> None:
        """The name and the flag may change in one edit."""
        others = [namespace("theirs", OTHERS), namespace("ops", role="operator"), namespace("before")]
        kubernetes.answers |= {"api/v1/namespaces/lab": namespace("lab", None, part_of="x")}
        kubernetes.answers |= {"api/v1/namespaces": {"items": others}}

        recording = run(namespace={"name": "lab", "create": False}, operator={"createNamespace": False})

        assert recording.read[("dask:k8s:Workspace", "namespace")] == "before"
        assert recording.read[("dask:k8s:Operator", "namespace")] == "ops"

    def test_one_that_is_terminating_is_not_read(self, kubernetes: FakeApi) -> None:
        going = namespace("lab")
        going["metadata"]["deletionTimestamp"] = "now"
        kubernetes.answers["api/v1/namespaces/lab"] = going

        assert run(namespace={"name": "lab", "create": False}).read == {}

    def test_a_stack_that_creates_its_namespaces_reads_none(self, kubernetes: FakeApi) -> None:
        kubernetes.answers["api/v1/namespaces/dask"] = namespace("dask")

        assert run().read == {}

    def test_an_update_that_cannot_look_deletes_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connected(monkeypatch, ClusterError("cannot reach it"))

        with pytest.raises(ClusterError, match="cannot reach it"):
            run(namespace={"name": "lab", "create": False}, operator={"install": False})

    def test_a_preview_that_reaches_no_kubernetes_shows_what_it_can(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connected(monkeypatch, ClusterError("cannot reach it"))
        monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: True)

        recording = run(
            namespace={"name": "lab", "create": False, "networkPolicies": True}, operator={"install": False}
        )

        assert recording.read == {}
        assert "ingress" in recording.made


class TestOperator:
    def test_release_rights_and_namespace_stay(self, kubernetes: FakeApi, logged: list[str]) -> None:
        release = helm_record(4, OWNER_ID, namespace="ops", values={"kopfArgs": ["--namespace=red"]})
        kubernetes.answers |= {
            "api/v1/secrets": {"items": [helm_record(1, OTHERS, namespace="elsewhere"), release]},
            "api/v1/namespaces/ops": namespace("ops", role="operator"),
            f"{RIGHTS}/namespaces/red/roles/dask-operator": {"metadata": {}},
            f"{RIGHTS}/namespaces/red/rolebindings/dask-operator": {"metadata": {}},
            f"{RIGHTS}/clusterroles/dask-operator-ops": {"metadata": {}},
        }

        recording = run(operator={"install": False})

        parent = "dask:k8s:Operator"
        assert recording.read == {
            (parent, "release"): "ops/dask-operator",
            (parent, "namespace"): "ops",
            (parent, "role-red"): "red/dask-operator",
            (parent, "binding-red"): "red/dask-operator",
            (parent, "start"): "dask-operator-ops",
        }
        assert [line.partition(" was ")[0] for line in logged] == [
            "the namespace 'ops'",
            "the operator's release 'ops/dask-operator'",
        ]

    @pytest.mark.parametrize("found", [[], [helm_record(1, OTHERS)], [helm_record()]])
    def test_anybody_elses_is_none_of_ours(self, kubernetes: FakeApi, found: Any) -> None:
        kubernetes.answers["api/v1/secrets"] = {"items": found}

        recording = run(operator={"install": False})

        assert recording.read == {}
        assert "operator" not in recording.made
