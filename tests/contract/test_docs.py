"""What the documents say is so: links lead somewhere, configurations are accepted, messages are the program's own."""

import ast
import re
from collections.abc import Iterator

import pytest
import yaml

from components.configuration import parse
from components.settings.mistakes import ConfigError
from policy.guardrails import pack
from tests.contract.rendering import ROOT

NOT_OURS = {".venv", ".pytest_cache", "artifacts"}
PAGES = {
    str(file.relative_to(ROOT)): file.read_text()
    for file in sorted(ROOT.glob("**/*.md"))
    if not NOT_OURS & set(file.relative_to(ROOT).parts)
}
SOURCES = "\n".join(file.read_text() for file in (ROOT / "components").rglob("*.py"))
every_page = pytest.mark.parametrize("page", PAGES)


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def blocks(text: str, language: str) -> Iterator[str]:
    for indent, block in re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE):
        yield "\n".join(line.removeprefix(indent) for line in block.splitlines()) + "\n"


@every_page
def test_links_lead_to_files_and_headings_that_are_there(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(PAGES[page])):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text()), target


@every_page
def test_configurations_in_the_text_are_accepted(page: str) -> None:
    for block in blocks(PAGES[page], "yaml"):
        document = yaml.safe_load(block)
        if isinstance(document, dict) and set(document) == {"config"}:
            asked = {key.removeprefix("dask:"): it for key, it in document["config"].items() if "dask:" in key}
            assert parse(asked), block


@every_page
def test_make_targets_in_the_text_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    named = re.findall(r"(?:^|`)(?:\$ )?make (?:-s )?([a-z][a-z-]*)", PAGES[page], re.MULTILINE)

    assert set(named) <= targets


def test_the_readmes_mistakes_are_told_in_the_programs_words() -> None:
    [shown] = re.findall(r"```\n(2 mistakes .*?)```", PAGES["README.md"], re.DOTALL)
    asked = {"clusters": {"analytics": {"workers": {"replicas": "2"}, "endpoint": {"type": "NodePort"}}}}

    with pytest.raises(ConfigError) as error:
        parse(asked)

    assert str(error.value) == shown.rstrip()


def seconds(row: str) -> list[str]:
    """The cells of a table's row that are times."""
    return [found[0] for cell in row.split("|") if (found := re.match(r"[\d.]+ s\b", cell.strip()))]


def rows(page: str, beginning: str) -> list[str]:
    """The rows of a page's tables whose first cell begins so."""
    return re.findall(rf"^\| {beginning}.*$", PAGES[page], re.MULTILINE)


def test_the_comparison_shows_what_was_measured() -> None:
    """The first result, both workers; the move, the silence; no changes; the first task, the removal."""
    _, *tables = re.findall(r"(?:^\|.*\n)+", PAGES["docs/compared.md"], re.MULTILINE)
    shown = [[seconds(row) for row in table.splitlines()[2:]] for table in tables]

    first, change, elastic = (
        [seconds(row) for row in rows(f"bench/results/{name}.md", r"\([abc]\)")][:3]
        for name in ("first_result", "change", "elastic")
    )
    no_op = [seconds(row)[0] for row in rows("bench/results/no_op.md", r"\d+ \| \d+ \| (?:this|bare)")]

    assert shown == [
        first,
        [[moved, silent] for moved, silent, _ in change],
        [no_op[start : start + 3] for start in range(0, 9, 3)],
        [[first_task, removed] for first_task, _, removed in elastic],
    ]


def test_every_decision_has_a_number_of_its_own() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [int(file.name.partition("-")[0]) for file in decisions]

    assert numbers == list(dict.fromkeys(numbers))
    for number, file in zip(numbers, decisions, strict=True):
        assert file.read_text().startswith(f"# {number}. ")


def test_the_table_of_guard_rails_names_all_of_them() -> None:
    named = re.findall(r"^\| `([a-z-]+)` \|", PAGES["policy/README.md"], re.MULTILINE)

    assert sorted(named) == sorted([*pack.ONE, *pack.STACK])


@pytest.mark.parametrize(
    "words",
    [
        *("ImagePullBackOff", "CrashLoopBackOff", "with exit code", "still waiting"),
        *("pods of the cluster", "no dask-kubernetes-operator runs that could create"),
        *("already exists and", "so it is left alone", "belongs to another state of a stack"),
    ],
)
def test_troubles_are_listed_in_the_programs_words(words: str) -> None:
    assert words in PAGES["README.md"].partition("## Troubleshooting")[2]
    assert words in SOURCES


def tried() -> list[tuple[str, str, list[str]]]:
    """The table of what was tried on which Kubernetes: the property, how, and the tests that it names."""
    _, _, section = PAGES["docs/kubernetes-clusters.md"].partition("\n## What was tried\n")
    _, _, *rows = re.findall(r"^\|(.+)\|$", section, re.MULTILINE)
    cells = [[cell.strip() for cell in row.split("|")] for row in rows]
    return [(what, how, re.findall(r"`(tests/[^`]+)`", tests)) for what, how, tests in cells]


def test_what_was_tried_is_what_tests_try() -> None:
    for what, how, tests in tried():
        assert bool(tests) != how.startswith("not tried"), what


def collected(file: str) -> Iterator[str]:
    """The tests of a file by the rules of pytest, which this project leaves as they are."""
    assert (ROOT / file).name.startswith("test_")
    for node in ast.parse((ROOT / file).read_text()).body:
        inside = node.body if isinstance(node, ast.ClassDef) and node.name.startswith("Test") else [node]
        where = f"{file}::{node.name}::" if isinstance(node, ast.ClassDef) else f"{file}::"
        yield from (
            f"{where}{it.name}" for it in inside if isinstance(it, ast.FunctionDef) and it.name.startswith("test_")
        )


def test_the_tests_that_were_tried_are_collected() -> None:
    named = {name for _, _, tests in tried() for name in tests}

    assert named - {name for file in {it.partition("::")[0] for it in named} for name in collected(file)} == set()
