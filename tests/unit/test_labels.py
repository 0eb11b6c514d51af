"""The label that says whose an object is: readable, and valid for every project and stack that Pulumi allows."""

import re

import pytest

from components.lifecycle.labels import label_value
from components.settings.formats.names import LABEL_VALUE


def test_a_usual_stack_is_named_as_it_is() -> None:
    assert label_value("dask-dev") == "dask-dev"
    assert label_value("my_project-qa.2") == "my_project-qa.2"
    assert label_value("d" * 63) == "d" * 63


@pytest.mark.parametrize(
    "text", ["dask-qa-", "dask-qa_", "dask-qa.", "_dask-dev", "d" * 64, f"dask-{'-' * 70}", "p" * 100]
)
def test_any_other_gets_a_hash_of_its_own(text: str) -> None:
    made = label_value(text)

    assert re.fullmatch(LABEL_VALUE, made)
    assert made != label_value(text + "x")
    assert made == label_value(text)
    assert made[:4] in text
