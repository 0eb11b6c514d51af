"""Each command that the documentation names exists, with its options: the programs themselves say so."""

import os
import re
import subprocess
import sys
from functools import cache
from importlib.util import find_spec

import pytest

from tests.support import clusters, documented
from tests.support.clusters import ROOT
from tests.support.documented import Command
from tests.support.kubectl import Kubectl
from tests.support.owner import Owner

FOUND = documented.commands()
TOOLS = {"up": "up", "preview": "preview", "outputs": "stack output", "down": "destroy", "refresh": "refresh"}
"""What the targets of the Makefile run of the Pulumi CLI."""
# They read no arguments at all, and do their work at once.
WITHOUT_OPTIONS = ("tools.pictures", "tools.schema", "devcluster.engine")
# kubectl's commands that take kinds of objects.
OF_KINDS = ("get", "delete", "patch", "scale", "label", "annotate")


def of(program: str) -> list[Command]:
    return [it for it in FOUND if it.program == program]


@cache
def help_of(*command: str) -> str:
    done = subprocess.run(
        [*command, "--help"], cwd=ROOT, env=os.environ | {"COLUMNS": "500"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)} --help: {done.stderr}"
    return done.stdout


def unknown(options: list[str], text: str) -> list[str]:
    """The options that a help does not list."""
    return [it for it in options if not re.search(rf"(?<![\w-]){re.escape(it)}(?![\w-])", text)]


def described(program: str, shown: str, names: list[str]) -> str:
    """The help of the longest part of `names` that is a command. Fails where a word is none, and has to be one."""
    text = help_of(program, *names) if names else help_of(program)
    usage = text.partition("Usage:")[2].strip().splitlines()[0].split()
    path = [word for word, said in zip([shown, *names], usage, strict=False) if word == said]
    assert path[:1] == [shown], usage
    rest = names[len(path) - 1 :]
    assert not rest or "vailable Commands:" not in text, f"{rest[0]!r} is not a command of `{' '.join(path)}`"
    return text


def test_the_pages_name_many_commands() -> None:
    assert {it.program for it in FOUND} == set(documented.PROGRAMS)
    assert len(of("pulumi")) > 50
    assert len(of("kubectl")) > 25


@pytest.mark.parametrize("command", of("pulumi"), ids=str)
def test_the_cli_knows_the_command_and_its_options(command: Command) -> None:
    clusters.engine()

    text = described("pulumi", "pulumi", [it for it in command.names if re.fullmatch(r"[a-z-]+", it)])

    assert unknown(command.options, text) == []


@pytest.mark.parametrize("command", of("kubectl"), ids=str)
def test_kubectl_knows_the_command_and_its_options(command: Command) -> None:
    kubectl = str(clusters.kubectl())

    names = [it for it in command.names if re.fullmatch(r"[a-z-]+", it)]
    text = described(kubectl, "kubectl", names if names[0] not in OF_KINDS else names[:1])

    everywhere = subprocess.run([kubectl, "options"], capture_output=True, text=True, check=True).stdout
    assert unknown(command.options, text + everywhere) == []


def test_kubernetes_knows_the_kinds_of_objects(owner: Owner, kube: Kubectl) -> None:
    owner.up()
    asked = {
        kind
        for command in of("kubectl")
        if command.words[0] in OF_KINDS and len(command.names) > 1
        for kind in command.names[1].split("/")[0].split(",")
    }

    rows = [line.split() for line in kube("api-resources", "--no-headers").splitlines()]
    known = {name for row in rows for name in (row[0], row[-1].lower(), *(row[1].split(",") if len(row) > 4 else ()))}

    assert {"daskclusters", "pods", "crd"} <= asked
    assert asked - known == {"all"}


@pytest.mark.parametrize("command", [it for it in of("python") if "-m" in it.words], ids=str)
def test_python_finds_the_module_and_its_options(command: Command) -> None:
    at = command.words.index("-m")
    module, *words = command.words[at + 1 :]
    options = Command(command.page, module, tuple(words)).options
    if module == "tools" and words[0] not in TOOLS:
        module = f"tools.{words[0]}"

    if module in WITHOUT_OPTIONS:
        assert (find_spec(module) is not None, options) == (True, [])
    else:
        assert unknown(options, help_of(sys.executable, "-m", module)) == []


@pytest.mark.parametrize("command", [it for it in of("make") if any("ARGS=" in word for word in it.words)], ids=str)
def test_a_target_of_make_takes_the_arguments(command: Command) -> None:
    [target] = [it for it in command.words if re.fullmatch(r"[a-z-]+", it) and not it.startswith("-")]
    [arguments] = [it.removeprefix("ARGS=") for it in command.words if it.startswith("ARGS=")]
    options = [it for it in arguments.split() if it.startswith("-")]
    clusters.engine()

    tool = ("pulumi", *TOOLS[target].split()) if target in TOOLS else (sys.executable, "-m", f"tools.{target}")

    assert unknown(options, help_of(*tool)) == []
