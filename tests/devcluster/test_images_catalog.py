"""What is built, what it is called, and when it is built again: no tool runs here."""

import re
import shutil
from pathlib import Path

import pytest

from devcluster.images import __main__ as command
from devcluster.images import catalog


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "dask-on-kubernetes" / "images"


@pytest.fixture
def sources(tmp_path, monkeypatch):
    copy = tmp_path / "sources"
    shutil.copytree(catalog.HERE, copy)
    monkeypatch.setattr(catalog, "HERE", copy)
    return copy


def digests():
    return {image.stage: image.digest for image in catalog.IMAGES}


def pins(lock: Path):
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), re.MULTILINE))


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("Containerfile", {"dask", "ml", "operator", "notebook"}),
        ("rootfs.sh", {"dask", "ml", "operator", "notebook"}),
        ("slim.sh", {"dask", "ml", "operator", "notebook"}),
        ("prepare.sh", {"dask", "ml", "notebook"}),
        ("conda_packages.py", {"dask", "ml", "notebook"}),
        ("locks/dask.txt", {"dask", "ml", "notebook"}),
        ("locks/ml.txt", {"ml"}),
        ("locks/operator.txt", {"operator"}),
        ("locks/notebook.txt", {"notebook"}),
    ],
)
def test_a_changed_input_gives_new_archives_for_the_images_made_from_it_and_no_others(sources, file, changed):
    before = digests()

    with (sources / file).open("a") as text:
        text.write("# changed\n")

    after = digests()
    assert {stage for stage in before if before[stage] != after[stage]} == changed


def test_another_checkout_of_the_same_files_has_the_same_archives(sources):
    assert digests() == digests() != {}
    assert len(set(digests().values())) == len(catalog.IMAGES)


def test_everything_that_the_containerfile_copies_is_among_the_inputs_of_its_stage():
    stages = re.split(r"^FROM (\S+) AS (\S+)$", (catalog.HERE / "Containerfile").read_text(), flags=re.MULTILINE)
    bases = {stage: base for base, stage in zip(stages[1::3], stages[2::3], strict=True)}
    copied = {stage: set(re.findall(r"^COPY (?:--\S+ )*(\S+) ", body, re.MULTILINE))
              for stage, body in zip(stages[2::3], stages[3::3], strict=True)}  # fmt: skip

    for image in catalog.IMAGES:
        inputs = {*catalog.SHARED_INPUTS, *image.scripts, *(f"locks/{lock}.txt" for lock in image.locks)}
        stage = image.stage
        while stage != "scratch":
            assert copied[stage] <= inputs, f"{stage} copies what {image.reference} does not hash"
            stage = bases[stage]


@pytest.mark.parametrize("name", ["ghcr.io/dask/dask:2026.8.0-py3.11-ml", "dask:2026.8.0-py3.11-ml", "ml"])
def test_an_image_is_found_by_its_reference_its_last_part_or_its_stage(name):
    assert [image.reference for image in catalog.find([name])] == ["ghcr.io/dask/dask:2026.8.0-py3.11-ml"]


def test_what_is_built_on_demand_is_built_for_those_who_ask_for_it_alone():
    assert "notebook" not in {image.stage for image in catalog.find([])}
    assert [image.stage for image in catalog.find(["dask-notebook:2026.8.0-py3.11"])] == ["notebook"]


def test_the_tags_are_the_versions_in_the_lock_files():
    locks = catalog.HERE / "locks"
    tags = {image.stage: image.tag for image in catalog.IMAGES}

    dask = pins(locks / "dask.txt")["dask"]
    assert pins(locks / "dask.txt")["distributed"] == dask
    assert re.fullmatch(rf"{re.escape(dask)}-py3\.\d+", tags["dask"])
    assert tags["ml"] == f"{tags['dask']}-ml"
    assert tags["notebook"] == tags["dask"]
    assert tags["operator"] == pins(locks / "operator.txt")["dask-kubernetes"]


@pytest.mark.parametrize("lock", ["ml", "operator", "notebook"])
def test_a_package_in_two_lock_files_has_one_version(lock):
    dask, other = (pins(catalog.HERE / "locks" / f"{name}.txt") for name in ("dask", lock))

    assert {name: other[name] for name in dask.keys() & other.keys()} == {
        name: dask[name] for name in dask.keys() & other.keys()
    }


@pytest.mark.parametrize("package", ["dask", "distributed", "cloudpickle", "msgpack", "toolz", "tornado"])
def test_the_clients_on_this_machine_speak_the_images_version(package):
    root = catalog.HERE.parent.parent

    assert pins(root / "requirements.txt")[package] == pins(catalog.HERE / "locks" / "dask.txt")[package]


def test_archives_names_what_is_missing_and_fails(cache, capsys):
    status = command.main(["archives"])

    printed = capsys.readouterr()
    assert status == 1
    assert printed.out.splitlines() == [str(image.archive) for image in catalog.find([])]
    assert "not built yet: ghcr.io/dask/dask:2026.8.0-py3.11, " in printed.err


def test_what_is_built_needs_no_tool_to_be_built_again(cache, capsys, monkeypatch):
    cache.mkdir(parents=True)
    for image in catalog.IMAGES:
        image.archive.write_text("x")
    monkeypatch.setenv("PATH", "")

    assert command.main(["build"]) == 0
    built = capsys.readouterr()
    assert command.main(["archives"]) == 0

    assert built.err == ""
    assert built.out == capsys.readouterr().out


def test_an_archive_without_bytes_is_none(cache, capsys):
    """A power cut may leave the name alone."""
    cache.mkdir(parents=True)
    for image in catalog.IMAGES:
        image.archive.touch()

    assert command.main(["archives"]) == 1
    assert command.main(["list"]) == 0
    assert capsys.readouterr().out.count(" not built ") == len(catalog.IMAGES)


def test_what_the_machine_refuses_is_said_in_a_line_with_its_path(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    assert command.main(["build"]) == 1
    assert f"Not a directory: '{tmp_path}/file/" in capsys.readouterr().err


def test_an_unknown_image_is_refused_with_the_known_ones(capsys):
    assert command.main(["build", "dusk"]) == 1

    assert "no image is called 'dusk'; known are ghcr.io/dask/dask:2026.8.0-py3.11, " in capsys.readouterr().err
