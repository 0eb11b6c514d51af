"""Images that are built while something else is built, with a stand-in for the Python that builds them."""

from pathlib import Path

import pytest

from devcluster.images import catalog, meanwhile
from devcluster.images.meanwhile import built_meanwhile
from tests.support.wait import wait_until

BUILDER = """#!/bin/sh
echo "$@" > {asked}
echo $$ > {pid}
until test -e {release}; do sleep 0.05; done
touch {done}
exit {code}
"""


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without images, whose builder ends when `release` exists, with `code`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    _install(tmp_path, monkeypatch, 0)
    return tmp_path


def _install(folder: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    program = folder / "python"
    paths = {name: folder / name for name in ("asked", "pid", "release", "done")}
    program.write_text(BUILDER.format(code=code, **paths))
    program.chmod(0o755)
    monkeypatch.setattr(meanwhile.sys, "executable", str(program))


def _ends(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("code", [0, 1])
def test_both_are_built_at_the_same_time_and_waited_for(builder, monkeypatch, capsys, code) -> None:
    _install(builder, monkeypatch, code)

    with built_meanwhile(catalog.find(["dask", "operator"])):
        wait_until((builder / "asked").exists, 10, "the images begin while the body runs")
        (builder / "release").touch()

    assert (builder / "done").exists()
    assert (builder / "asked").read_text().split() == [
        *("-m", "devcluster.images", "build"),
        *("ghcr.io/dask/dask:2026.8.0-py3.11", "ghcr.io/dask/dask-kubernetes-operator:2026.3.0"),
    ]
    assert "building the images of Dask meanwhile" in capsys.readouterr().err


def test_a_body_that_fails_ends_them(builder) -> None:
    def fails() -> None:
        with built_meanwhile(catalog.find(["dask"])):
            wait_until((builder / "pid").exists, 10, "the images begin")
            raise RuntimeError("no compiler")

    with pytest.raises(RuntimeError, match="no compiler"):
        fails()

    assert not (builder / "done").exists()
    assert _ends(int((builder / "pid").read_text()))


def test_what_the_cache_has_is_not_built(builder) -> None:
    wanted = catalog.find(["dask"])
    for image in wanted:
        image.archive.parent.mkdir(parents=True, exist_ok=True)
        image.archive.write_text("built")

    with built_meanwhile(wanted):
        pass

    assert not (builder / "asked").exists()


def test_the_builder_runs_from_any_folder(tmp_path, monkeypatch) -> None:
    """With the real Python: the module is found wherever the command was called, and its words are in the log."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/nothing")
    monkeypatch.chdir("/")

    with built_meanwhile(catalog.find(["dask"])):
        pass

    log = (catalog.cache_folder() / "logs" / "meanwhile.log").read_text()
    assert "No module named" not in log
    assert "buildah" in log, log
