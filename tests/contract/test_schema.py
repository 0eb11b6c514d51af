"""The JSON Schema and the reference page: made from the models as they are now, and as strict as a schema can be."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as run
from jsonschema import Draft7Validator

from components.configuration import parse
from tests.unit.badsettings import CASES, Case
from tests.unit.strategies import Raw, settings
from tools import reference, schema, stackschema

ROOT = Path(__file__).parents[2]
VALIDATOR = Draft7Validator(stackschema.stack_schema())
STACKS = sorted(ROOT.glob("**/Pulumi.*.yaml"))
EXAMPLES = re.findall(r"```yaml\n(config:\n.*?)```", (ROOT / schema.PAGE).read_text(), re.DOTALL)


def stack_file(raw: Raw) -> Raw:
    return {"config": {f"dask:{key}": value for key, value in raw.items()}}


def mistakes(stack: Raw) -> list[str]:
    return [f"{error.json_path}: {error.message[:300]}" for error in VALIDATOR.iter_errors(stack)]


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(stackschema.stack_schema())


def test_the_schemas_file_is_up_to_date() -> None:
    assert (ROOT / schema.SCHEMA).read_text() == stackschema.text(), "run `python -m tools.schema`"


def test_the_reference_page_is_up_to_date() -> None:
    present = (ROOT / schema.PAGE).read_text()

    assert present == reference.page(present), "run `python -m tools.schema`"


@pytest.mark.parametrize("file", [file for file in STACKS if ".venv" not in file.parts], ids=lambda file: file.name)
def test_the_stacks_of_the_repository_are_accepted(file: Path) -> None:
    assert mistakes(yaml.safe_load(file.read_text())) == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_reference_page_are_accepted(example: str) -> None:
    stack = yaml.safe_load(example)

    assert mistakes(stack) == []
    assert parse({key.removeprefix("dask:"): value for key, value in stack["config"].items()})


def test_keys_of_the_engine_of_other_projects_and_secrets_are_accepted() -> None:
    secure = {"secure": "v1:abc"}
    config = {"kubernetes:context": "kind-dev", "dask:secrets": {"a": {"KEY": secure, "OTHER": "plain"}, "b": secure}}

    assert mistakes({"encryptionsalt": "v1:x", "environment": ["e"], "config": config}) == []
    assert mistakes({"config": {"dask:secrets": secure}}) == []


@pytest.mark.parametrize("case", [case for case in CASES if case.schema], ids=lambda case: case.name)
def test_the_schema_refuses_the_mistake_too(case: Case) -> None:
    assert mistakes(stack_file(case.raw))


@pytest.mark.parametrize("case", [case for case in CASES if not case.schema], ids=lambda case: case.name)
def test_what_is_said_to_be_beyond_a_schema_is(case: Case) -> None:
    """So that the table stays true when the schema learns more."""
    assert mistakes(stack_file(case.raw)) == []


@run(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(settings())
def test_the_schema_accepts_what_the_program_accepts(raw: Raw) -> None:
    assert mistakes(stack_file(raw)) == []


@pytest.mark.parametrize("name", stackschema.stack_schema()["definitions"])
def test_every_level_of_the_file_is_on_the_reference_page(name: str) -> None:
    assert name in reference._SECTIONS or name == "DaskConfig"


def test_the_links_of_the_reference_page_lead_to_its_headings() -> None:
    text = reference.reference()
    anchors = {reference._anchor(title.replace("`", "")) for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}

    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= anchors
