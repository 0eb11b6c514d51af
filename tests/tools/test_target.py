"""Which Kubernetes cluster a command gets, and what it says of it."""

import json
import os
from pathlib import Path

import pytest
import yaml

from devcluster.shell import DevclusterError, NotRunningError
from tools import __main__ as entry
from tools import target
from tools.failure import ToolError
from tools.project import open_project


def choose(place: Path, asked: str = "", config: str = "") -> target.Target:
    if config:
        (place / "project" / "Pulumi.test.yaml").write_text(config)
    return target.choose(open_project(place / "project", "test"), asked)


def kubeconfig(place: Path, current: str) -> None:
    (place / ".kube").mkdir()
    content = {"contexts": [{"name": "kind-dev"}], "current-context": current}
    (place / ".kube" / "config").write_text(yaml.safe_dump(content))


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ("config:\n  kubernetes:context: kind-dev\n", "`kubernetes:context` 'kind-dev' of Pulumi.test.yaml"),
        ('config: {"kubernetes:kubeconfig": /a/b}\n', "`kubernetes:kubeconfig` of Pulumi.test.yaml"),
    ],
)
def test_the_stacks_own_cluster_comes_first(place: Path, config: str, named: str) -> None:
    os.environ["KUBECONFIG"] = "/mine"

    assert choose(place, config=config) == target.Target(named)


def test_a_kubeconfig_in_the_environment_comes_before_the_current_context(place: Path) -> None:
    kubeconfig(place, "kind-dev")
    os.environ["KUBECONFIG"] = "/mine"

    assert choose(place) == target.Target("KUBECONFIG=/mine")


def test_the_current_context_comes_before_a_local_cluster(place: Path) -> None:
    kubeconfig(place, "kind-dev")

    chosen = choose(place, config="config:\n  # kubernetes:context: another\n  own:a: b\n")

    assert chosen.words.startswith("the current context 'kind-dev' of ~/.kube/config")
    assert not chosen.local


def test_without_any_it_is_the_local_one(place: Path) -> None:
    kubeconfig(place, "deleted")

    assert choose(place).local == "dev"


@pytest.mark.parametrize(
    "content", ["", "- a\n", "contexts: [a]\ncurrent-context: a\n", "contexts: 3\n", "a: [", "current-context: a\n"]
)
def test_a_kubeconfig_that_is_none_has_no_current_context(place: Path, content: str) -> None:
    (place / "kubeconfig").write_text(content)

    assert target.current_context(place / "kubeconfig") == ""


def test_a_local_cluster_that_is_asked_for_comes_before_the_environments(place: Path) -> None:
    kubeconfig(place, "kind-dev")
    os.environ["KUBECONFIG"] = "/mine"

    assert choose(place, "lab") == target.Target("the local one 'lab', which CLUSTER names", "lab")


def test_two_clusters_at_once_are_refused_with_both_names(place: Path) -> None:
    with pytest.raises(ToolError, match=r"CLUSTER=lab: Pulumi\.test\.yaml names a cluster in `kubernetes:context`"):
        choose(place, "lab", "config: {kubernetes:context: kind-dev}\n")


def test_only_up_starts_a_local_cluster(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setattr(target.devcluster, "up", lambda name, more: Path(f"/of-{name}"))
    monkeypatch.setattr(target, "node_programs", lambda: place / "node")

    found = target.environment(target.Target("", "lab"), start=True)

    assert found == {"KUBECONFIG": "/of-lab", "PATH": f"/usr/bin:/bin:{place}/node/tools"}


@pytest.mark.parametrize(
    ("command", "code"), [("down", 0), ("status", 0), ("drift", 1), ("preview", 1), ("outputs", 1)]
)
def test_a_local_cluster_that_does_not_run_holds_nothing_to_take_down(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, code: int
) -> None:
    def absent(name: str) -> None:
        raise NotRunningError(name)

    monkeypatch.setattr(target.cluster, "require", absent)

    assert entry.main([command, "--stack", "test", "--cwd", str(place / "project")]) == code
    assert "the local Kubernetes 'dev' does not run" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["down", "status"])
def test_a_question_that_failed_is_not_taken_for_an_absent_cluster(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    def broken(name: str) -> None:
        raise DevclusterError("state.json is not JSON")

    monkeypatch.setattr(target.cluster, "require", broken)

    assert entry.main([command, "--stack", "test", "--cwd", str(place / "project")]) == 1
    assert "error: state.json is not JSON" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("clusters", "images"),
    [({"a": {}}, []), ({"a": {"notebook": {}}, "b": {}}, ["notebook"]), ("no mapping", []), ({"a": "no mapping"}, [])],
)
def test_a_local_cluster_gets_the_image_of_notebooks_for_stacks_that_have_one(
    place: Path, monkeypatch: pytest.MonkeyPatch, clusters: object, images: list[str]
) -> None:
    started: list[list[str]] = []

    def up(name: str, more: list[str]) -> None:
        started.append(more)
        raise KeyboardInterrupt

    monkeypatch.setattr(target.devcluster, "up", up)
    (place / "project" / "Pulumi.test.yaml").write_text(json.dumps({"config": {"dask:clusters": clusters}}))

    assert entry.main(["up", "--stack", "test", "--cwd", str(place / "project")]) == 130
    assert started == [images]


def test_an_interrupted_command_says_that_it_can_be_continued(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(name: str, more: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(target.devcluster, "up", interrupted)

    assert entry.main(["up", "--stack", "test", "--cwd", str(place / "project")]) == 130
    assert capsys.readouterr().err.endswith("interrupted; the same command continues from here\n")


def test_a_cli_that_is_too_old_is_refused_before_a_cluster_is_started(
    place: Path, cli: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[str] = []
    monkeypatch.setattr(target.devcluster, "up", lambda name, more: started.append(name))
    cli.write_text("#!/bin/sh\necho v3.225.9\n")

    assert entry.main(["up", "--stack", "test", "--cwd", str(place / "project")]) == 1
    assert f"error: {cli} is version v3.225.9" in capsys.readouterr().err
    assert started == []
