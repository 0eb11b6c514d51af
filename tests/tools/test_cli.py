"""Which Pulumi CLI is taken, and why; what cannot be had is said once a day."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.wait import wait_until
from tests.tools.conftest import CLI, program
from tools import cli as choice
from tools.failure import ToolError

OLDEST = (3, 226, 0)
BUILT = {"PATH": "/built/bin", "PULUMI_HOME": "/home"}


@pytest.fixture(autouse=True)
def built(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is built already."""
    monkeypatch.setattr(choice.engine, "environment", lambda home: BUILT)


def find(place: Path) -> choice.Cli:
    choice.refuse_unusable(OLDEST)
    return choice.find(place / "engine")


def no_network(*_: Any) -> None:
    raise OSError("no such host")


def test_the_cli_on_path_is_used_as_it_is(place: Path, cli: Path) -> None:
    assert find(place) == choice.Cli(f"{cli}, from PATH")


def test_an_old_cli_is_refused_with_both_versions(place: Path, cli: Path) -> None:
    program(cli, "#!/bin/sh\necho v3.225.9\n")

    with pytest.raises(ToolError, match=rf"{cli} is version v3\.225\.9, and this project needs 3\.226\.0 or newer"):
        find(place)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#!/bin/sh\necho broken pipe >&2; exit 1\n", "`pulumi version` says 'broken pipe'; repair it"),
        ("#!/nowhere\n", "No such file or directory.*; repair it, or take it off PATH"),
    ],
)
def test_a_broken_cli_is_named_with_its_words(place: Path, cli: Path, text: str, words: str) -> None:
    program(cli, text)

    with pytest.raises(ToolError, match=rf"{cli}: .*{words}"):
        find(place)


def test_a_cli_that_cannot_get_its_provider_is_replaced_by_the_built_one(place: Path, cli: Path) -> None:
    (cli.parent / "pulumi-resource-kubernetes").unlink()
    program(cli, CLI.replace('"version ")', '"plugin install") echo "no route to host"; exit 1 ;;\n  "version ")'))

    found = find(place)

    assert found.environment == BUILT
    assert f"{cli} has no Kubernetes provider: the Kubernetes provider cannot be downloaded: no route" in found.words


def test_a_provider_in_the_engines_home_is_enough(place: Path, cli: Path) -> None:
    (cli.parent / "pulumi-resource-kubernetes").unlink()
    plugin = f"resource-kubernetes-v{choice.version('pulumi_kubernetes')}"
    (place / "pulumi" / "plugins" / plugin).mkdir(parents=True)

    assert find(place) == choice.Cli(f"{cli}, from PATH")


def test_without_a_cli_the_official_one_is_installed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(root: Path, wanted: str) -> None:
        (root / "bin").mkdir(parents=True)
        program(root / "bin" / "pulumi", CLI)

    monkeypatch.setattr(choice, "_install", install)

    found = find(place)

    assert found.words.endswith("/bin/pulumi, installed by the SDK")
    assert Path(found.environment["PATH"].split(":")[0], "pulumi").exists()


def test_a_failed_download_is_remembered_for_a_day(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []
    monkeypatch.setattr(choice, "_install", lambda *_: tries.append(1) or no_network())

    first, again = find(place), find(place)

    assert "`pulumi` is not on PATH and the Pulumi CLI cannot be downloaded: no such host" in first.words
    assert "the Pulumi CLI could not be downloaded: no such host" in again.words
    assert first.environment == again.environment == BUILT
    assert len(tries) == 1
    [memo] = (place / "cache").rglob("*.failed")
    os.utime(memo, (0, 0))
    find(place)
    assert len(tries) == 2


def test_without_a_place_for_the_cli_it_is_built(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "file").touch()
    os.environ["XDG_CACHE_HOME"] = str(place / "file")

    assert "the Pulumi CLI cannot be downloaded: " in find(place).words


def test_engine_built_takes_neither_of_the_others(place: Path, cli: Path) -> None:
    os.environ["ENGINE"] = "built"

    assert find(place) == choice.Cli("built from Go modules, because ENGINE=built", BUILT)


@pytest.mark.parametrize("wish", ["none", "pulumi"])
def test_an_unknown_engine_is_refused_with_the_known_ones(place: Path, cli: Path, wish: str) -> None:
    os.environ["ENGINE"] = wish

    with pytest.raises(ToolError, match=rf"ENGINE={wish} must be `auto` \(the default\) or `built`"):
        find(place)


def gone(file: Path) -> Callable[[], bool]:
    return lambda: not Path(f"/proc/{file.read_text().strip()}").exists()


@pytest.mark.parametrize("end", ["timeout", "interrupt"])
def test_an_installer_that_does_not_end_is_ended_with_its_children(
    place: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    child, installer = place / "child", place / "installer"
    script = f"sleep 60 & echo $! > {child}; echo $$ > {installer}.new; mv {installer}.new {installer}; wait"
    monkeypatch.setattr(choice, "_DOWNLOAD_SECONDS", 2 if end == "timeout" else 60)

    def interrupt() -> None:
        wait_until(installer.exists, 20)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a worker of xdist would end without it
    if end == "interrupt":
        threading.Thread(target=interrupt).start()
    started = time.monotonic()

    with pytest.raises(subprocess.TimeoutExpired if end == "timeout" else KeyboardInterrupt):
        choice._bounded(["/bin/sh", "-c", script])

    signal.signal(signal.SIGINT, before)
    assert time.monotonic() - started < 30
    wait_until(gone(installer), 5)


def test_the_last_line_of_an_installer_is_its_reason() -> None:
    with pytest.raises(RuntimeError, match=r"^no route$"):
        choice._bounded([sys.executable, "-c", "print('trying'); print('no route'); raise SystemExit(1)"])
