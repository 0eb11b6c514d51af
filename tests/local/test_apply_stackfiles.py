"""Pulumi.yaml and Pulumi.<stack>.yaml, read as the engine reads them."""

import json

import pytest

from local.stackfiles import StackError, load


@pytest.fixture
def project(tmp_path):
    (tmp_path / "Pulumi.yaml").write_text(
        "name: dask\nconfig:\n  plain: one\n  given: {type: string, default: two}\n  other:key: {value: three}\n"
    )
    return tmp_path


def stack_of(project, text):
    (project / "Pulumi.dev.yaml").write_text(text)
    return load(project, "dev")


def test_defaults_of_the_project_are_config_too(project):
    assert stack_of(project, "").config == {"dask:plain": "one", "dask:given": "two", "other:key": "three"}


@pytest.mark.parametrize(
    ("written", "handed_over"),
    [
        ("text", "text"),
        ('"8"', "8"),
        ("8", "8"),
        ("true", "true"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("{b: 1, a: [x, null]}", '{"a":["x",null],"b":1}'),
    ],
)
def test_values_are_handed_over_as_the_engine_does(project, written, handed_over):
    assert stack_of(project, f"config:\n  dask:value: {written}\n").config["dask:value"] == handed_over


def test_an_encrypted_value_is_refused_with_its_path(project):
    with pytest.raises(StackError, match=r"Pulumi\.dev\.yaml: config\.dask:secrets\.a\[0\]\.b: an encrypted value"):
        stack_of(project, "config:\n  dask:secrets: {a: [{b: {secure: v1:xyz}}]}\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [("config: [", "not YAML"), ("config: [1]", "`config` must be a mapping"), ("environment: [a]", "Pulumi ESC")],
)
def test_a_broken_stack_file_is_refused_by_name(project, text, words):
    with pytest.raises(StackError, match=f"Pulumi.dev.yaml: .*{words}"):
        stack_of(project, text)


def test_an_unknown_stack_is_refused_with_the_known_ones(project):
    stack_of(project, "")

    with pytest.raises(StackError, match="no such stack; the stacks here are: dev"):
        load(project, "prod")


def test_a_stack_labels_its_objects_with_project_and_name(project):
    assert stack_of(project, "").part_of == "dask-dev"


def test_the_dump_of_a_value_is_json(project):
    config = stack_of(project, "config:\n  dask:value: {a: 1.5}\n").config

    assert json.loads(config["dask:value"]) == {"a": 1.5}
