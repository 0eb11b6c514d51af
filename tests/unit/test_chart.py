"""The operator's chart: its values, its path and its content."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from components.configuration import parse
from components.kube import chart
from components.manifests.operator import values as operator_values
from components.settings.stack import Operator


def operator(**settings: Any) -> Operator:
    return parse({"operator": settings}).operator


def test_a_namespaced_operator_sets_role_and_arguments_together() -> None:
    values = operator_values(operator(watch=["red"]))

    assert (values["rbac"]["cluster"], values["kopfArgs"]) == (False, ["--namespace=red"])


def test_who_may_grant_nothing_cluster_wide_leaves_the_charts_role_out() -> None:
    values = operator_values(operator(watch=["red"], clusterRole=False))

    assert values["rbac"] == {"create": False, "cluster": False}


def test_an_operator_for_all_leaves_the_charts_defaults() -> None:
    assert not {"rbac", "kopfArgs"} & operator_values(operator()).keys()


def test_own_values_are_laid_over_ours() -> None:
    values = operator_values(operator(values={"livenessProbe": {"timeoutSeconds": 60}, "nodeSelector": {"a": "b"}}))

    assert values["livenessProbe"] == {"timeoutSeconds": 60}
    assert values["nodeSelector"] == {"a": "b"}


def test_a_chart_from_a_repository_keeps_its_own_tag() -> None:
    values = operator_values(operator(chart={"repository": "https://helm.dask.org", "version": "2026.3.0"}))

    assert "tag" not in values["image"]


def test_the_bundled_one_has_the_same_path_on_every_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    paths = {chart.linked() for _ in range(2)}

    assert paths == {".operator-chart/dask-kubernetes-operator"}
    assert (tmp_path / paths.pop() / "Chart.yaml").read_text() == (chart.bundled() / "Chart.yaml").read_text()


def test_the_link_follows_another_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / chart.LINK).symlink_to(tmp_path / "an-older-environment")

    made = chart.linked()

    assert (tmp_path / made / "Chart.yaml").exists()
    assert [path.name for path in tmp_path.iterdir()] == [chart.LINK]


def test_without_links_there_is_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError("a privilege is missing")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "symlink_to", refused)

    made = chart.linked()

    assert not (tmp_path / chart.LINK).is_symlink()
    assert (tmp_path / made / "Chart.yaml").exists()


def test_where_nothing_can_be_written_the_path_in_the_wheel_has_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(chart, "_link", refused)
    monkeypatch.setattr(chart, "LINK", "no-such-link")

    assert Path(chart.linked()).resolve() == chart.bundled().resolve()


def test_its_content_is_in_the_release_because_a_pinned_image_does_not_change_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = chart.content()
    newer = shutil.copytree(chart.bundled(), tmp_path / chart.NAME)
    (newer / "crds" / "daskjob.yaml").write_text("changed")
    monkeypatch.setattr(chart, "bundled", lambda: newer)

    assert len(before) == 16
    assert chart.content() != before
