"""`python3 -m devcluster`: what is written behind `--` is a command of its own."""

from pathlib import Path

import pytest

import devcluster.__main__ as program


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done to clusters, in its order."""
    done: list[str] = []

    def up(name: str, more: list[str]) -> Path:
        done.append(" ".join([f"up {name}", *more]))
        return Path("/kubeconfig")

    monkeypatch.setattr(program, "up", up)
    monkeypatch.setattr(program, "down", lambda name: done.append(f"down {name}"))
    monkeypatch.delenv("KEEP", raising=False)
    return done


def test_a_command_runs_on_a_cluster_of_its_own(steps: list[str], tmp_path: Path) -> None:
    told = tmp_path / "told"
    command = ["sh", "-c", f"echo $KUBECONFIG $DEVCLUSTER $0 > {told}; exit 3", "--flag"]

    code = program.main(["run", "--name", "lane", "--", *command])

    assert code == 3
    assert told.read_text().split() == ["/kubeconfig", "lane", "--flag"]
    assert steps == ["up lane", "down lane"]


def test_keep_leaves_the_cluster(steps: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEP", "1")

    assert program.main(["run", "--name", "lane", "--", "true"]) == 0
    assert steps == ["up lane"]


def test_a_name_that_no_cluster_can_have_is_refused(steps: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["up", "--name", "No"]) == 1
    assert "must be a DNS label" in capsys.readouterr().err
    assert steps == []


def test_an_image_on_demand_is_asked_for(steps: list[str]) -> None:
    assert program.main(["up", "--name", "lane", "--with", "notebook"]) == 0
    assert program.main(["run", "--name", "lane", "--with", "notebook", "--", "true"]) == 0
    assert steps == ["up lane notebook", "up lane notebook", "down lane"]
