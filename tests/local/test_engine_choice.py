"""Which way a stack goes: the CLI where it can be had, the fallback, and never both on one stack unasked."""

import os

import pytest

from local import pulumicli
from tests.local.conftest import CLI


def no_network(*_):
    raise OSError("no such host")


def managed_by(api, manager):
    metadata = {"name": "ns", "uid": "u", "labels": {"app.kubernetes.io/part-of": "small-test"}}
    metadata["managedFields"] = [{"manager": manager}]
    api.objects["/api/v1/namespaces/ns"] = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def test_the_cli_on_path_is_used_and_named(place_api, cli, run, capsys):
    code, [(argv, _)] = run("up")

    assert code == 0
    assert argv[:5] == [str(cli), "up", "--yes", "--skip-preview", "--stack"]
    assert f"engine: {cli}, from PATH" in capsys.readouterr().err


def test_without_a_cli_the_program_is_applied_directly_and_the_reason_is_said(place_api, run, monkeypatch, capsys):
    monkeypatch.setattr(pulumicli, "_install", no_network)

    code, [(arguments, _)] = run("up")

    assert code == 0
    assert arguments[:3] == ["up", "--stack", "test"]
    words = capsys.readouterr().err
    assert "engine: none, because there is no `pulumi` on PATH, and it cannot be downloaded: no such host" in words


def test_a_failed_download_is_remembered_for_a_day_and_tried_again_when_asked(place, monkeypatch):
    tries = []
    monkeypatch.setattr(pulumicli, "_install", lambda *_: tries.append(1) or no_network())
    pulumicli.find()

    again = pulumicli.find()
    asked = pulumicli.find(try_again=True)

    assert "could not be downloaded within the last day: no such host" in again.why
    assert "it cannot be downloaded" in asked.why
    assert len(tries) == 2
    memo = pulumicli.cache_directory() / "cli.failed"
    os.utime(memo, (0, 0))
    pulumicli.find()
    assert len(tries) == 3


def test_without_a_place_for_the_cli_the_program_is_applied_directly(place_api, run, place, monkeypatch, capsys):
    (place / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "file"))

    code, [(arguments, _)] = run("up")

    assert (code, arguments[0]) == (0, "up")
    assert "engine: none, because there is no `pulumi` on PATH, and it cannot be downloaded" in capsys.readouterr().err


def test_a_cli_that_the_sdk_refuses_is_not_used(cli):
    cli.write_text("#!/bin/sh\necho v2.0.0\n")

    found = pulumicli.find()

    assert found.path == ""
    assert f"{cli} does not fit" in found.why


def test_a_cli_that_cannot_get_its_plugin_is_not_used(cli):
    (cli.parent / "pulumi-resource-kubernetes").unlink()
    cli.write_text(CLI.replace('"version ")', '"plugin install") echo "no route to host"; exit 1 ;;\n  "version ")'))

    found = pulumicli.find()

    assert found.path == ""
    assert "has no Kubernetes plugin v" in found.why
    assert "it cannot be downloaded: no route to host" in found.why


def test_engine_none_forces_the_fallback(place_api, cli, run, monkeypatch):
    monkeypatch.setenv("ENGINE", "none")

    _, [(arguments, _)] = run("up")

    assert arguments[0] == "up"


def test_engine_pulumi_refuses_the_fallback(place_api, run, monkeypatch, capsys):
    monkeypatch.setenv("ENGINE", "pulumi")
    monkeypatch.setattr(pulumicli, "_install", no_network)

    code, became = run("up")

    assert (code, became) == (1, [])
    assert "error: ENGINE=pulumi, but there is no `pulumi` on PATH" in capsys.readouterr().err


def test_an_unknown_engine_is_refused_with_the_known_ones(place_api, run, monkeypatch, capsys):
    monkeypatch.setenv("ENGINE", "terraform")

    assert run("up") == (1, [])
    assert "ENGINE=terraform is none of: auto (the default), pulumi, none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("manager", "wish", "other"), [("local-apply", "auto", "none"), ("pulumi-kubernetes-1a2b", "none", "pulumi")]
)
def test_a_stack_of_the_other_way_is_refused_with_the_fix(
    place_api, cli, run, monkeypatch, capsys, manager, wish, other
):
    managed_by(place_api, manager)
    monkeypatch.setenv("ENGINE", wish)

    code, became = run("up")

    assert (code, became) == (1, [])
    words = capsys.readouterr().err
    assert "error: stack test was brought up by" in words
    assert f"`ENGINE={other} make up`" in words
    assert f"`ENGINE={other} make down`" in words


@pytest.mark.parametrize(("manager", "wish"), [("local-apply", "none"), ("pulumi-kubernetes-1a2b", "auto")])
def test_a_stack_of_the_same_way_goes_on(place_api, cli, run, monkeypatch, manager, wish):
    managed_by(place_api, manager)
    monkeypatch.setenv("ENGINE", wish)

    code, became = run("up")

    assert (code, len(became)) == (0, 1)


def test_force_goes_ahead(place_api, cli, run, monkeypatch):
    managed_by(place_api, "local-apply")
    monkeypatch.setenv("FORCE", "1")

    assert run("up")[0] == 0


@pytest.mark.parametrize(("wish", "code"), [("none", 1), ("auto", 0)])
def test_a_server_that_does_not_answer_ends_the_command_unless_the_cli_goes_on(
    place, cli, run, monkeypatch, capsys, wish, code
):
    (place / "empty").touch()
    monkeypatch.setenv("KUBECONFIG", str(place / "empty"))
    monkeypatch.setenv("ENGINE", wish)

    ended, became = run("preview")

    assert (ended, len(became)) == (code, 1 - code)
    assert (f"error: no usable Kubernetes configuration in kubeconfig {place}/empty" in capsys.readouterr().err) == code


def test_an_encrypted_value_is_no_matter_for_the_real_engine(place_api, cli, run, place):
    (place / "project" / "Pulumi.test.yaml").write_text("config:\n  small:password: {secure: v1:xyz}\n")

    assert run("up")[0] == 0
