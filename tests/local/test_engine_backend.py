"""Where the engine keeps its state when nobody has chosen a backend, and what it may write into the checkout."""

from pathlib import Path

import pytest


def test_without_a_chosen_backend_the_state_goes_into_a_directory_of_our_own(place_api, cli, run, place, capsys):
    _, [(_, environment)] = run("up")

    assert environment["PULUMI_BACKEND_URL"] == f"file://{place}/state/dask-on-kubernetes/pulumi"
    assert environment["PULUMI_CONFIG_PASSPHRASE"] == ""
    assert "with an empty passphrase, because no backend is chosen" in capsys.readouterr().err


def test_the_clis_salt_never_reaches_the_checkout_and_is_kept(place_api, cli, run, place):
    before = (place / "project" / "Pulumi.test.yaml").read_text()
    _, [(argv, _)] = run("up")

    run("up")

    copy = Path(argv[argv.index("--config-file") + 1])
    assert (place / "project" / "Pulumi.test.yaml").read_text() == before
    assert "encryptionsalt: v1:made-by-cli" in copy.read_text()
    assert copy.read_text().startswith(before)


@pytest.mark.parametrize("name", ["PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN"])
def test_a_chosen_backend_is_left_alone(place_api, cli, run, monkeypatch, name):
    monkeypatch.setenv(name, "chosen")

    _, [(argv, environment)] = run("up")

    assert "PULUMI_CONFIG_PASSPHRASE" not in environment
    assert environment.get("PULUMI_BACKEND_URL", "chosen") == "chosen"
    assert "--config-file" not in argv


def test_a_login_is_a_chosen_backend(place_api, cli, run, place):
    (place / "pulumi").mkdir()
    (place / "pulumi" / "credentials.json").write_text('{"current": "https://api.pulumi.com"}')

    _, [(_, environment)] = run("up")

    assert "PULUMI_BACKEND_URL" not in environment


def test_only_up_and_preview_make_a_stack(place_api, cli, run, place):
    assert run("up")[0] == 0
    assert run("preview")[0] == 0
    assert run("outputs")[0] == 1
    assert run("down")[0] == 0  # the engine knows no such stack: nothing to take down
    calls = (place / "calls").read_text().splitlines()

    assert [("--create" in call) for call in calls] == [True, True, False, False]
