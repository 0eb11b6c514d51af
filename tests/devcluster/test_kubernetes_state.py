"""Names, subnets, records and locks of local clusters, in a state directory of the test's own."""

import json
import multiprocessing
import os
from pathlib import Path

import pytest

from devcluster.kubernetes import cgroups, limits, network, state
from devcluster.shell import DevclusterError


@pytest.fixture(autouse=True)
def own_directories(tmp_path, monkeypatch):
    monkeypatch.setattr(state, "LIB", tmp_path / "lib")
    monkeypatch.setattr(state, "RUN", tmp_path / "run")
    monkeypatch.setattr(state, "run", lambda argv: "[]")


@pytest.mark.parametrize("name", ["a", "dev", "k8s-a", "a2345678901234567890"])
def test_a_short_dns_label_is_a_name(name):
    assert state.check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "A", "1a", "-a", "a-", "a_b", "a.b", "../a", "a/b", "a b", "a\n", "a23456789012345678901"]
)
def test_anything_else_is_refused_with_the_rule(name):
    with pytest.raises(DevclusterError, match=r"--name: .* must be a DNS label of at most 20 characters"):
        state.check_name(name)


def test_links_of_the_longest_name_and_the_highest_node_fit_the_kernel():
    assert len(f"{state.link_prefix('a2345678901234567890')}-br") <= 15
    assert len(f"{state.link_prefix('a2345678901234567890')}-9") <= 15


def test_the_longest_name_keeps_sockets_within_a_unix_address():
    cluster = state.Cluster("a2345678901234567890", 0, 9, "/x")
    real = Path("/run/dask-local") / cluster.containerd_socket(9).relative_to(state.RUN)

    assert len(str(real)) <= 107


def test_clusters_get_different_subnets_and_a_freed_one_is_used_again(tmp_path):
    first, second = state.create("a", 1, tmp_path), state.create("b", 2, tmp_path)

    state.remove("a")
    third = state.create("c", 1, tmp_path)

    assert (first.address(1), second.address(1), second.address(2)) == ("10.88.0.2", "10.88.1.2", "10.88.1.3")
    assert third.gateway == first.gateway == "10.88.0.1"


def test_a_cluster_that_comes_back_keeps_its_subnet_unless_another_has_taken_it(tmp_path):
    state.create("a", 1, tmp_path)
    earlier = state.create("b", 1, tmp_path)
    state.remove("a")
    state.remove("b")

    again = state.create("b", 1, tmp_path, prefer=earlier.index)
    late = state.create("c", 1, tmp_path, prefer=earlier.index)

    assert (again.gateway, late.gateway) == ("10.88.1.1", "10.88.0.1")


def test_a_subnet_that_the_host_routes_elsewhere_is_left_alone(tmp_path, monkeypatch):
    routes = [{"dst": "default"}, {"dst": "10.0.0.0/8"}, {"dst": "10.88.0.0/23"}, {"dst": "10.88.2.7"}]
    monkeypatch.setattr(state, "run", lambda argv: json.dumps(routes))

    assert state.create("a", 1, tmp_path).gateway == "10.88.3.1"


def test_no_free_subnet_is_an_error_that_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(state, "run", lambda argv: json.dumps([{"dst": "10.88.0.0/16"}]))

    words = r"no free /24 in 10\.88\.0\.0/16.*lie in it: 10\.88\.0\.0/16; take clusters down"
    with pytest.raises(DevclusterError, match=words):
        state.create("a", 1, tmp_path)


def test_a_record_comes_back_as_it_was_written(tmp_path):
    written = state.create("a", 2, tmp_path)

    assert state.load("a") == written
    assert state.names() == ["a"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "a"}', '{"of": "another version"}'])
def test_an_unreadable_record_counts_as_none(text):
    (state.LIB / "a").mkdir(parents=True)
    (state.LIB / "a" / "cluster.json").write_text(text)

    assert state.load("a") is None


def _hold(run: Path, name: str, log: Path) -> None:
    state.RUN = run
    with state.lock(name):
        for word in ("in ", "out "):
            with log.open("a") as out:
                out.write(word)
                out.flush()
                os.fsync(out.fileno())  # gives the processor away: the others get their chance to intrude


def test_commands_on_one_name_take_turns_although_each_removes_the_lock_file(tmp_path):
    log = tmp_path / "log"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_hold, args=(state.RUN, "a", log)) for _ in range(4)]

    for process in processes:
        process.start()
    for process in processes:
        process.join(30)

    assert log.read_text() == "in out " * 4
    assert list((state.RUN / "locks").iterdir()) == []


def test_namespaces_of_a_longer_name_are_not_taken_for_ones_own(monkeypatch):
    there = ["dask-local-k8s-1", "dask-local-k8s-12", "dask-local-k8s-a-1", "dask-local-k8s-1-1", "dask-local-k8s-"]
    monkeypatch.setattr(Path, "glob", lambda self, pattern: [Path("/run/netns") / each for each in there])

    assert network.namespaces("k8s") == ["dask-local-k8s-1", "dask-local-k8s-12"]


def test_cgroup_hierarchies_of_both_versions_are_found():
    mounts = (
        "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n"
        "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n"
        "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
        "/dev/vda / ext4 rw 0 0\n"
    )

    assert cgroups.hierarchies(mounts) == [Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup/unified")]


def test_low_inotify_limits_are_raised_and_high_ones_left(tmp_path, capsys):
    (tmp_path / "max_user_instances").write_text("128\n")
    (tmp_path / "max_user_watches").write_text("999999\n")

    limits.ensure(tmp_path)
    limits.ensure(tmp_path)

    assert (tmp_path / "max_user_instances").read_text() == "8192\n"
    assert (tmp_path / "max_user_watches").read_text() == "999999\n"
    assert capsys.readouterr().err.count("raising") == 1
