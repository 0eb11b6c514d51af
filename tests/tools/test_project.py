"""Pulumi.yaml and the stacks beside it, as the tools read them."""

from pathlib import Path

import pytest

from tools.failure import ToolError
from tools.project import open_project


def test_a_missing_stack_is_named_with_those_that_exist(place: Path) -> None:
    (place / "project" / "Pulumi.eu.prod.yaml").touch()

    with pytest.raises(
        ToolError, match=r"STACK=tst: Pulumi\.tst\.yaml is missing in .*; the stacks are: eu\.prod, test$"
    ):
        open_project(place / "project", "tst")


def test_values_of_the_stack_lie_over_those_of_the_project(place: Path) -> None:
    (place / "project" / "Pulumi.yaml").write_text("name: own\nconfig: {own:a: 1, own:greeting: bye}\n")

    assert open_project(place / "project", "test").config == {"own:a": 1, "own:greeting": "hello"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"config: [", "is not YAML"),
        (b"- a\n", "must be a mapping, not list"),
        (b"name: own\nconfig: [a]\n", "`config` must be a mapping, not list"),
        (b"a: \xff\n", "is not UTF-8"),
    ],
)
@pytest.mark.parametrize("name", ["Pulumi.yaml", "Pulumi.test.yaml"])
def test_a_broken_file_is_refused_by_name(place: Path, name: str, text: bytes, words: str) -> None:
    (place / "project" / name).write_bytes(text)

    with pytest.raises(ToolError, match=f"{name}: {words}|{name} {words}"):
        print(open_project(place / "project", "test").config)


def test_a_project_without_a_name_is_refused(place: Path) -> None:
    (place / "project" / "Pulumi.yaml").write_text("runtime: python\n")

    with pytest.raises(ToolError, match=r"Pulumi\.yaml: `name` is missing; it names the project"):
        print(open_project(place / "project", "test").settings)


def test_a_missing_project_is_named(place: Path) -> None:
    (place / "project" / "Pulumi.yaml").unlink()

    with pytest.raises(ToolError, match=r"Pulumi\.yaml: No such file or directory; run the command in the project"):
        print(open_project(place / "project", "test").settings)


@pytest.mark.parametrize(
    ("written", "oldest"), [('">=3.226.0"', (3, 226, 0)), ('"<4.0.0"', (0, 0, 0)), ("3.226", (0, 0, 0))]
)
def test_the_oldest_cli_is_read_from_the_project(place: Path, written: str, oldest: tuple[int, ...]) -> None:
    (place / "project" / "Pulumi.yaml").write_text(f"name: own\nrequiredPulumiVersion: {written}\n")

    assert open_project(place / "project", "test").oldest_cli == oldest
