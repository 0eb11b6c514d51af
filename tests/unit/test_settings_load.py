"""Reading what the engine hands over: JSON texts by key, secrets, keys of others, and keys that are written twice."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import config as pulumi_config
from pulumi.runtime import set_all_config

from components.configuration import load
from components.settings.mistakes import ConfigError
from components.settings.stack import Settings


@pytest.fixture(autouse=True)
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project folder, the stack `dev`, and no configuration left behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pulumi, "get_stack", lambda: "dev")
    before, secrets = pulumi_config.CONFIG.get(), pulumi_config._SECRET_KEYS.get()
    yield tmp_path / "Pulumi.dev.yaml"
    pulumi_config.CONFIG.set(before)
    pulumi_config._SECRET_KEYS.set(secrets)


def hand_over(values: dict[str, Any], secrets: list[str] | None = None) -> Settings:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    set_all_config(texts, secrets or [])
    return load()


def told(values: dict[str, Any], secrets: list[str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        hand_over(values, secrets)
    return refused.value.mistakes


def test_the_keys_of_the_project_are_read_and_others_left_alone() -> None:
    settings = hand_over({"dask:clusters": {"a": {}}, "dask:strict": "true", "kubernetes:context": "kind-dev"})

    assert settings.strict is True
    assert list(settings.clusters) == ["a"]


def test_a_text_where_a_mapping_is_meant_is_refused() -> None:
    assert told({"dask:namespace": "analytics"}) == [
        "dask:namespace: 'analytics' must be a mapping; write `key: value` lines below it"
    ]


def test_a_secret_among_the_secrets_is_read() -> None:
    settings = hand_over({"dask:secrets": {"creds": {"KEY": "s3cr3t"}}}, ["dask:secrets"])

    assert settings.secrets == {"creds": {"KEY": "s3cr3t"}}


def test_secrets_in_plain_text_are_warned_about_and_refused_where_it_is_strict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    values = {"dask:secrets": {"creds": {"KEY": "s3cr3t"}}}
    line = (
        "dask:secrets: can be read by everyone who can read the stack's file; "
        "set each with `pulumi config set --secret --path 'dask:secrets.<name>.<KEY>'`"
    )

    assert hand_over(values).secrets == {"creds": {"KEY": "s3cr3t"}}
    assert warned == [line]
    assert told(values | {"dask:strict": "true"}) == [line]


def test_a_secret_elsewhere_is_refused_with_the_fix_and_the_rest_is_checked_all_the_same() -> None:
    clusters = {"a": {"env": {"TOKEN": "s3cr3t"}, "image": "s3cr3t image"}}

    mistakes = told({"dask:clusters": clusters, "dask:namespace": {"name": "a_b"}}, ["dask:clusters"])

    assert mistakes == [
        "dask:clusters: holds a secret, and everything here ends up in plain objects; "
        "move it to `dask:secrets.<name>.<KEY>` and refer to it by `envFrom`",
        "dask:namespace.name: 'a_b' must be lower-case letters, digits and '-', starting with a letter or digit and "
        "ending with a letter or digit; try 'a-b'",
    ]


def test_what_hangs_on_a_key_with_a_secret_is_not_reported() -> None:
    volume = {"name": "data", "hostPath": "/srv", "mountPath": "/data"}

    mistakes = told({"dask:namespace": {}, "dask:clusters": {"a": {"volumes": [volume]}}}, ["dask:namespace"])

    assert len(mistakes) == 1


def test_a_mistyped_project_is_refused() -> None:
    assert told({"dsk:clusters": {}, "desk:lamp": "on"}) == ["dsk:clusters: is not read; did you mean 'dask:clusters'?"]


def test_two_clusters_of_one_name_are_refused_although_json_has_only_the_last(stack: Path) -> None:
    stack.write_text(
        "config:\n"
        "  dask:clusters:\n"
        "    a: {image: 'dask:1'}\n"
        "    b:\n"
        "      volumes: [{name: x, name: y, mountPath: /x, emptyDir: {}}]\n"
        "    a: {image: 'dask:2'}\n"
    )

    mistakes = told({"dask:clusters": {"a": {"image": "dask:2"}}})

    assert mistakes == [
        "dask:clusters.b.volumes[0].name: is written on line 5 and again on line 5 of Pulumi.dev.yaml; keep one",
        "dask:clusters.a: is written on line 3 and again on line 6 of Pulumi.dev.yaml; keep one",
    ]


def test_anchors_and_merges_are_no_repetition(stack: Path) -> None:
    stack.write_text("config:\n  dask:clusters:\n    a: &a {verify: true}\n    b: {<<: *a, <<: *a}\n    c: *a\n")

    assert hand_over({"dask:clusters": {"a": {}}})
