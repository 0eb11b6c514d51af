"""examples/connect.py finds the scheduler, and says how to find it where it cannot."""

import json
import subprocess

import pytest

from examples import connect

PEM = {"ca": "-----CA-----\n", "cert": "-----CERT-----\n", "key": "-----KEY-----\n"}


def outputs(**addresses):
    return {"clusters": {name: {"schedulerAddress": address} for name, address in addresses.items()}}


def test_the_only_cluster_needs_no_name():
    assert connect.scheduler_address(outputs(a="tcp://h:1"), None) == "tcp://h:1"


def test_of_several_clusters_one_has_to_be_named():
    several = outputs(a="tcp://h:1", b="tcp://h:2")

    assert connect.scheduler_address(several, "b") == "tcp://h:2"
    with pytest.raises(SystemExit, match="--cluster: None must be one of the stack's clusters: a, b"):
        connect.scheduler_address(several, None)


def test_a_cluster_without_an_address_is_told_apart_from_one_that_is_not_there():
    with pytest.raises(SystemExit, match="the cluster 'a' has no address yet; run `make up`"):
        connect.scheduler_address(outputs(a=None), "a")
    with pytest.raises(SystemExit, match="'c' must be one of the stack's clusters: it has none"):
        connect.scheduler_address({}, "c")


def test_the_certificate_is_that_of_the_cluster_behind_the_address():
    stack = outputs(a="tls://h:1", b="tls://h:2") | {"clientTls": {"a": {}, "b": PEM}}

    security = connect.client_security(stack, "tls://h:2", None)

    assert security.get_tls_config_for_role("client") == {
        "ca_file": PEM["ca"],
        "cert": PEM["cert"],
        "key": PEM["key"],
        "ciphers": None,
    }
    assert security.require_encryption


@pytest.mark.parametrize("hidden", [{}, {"clientTls": "[secret]"}, {"clientTls": {"b": PEM}}])
def test_without_its_certificate_the_message_names_the_variables_to_set(hidden):
    with pytest.raises(SystemExit, match="DASK_DISTRIBUTED__COMM__TLS__CA_FILE"):
        connect.client_security(outputs(a="tls://h:1") | hidden, "tls://h:1", None)


def test_the_outputs_are_what_make_prints(monkeypatch):
    asked = []

    def run(command, **_):
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, json.dumps(outputs(a="tcp://h:1")), "")

    monkeypatch.setattr(connect.subprocess, "run", run)

    assert connect.stack_outputs() == outputs(a="tcp://h:1")
    assert asked == [["make", "-s", "outputs"]]


def test_secrets_are_shown_only_when_they_are_wanted(monkeypatch):
    asked = []

    def run(command, **_):
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, "{}", "")

    monkeypatch.setattr(connect.subprocess, "run", run)

    connect.stack_outputs(secrets=True)

    assert asked == [["make", "-s", "outputs", "ARGS=--show-secrets"]]


def test_outputs_that_are_no_json_end_with_the_words_of_make(monkeypatch):
    failed = subprocess.CompletedProcess(["make"], 2, "", "no rule to make target\n")
    monkeypatch.setattr(connect.subprocess, "run", lambda *_, **__: failed)

    with pytest.raises(SystemExit, match=r"no JSON \(exit status 2\): no rule to make target\nGive --address"):
        connect.stack_outputs()


def test_another_minor_version_of_python_is_refused():
    class Client:
        def run_on_scheduler(self, _):
            return "3.9.1"

    with pytest.raises(SystemExit, match=r"the cluster runs Python 3\.9\.1 .* use a client with Python 3\.9"):
        connect.check_python(Client())  # type: ignore[arg-type]


def test_nobody_at_the_address_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr(connect, "TIMEOUT_SECONDS", 0.2)

    with pytest.raises(SystemExit, match=r"tcp://127\.0\.0\.1:1: no scheduler answered in 0\.2 s"):
        connect.connect("tcp://127.0.0.1:1")
