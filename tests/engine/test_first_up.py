"""From nothing to a computed result, and what the same command does the next time."""

import pytest

from tests.engine.conftest import Owner
from tests.engine.runs import names
from tests.engine.work import computes
from tests.kubectl import Kubectl

FLAT = {"schedulerAddress", "dashboardUrl", "schedulerNodePort", "dashboardNodePort"}


@pytest.fixture(scope="module", autouse=True)
def born(owner: Owner) -> None:
    owner.up()


def test_a_preview_from_nothing_creates_nothing(owner: Owner) -> None:
    birth = owner.up()

    assert set(birth.preview.counts) == {"create"}
    assert birth.after_preview == birth.before


def test_up_does_what_the_preview_said(owner: Owner) -> None:
    birth = owner.up()

    assert birth.up.changes == birth.preview.changes
    assert [kind for _, kind, _ in birth.up.changes].count("DaskCluster") == 1
    order = [kind for op, kind, _ in birth.up.begun if op == "create"]
    assert order.index("Release") < order.index("DaskCluster") < order.index("Job") < order.index("Service")


def test_the_outputs_are_the_contracts(owner: Owner) -> None:
    outputs = owner.up().outputs

    assert set(outputs) == {"namespace", "clusters"} | FLAT
    assert set(outputs["clusters"]) == {"analytics"}
    assert set(outputs["clusters"]["analytics"]) == {"name", "namespace", "image"} | FLAT
    assert {key: outputs[key] for key in FLAT} == {key: outputs["clusters"]["analytics"][key] for key in FLAT}
    assert outputs["schedulerAddress"].endswith(":30786")
    assert outputs["dashboardUrl"].endswith(":30787/status")


def test_a_client_from_outside_computes_at_the_address(owner: Owner, kube: Kubectl) -> None:
    outputs = owner.up().outputs

    assert computes(outputs["schedulerAddress"])
    assert kube.clusters(outputs["namespace"]) == [outputs["clusters"]["analytics"]["name"]]


def test_the_next_preview_and_up_change_nothing(owner: Owner) -> None:
    preview = owner.stack.preview("--expect-no-changes")
    up = owner.stack.up("--expect-no-changes")

    assert set(preview.counts) == set(up.counts) == {"same"}
    assert up.counts["same"] == owner.up().up.counts["create"]


def test_a_refresh_finds_nothing(owner: Owner) -> None:
    refresh = owner.stack.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")

    assert refresh.code == 0, refresh.text
    assert names(refresh.found) == []
    assert {op for op, _, _ in refresh.begun} == {"refresh"}
