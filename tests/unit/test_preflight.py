"""What stands in front of the operator's release, and what is logged of the operator when nothing changes."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from pulumi import ResourceHookArgs

from components import operator
from components.configuration import parse
from components.kube.client import Connection
from components.kube.errors import ClusterError
from components.kube.paths import path
from components.lifecycle.ask_first import AskFirst
from components.lifecycle.ownership import Claim
from components.lifecycle.releases import MARKER
from components.settings.stack import Operator
from tests.unit.api import FakeApi, connected
from tests.unit.helm import record

OURS = "0123456789ab"
SECRETS = "api/v1/namespaces/dask-operator/secrets"
DEPLOYMENTS = "apis/apps/v1/deployments"
INPUTS = {"values": {MARKER: {"owner": OURS}}}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """A Kubernetes with CRDs that are not kept current, and no operator."""
    api = FakeApi({SECRETS: {"items": []}, DEPLOYMENTS: {"items": []}, path("CustomResourceDefinition"): {"items": []}})

    connected(monkeypatch, api)
    return api


pytestmark = pytest.mark.usefixtures("logged")


def installed() -> tuple[Operator, Any]:
    """Its settings, and a Kubernetes without the provider and the state, of which hooks need neither."""
    return parse({}).operator, SimpleNamespace(
        connection=Connection(), claim=Claim("dask-dev"), ask=AskFirst(Connection())
    )


def preflight(old_inputs: dict[str, Any] | None = None) -> None:
    args = ResourceHookArgs("urn", "", "release", "type", new_inputs=INPUTS, old_inputs=old_inputs)
    asyncio.run(operator._preflight(*installed())(args))


def test_before_a_create_our_own_records_make_room_and_the_crds_come_first(api: FakeApi) -> None:
    api.answers[SECRETS] = {"items": [record(1, OURS)]}

    preflight()

    assert [method for method, _, _ in api.sent] == ["DELETE", *["PATCH"] * 4]


def test_before_an_update_the_records_stay(api: FakeApi) -> None:
    api.answers[SECRETS] = {"items": [record(1, OURS)]}

    preflight(old_inputs=INPUTS)

    assert [method for method, _, _ in api.sent] == ["PATCH"] * 4


def test_an_update_of_what_another_state_has_taken_over_is_refused(api: FakeApi) -> None:
    api.answers[SECRETS] = {"items": [record(2, "ba9876543210"), record(1, OURS)]}

    with pytest.raises(ClusterError, match=r"Helm release 'dask-operator' .* belongs to another state"):
        preflight(old_inputs=INPUTS)

    assert api.sent == []


def test_somebody_elses_release_is_refused_before_anything_is_changed(api: FakeApi) -> None:
    api.answers[SECRETS] = {"items": [record()]}

    with pytest.raises(ClusterError, match="was not installed by this program"):
        preflight()

    assert api.sent == []


def test_a_preview_changes_nothing_and_says_which_crds_would(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)

    preflight()

    assert api.sent == []
    names = "daskautoscalers, daskclusters, daskjobs, daskworkergroups"
    assert logged == [f"would create the operator's CRDs: {names}"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_only_a_preview_does_without_kubernetes(monkeypatch: pytest.MonkeyPatch, dry_run: bool) -> None:
    connected(monkeypatch, ClusterError("cannot reach it"))
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: dry_run)

    if dry_run:
        preflight()
    else:
        with pytest.raises(ClusterError, match="cannot reach it"):
            preflight()


class TestTrouble:
    """Helm's record, which the provider compares, does not show it."""

    HERE = "apis/apps/v1/namespaces/dask-operator/deployments"

    def look(self) -> None:
        asyncio.run(operator._warn_of_trouble(*installed()))

    def test_an_installed_operator_without_its_deployment_is_told(self, api: FakeApi, logged: list[str]) -> None:
        api.answers |= {SECRETS: {"items": [record(1, OURS)]}, self.HERE: {"items": []}}

        self.look()

        assert len(logged) == 1
        assert "Deployment in namespace 'dask-operator' is missing" in logged[0]

    def test_before_the_first_up_nothing_is_missed(self, api: FakeApi, logged: list[str]) -> None:
        self.look()

        assert logged == []

    def test_what_cannot_be_looked_at_stops_nothing(self, api: FakeApi, logged: list[str]) -> None:
        api.answers |= {SECRETS: {"items": [record(1, OURS)]}, self.HERE: 422}

        self.look()

        assert logged == ["could not check the operator in namespace 'dask-operator': status 422"]
