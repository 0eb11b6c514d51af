"""The operator's release that exists before Helm installs it: taken over where it is ours, otherwise left alone."""

import asyncio
from typing import Any

import pulumi
import pytest

from components.kube.errors import ClusterError
from components.lifecycle import releases
from components.lifecycle.ownership import Claim
from components.vocabulary import OWNER, PART_OF
from tests.unit.api import FakeApi
from tests.unit.helm import record

OURS, OTHERS = "0123456789ab", "ba9876543210"
HERE = "api/v1/namespaces/dask-operator/secrets"
HOME = "api/v1/namespaces/dask-operator"

pytestmark = pytest.mark.usefixtures("logged")


def make_room(api: FakeApi, take_over: bool = False) -> list[str]:
    """The names of the records that are removed, in order."""
    claim = Claim("dask-dev", take_over)
    asyncio.run(releases.make_room(api, "dask-operator", OURS, claim))  # type: ignore[arg-type]
    return [path.rpartition("/")[2] for method, path, _ in api.sent if method == "DELETE"]


def kubernetes(*records: dict[str, Any], **more: Any) -> FakeApi:
    return FakeApi({HERE: {"items": list(records)}} | more)


def test_where_there_is_no_release_nothing_happens(logged: list[str]) -> None:
    assert make_room(kubernetes()) == []
    assert logged == []


def test_the_records_of_our_own_are_removed_newest_last_so_that_helm_takes_its_objects_over(logged: list[str]) -> None:
    revisions = [record(10, OURS), record(9, OURS), record(2)]

    removed = make_room(kubernetes(*revisions))

    assert [name.rpartition(".")[2] for name in removed] == ["v2", "v9", "v10"]
    assert logged == [
        "the Helm release 'dask-operator' in namespace 'dask-operator' already exists and belongs to this stack: "
        "taking it over"
    ]


def test_a_preview_removes_nothing(monkeypatch: pytest.MonkeyPatch, logged: list[str]) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)

    assert make_room(kubernetes(record(1, OURS))) == []
    assert make_room(kubernetes(record(1, OTHERS)), take_over=True) == []
    assert [line.rpartition(": ")[2] for line in logged] == ["taking it over, because takeOver is set"]


def test_somebody_elses_is_refused_with_both_ways_out() -> None:
    with pytest.raises(
        ClusterError,
        match=r"was not installed by this program; set `dask:operator.install: false` to use it, or remove it with "
        r"`helm uninstall dask-operator -n dask-operator`",
    ):
        make_room(kubernetes(record()))


def test_another_stacks_is_refused_whatever_is_asked_for() -> None:
    with pytest.raises(ClusterError, match="already exists and belongs to 'dask-prod'"):
        make_room(kubernetes(record(1, OTHERS, "dask-prod")), take_over=True)


def test_another_states_is_taken_over_only_where_that_is_asked_for(logged: list[str]) -> None:
    with pytest.raises(ClusterError, match=r"belongs to another state of a stack 'dask-dev'.*:takeOver true"):
        make_room(kubernetes(record(1, OTHERS)))

    assert len(make_room(kubernetes(record(1, OTHERS)), take_over=True)) == 1
    assert logged[0].endswith("taking it over, because takeOver is set")


@pytest.mark.parametrize(("owner", "ours"), [(None, True), (OURS, True), (OTHERS, False)])
def test_a_release_of_an_earlier_version_is_ours_where_its_namespace_is(owner: str | None, ours: bool) -> None:
    annotations = {OWNER: owner} if owner else {}
    home = {"metadata": {"labels": {PART_OF: "dask-dev"}, "annotations": annotations}}
    api = kubernetes(record(), **{HOME: home})

    if ours:
        assert len(make_room(api)) == 1
    else:
        with pytest.raises(ClusterError, match="was not installed by this program"):
            make_room(api)


def test_who_may_not_read_all_secrets_finds_the_release_in_the_operators_namespace() -> None:
    forbidden = {"api/v1/secrets": 403, "api/v1/namespaces/elsewhere/secrets": 403}
    api = kubernetes(record(3, OURS, values={"kopfArgs": ["--namespace=red"]}), **forbidden)

    [found] = asyncio.run(releases.everywhere(api, "elsewhere", "dask-operator"))  # type: ignore[arg-type]

    assert (found.namespace, found.owner, found.values["kopfArgs"]) == ("dask-operator", OURS, ["--namespace=red"])


@pytest.mark.parametrize(("answer", "there"), [({"items": [record()]}, True), ({"items": []}, False), (403, False)])
def test_whether_one_is_installed_is_asked_without_its_content(answer: Any, there: bool) -> None:
    api = FakeApi({HERE: answer})

    assert asyncio.run(releases.installed(api, "dask-operator")) is there  # type: ignore[arg-type]
