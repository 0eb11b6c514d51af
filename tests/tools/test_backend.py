"""Where the engine keeps its state when nobody has chosen a backend, and what it may write into the checkout."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools import backend
from tools.project import open_project

Run = Callable[..., tuple[int, Any]]


def test_without_a_chosen_backend_the_state_goes_into_a_folder_of_our_own(
    cli: Path, run: Run, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, became = run("up")

    assert code == 0
    assert became.argv[:5] == ["pulumi", "up", "--yes", "--skip-preview", "--stack"]
    assert became.folder == place / "project"
    assert became.environment["PULUMI_BACKEND_URL"] == f"file://{place}/state/dask-on-kubernetes/pulumi?metadata=skip"
    assert became.environment["PULUMI_CONFIG_PASSPHRASE"] == ""
    assert became.environment["PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER"] == "true"
    assert "with an empty passphrase, because no backend is chosen (`pulumi login`)" in capsys.readouterr().err


def test_every_local_cluster_has_a_state_of_its_own(place: Path) -> None:
    project = open_project(place / "project", "test")

    folders = {backend.choose(project, local).folder for local in ("", "dev", "lab")}

    assert len(folders) == 3
    assert all(folder is not None and folder.stat().st_mode & 0o077 == 0 for folder in folders)


@pytest.mark.parametrize("name", ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"])
def test_a_passphrase_is_left_alone(place: Path, name: str) -> None:
    os.environ[name] = "given"

    chosen = backend.choose(open_project(place / "project", "test"), "")

    assert "PULUMI_CONFIG_PASSPHRASE" not in chosen.environment
    assert "empty passphrase" not in chosen.words


def test_the_clis_salt_never_reaches_the_checkout_and_is_kept(cli: Path, run: Run, place: Path) -> None:
    before = (place / "project" / "Pulumi.test.yaml").read_text()

    files = []
    for _ in range(2):
        _, became = run("up")
        files.append(Path(became.argv[became.argv.index("--config-file") + 1]))

    assert (place / "project" / "Pulumi.test.yaml").read_text() == before
    assert sorted(path.name for path in (place / "project").iterdir()) == ["Pulumi.test.yaml", "Pulumi.yaml"]
    assert files[0] == files[1]
    assert files[0].read_text() == f"{before}encryptionsalt: v1:made-by-cli\n"


def test_empty_files_that_a_killed_command_left_are_removed_and_no_others(cli: Path, run: Run, place: Path) -> None:
    stacks = place / "state/dask-on-kubernetes/pulumi/.pulumi/stacks"
    stacks.mkdir(parents=True)
    for name, content in (("a.json", ""), ("a.json.attrs", ""), ("b.json.attrs", "{}")):
        (stacks / name).write_text(content)

    code, _ = run("up")

    assert code == 0
    assert sorted(it.name for it in stacks.iterdir()) == ["a.json", "b.json.attrs"]


def test_an_empty_file_that_another_command_removes_first_is_no_error(
    cli: Path, run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks = place / "state/dask-on-kubernetes/pulumi/.pulumi/stacks"
    stacks.mkdir(parents=True)
    monkeypatch.setattr(Path, "rglob", lambda *_: [stacks / "a.json.attrs"])

    code, _ = run("up")

    assert code == 0


def test_a_command_that_is_killed_while_it_copies_the_stack_file_keeps_the_salt(
    cli: Path, run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, text: str, **_: Any) -> None:
        path.open("w").close()
        raise KeyboardInterrupt

    _, became = run("up")
    copy = Path(became.argv[became.argv.index("--config-file") + 1])
    before = copy.read_text()
    project, folder = open_project(place / "project", "test"), copy.parent.parent.parent
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", killed)
        with pytest.raises(KeyboardInterrupt):
            backend.config_file(project, folder)

    assert copy.read_text() == before
    run("up")
    assert copy.read_text() == before


def test_a_changed_stack_file_reaches_the_copy(cli: Path, run: Run, place: Path) -> None:
    run("up")
    (place / "project" / "Pulumi.test.yaml").write_text("encryptionsalt: v1:own\nconfig: {}\n")

    _, became = run("up")

    copy = Path(became.argv[became.argv.index("--config-file") + 1])
    assert copy.read_text() == "encryptionsalt: v1:own\nconfig: {}\n"


@pytest.mark.parametrize("name", ["PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN", "login", "Pulumi.yaml"])
def test_a_chosen_backend_is_left_alone(cli: Path, run: Run, place: Path, name: str) -> None:
    if name == "login":
        (place / "pulumi").mkdir()
        (place / "pulumi" / "credentials.json").write_text('{"current": "https://api.pulumi.com"}')
    elif name == "Pulumi.yaml":
        (place / "project" / name).write_text("name: own\nbackend: {url: 's3://own'}\n")
    else:
        os.environ[name] = "chosen"

    _, became = run("up")

    assert "PULUMI_CONFIG_PASSPHRASE" not in became.environment
    assert became.environment.get("PULUMI_BACKEND_URL", "chosen") == "chosen"
    assert "--config-file" not in became.argv


@pytest.mark.parametrize("content", ["", "[]", "{", '{"current": ""}'])
def test_a_file_of_credentials_without_a_login_is_none(place: Path, content: str) -> None:
    (place / "pulumi").mkdir()
    (place / "pulumi" / "credentials.json").write_text(content)

    assert backend.choose(open_project(place / "project", "test"), "").folder is not None


def test_only_up_and_preview_create_a_stack(
    cli: Path, run: Run, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = [run(command)[0] for command in ("up", "preview", "outputs", "refresh", "down")]

    calls = (place / "calls").read_text().splitlines()
    assert [("--create" in call) for call in calls] == [True, True, False, False, False]
    assert codes == [0, 0, 1, 1, 0]
    words = capsys.readouterr().err
    assert "error: no stack named 'test' found" in words
    assert "down: the engine knows no stack test; nothing to do" in words


def test_further_arguments_reach_the_cli(cli: Path, run: Run) -> None:
    _, became = run("up", "--target", "urn:a", "--refresh")

    start = became.argv.index("test") + 1
    assert became.argv[start : start + 3] == ["--target", "urn:a", "--refresh"]
