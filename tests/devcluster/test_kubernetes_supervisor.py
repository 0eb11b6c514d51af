"""The first process of a node, run as an ordinary process: order of starts, restarts, reaping, readiness."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devcluster.kubernetes import components, state, supervisor, templates

RUN = "import json, sys; from devcluster.kubernetes import supervisor; supervisor.run(json.load(open(sys.argv[1])))"


def wait_until(what, condition, seconds=15.0):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        time.sleep(0.02)
    return result


@pytest.fixture
def supervise(tmp_path):
    """Start a supervisor over components; its log is the returned path."""
    started = []

    def start(*parts):
        spec = {"hostname": "", "binds": [], "environment": {"PATH": "/usr/bin:/bin"}, "logs": str(tmp_path), "ca": ""}
        file = tmp_path / "spec.json"
        file.write_text(json.dumps({**spec, "components": list(parts)}))
        log = tmp_path / "supervisor.out"
        with log.open("w") as out:
            command = [sys.executable, "-c", RUN, str(file)]
            started.append(subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True))
        return log

    yield start
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _text(file):
    return file.read_text() if file.exists() else ""


def _shell(name, script, after=()):
    return {"name": name, "command": ["/bin/sh", "-c", script], "after": list(after)}


def test_a_component_waits_for_the_socket_of_another(supervise, tmp_path):
    path = str(tmp_path / "first.sock")
    log = supervise(_shell("second", "sleep 60", [path]), _shell("first", "sleep 60"))
    wait_until("first started", lambda: "started first" in log.read_text())
    assert "started second" not in log.read_text()

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()

        wait_until("second started", lambda: "started second" in log.read_text())


def test_a_component_that_ends_is_started_again_and_its_log_goes_on(supervise, tmp_path):
    log = supervise(_shell("part", "echo once; exit 7"))

    wait_until("the words of two starts", lambda: "once\nonce\n" in _text(tmp_path / "part.log"))

    assert "part ended with 7; starting it again" in log.read_text()


def test_a_component_killed_by_a_signal_is_started_again(supervise, tmp_path):
    log = supervise(_shell("part", f"echo $$ > {tmp_path}/pid; exec sleep 60"))
    pid = wait_until("its pid", lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())

    os.kill(int(pid), signal.SIGKILL)

    wait_until("its restart", lambda: log.read_text().count("started part") == 2)
    assert "part ended with -9; starting it again" in log.read_text()


def test_a_component_that_cannot_be_started_ends_neither_the_node_nor_the_others(supervise, tmp_path):
    (tmp_path / "broken.log").mkdir()  # stands for a full disk: no log can be opened

    log = supervise(_shell("broken", "sleep 60"), _shell("sound", "sleep 60"))

    wait_until("the other started", lambda: "started sound" in log.read_text())
    (tmp_path / "broken.log").rmdir()
    wait_until("it is tried again", lambda: "started broken" in log.read_text())
    assert "broken cannot be started: " in log.read_text()


def test_a_socket_without_a_listener_or_a_closed_port_does_not_answer(tmp_path):
    path = str(tmp_path / "stale.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

        assert not supervisor.answers(path, "")
        assert not supervisor.answers(f"https://127.0.0.1:{port}/readyz", "/dev/null")


def test_the_control_plane_runs_on_the_first_node_only_and_every_program_has_an_absolute_path():
    cluster = state.Cluster("a", 0, 2, "/product")

    first = components.of_node(cluster, 1, Path("/home1"), "/run/c.sock")
    second = components.of_node(cluster, 2, Path("/home2"), "/run/c.sock")

    assert {part["name"] for part in first} - {part["name"] for part in second} == {
        *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
    }
    assert {part["name"] for part in second} == {"containerd", "kubelet", "kube-proxy"}
    assert all(part["command"][0].startswith("/") for part in first + second)


def test_a_template_with_a_value_missing_is_an_error_and_not_a_hole():
    with pytest.raises(KeyError, match="pod_subnet"):
        templates.render("cni.conflist")


def test_the_cni_configuration_is_json_with_the_nodes_own_subnet():
    rendered = json.loads(templates.render("cni.conflist", pod_subnet="10.244.7.0/24"))

    assert rendered["plugins"][0]["ipam"]["ranges"] == [[{"subnet": "10.244.7.0/24"}]]
