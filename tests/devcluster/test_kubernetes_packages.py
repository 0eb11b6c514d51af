"""The Debian packages that a node needs, and the rights to bring them."""

import subprocess

import pytest

from devcluster.kubernetes import packages
from devcluster.shell import DevclusterError
from tests.support.clusters import ROOT


def test_only_missing_packages_are_installed_and_apt_is_asked_again_after_an_update(monkeypatch):
    calls = []
    there = {name for name in packages.NEEDED if name not in ("runc", "ctr", "containerd")} | {"apt-get"}

    def run(argv, env):
        calls.append(argv[1])
        if argv[1] == "install" and "update" not in calls:
            raise DevclusterError("E: Unable to locate package")
        if argv[1] == "install":
            assert argv[-2:] == ["containerd", "runc"]
            there.update(packages.NEEDED)
        return ""

    monkeypatch.setattr(packages, "find", lambda name: name if name in there else None)
    monkeypatch.setattr(packages, "run", run)

    packages.ensure()

    assert calls == ["install", "--configure", "update", "install"]


def test_without_apt_the_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr(packages, "find", lambda name: None if name in ("nft", "apt-get") else name)

    with pytest.raises(DevclusterError, match=r"missing on this machine: nftables .*no apt-get"):
        packages.ensure()


def test_a_command_that_needs_root_says_so_before_it_does_anything():
    result = subprocess.run(
        [
            "setpriv",
            "--reuid=65534",
            "--clear-groups",
            "/usr/bin/env",
            "python3",
            "-m",
            "devcluster.kubernetes",
            "down",
        ],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 1
    assert "`down` of the local Kubernetes runs as user 65534" in result.stderr
