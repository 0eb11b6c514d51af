"""OCI archives that are written and read without an image tool."""

import hashlib
import io
import json
import tarfile

import pytest

from devcluster.kubernetes import images, state
from devcluster.shell import DevclusterError

CLUSTER = state.Cluster("a", 0, 2, "/product")


@pytest.fixture
def archive(tmp_path):
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    target = tmp_path / "images.tar"
    images.write_archive(target, {"localhost/a:1": ({"bin/a": program}, ["bin/b"], ["/bin/a"])})
    return target


def _blob(tar, digest):
    file = tar.extractfile(f"blobs/{digest.replace(':', '/')}")
    assert file is not None
    return file.read()


def test_a_written_archive_names_its_image_and_its_digest(archive):
    contents = images.archive_contents(archive)

    with tarfile.open(archive) as tar:
        manifest = _blob(tar, contents["localhost/a:1"])
        layer_digest = json.loads(manifest)["layers"][0]["digest"]
        layer = _blob(tar, layer_digest)
    assert hashlib.sha256(manifest).hexdigest() == contents["localhost/a:1"].removeprefix("sha256:")
    with tarfile.open(fileobj=io.BytesIO(layer)) as files:
        assert [(each.name, each.mode, each.linkname) for each in files] == [
            ("bin/a", 0o755, ""),
            ("bin/b", 0o644, "/bin/a"),
        ]


def test_the_same_files_give_the_same_archive(archive, tmp_path):
    images.write_archive(
        tmp_path / "again.tar", {"localhost/a:1": ({"bin/a": tmp_path / "program"}, ["bin/b"], ["/bin/a"])}
    )

    assert (tmp_path / "again.tar").read_bytes() == archive.read_bytes()


def _tar(path, name, content):
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return path


def test_containerds_own_name_comes_before_the_standards(tmp_path):
    notes = {"org.opencontainers.image.ref.name": "1", "io.containerd.image.name": "localhost/a:1"}
    index = json.dumps({"manifests": [{"digest": "sha256:0", "annotations": notes}]}).encode()

    assert images.archive_contents(_tar(tmp_path / "a.tar", "index.json", index)) == {"localhost/a:1": "sha256:0"}


def test_a_docker_archive_is_left_to_ctr(tmp_path):
    assert images.archive_contents(_tar(tmp_path / "a.tar", "manifest.json", b"[]")) == {}


def test_another_tar_is_refused_with_the_command_that_writes_a_right_one(tmp_path):
    with pytest.raises(DevclusterError, match=r"neither index.json nor manifest.json.*buildah push"):
        images.archive_contents(_tar(tmp_path / "a.tar", "README", b""))


def test_a_file_that_is_no_tar_or_is_missing_is_named(tmp_path):
    (tmp_path / "b.tar").write_text("no tar")

    for name in ("b.tar", "missing.tar"):
        with pytest.raises(DevclusterError, match=rf"{name} cannot be read as a tar archive"):
            images.archive_contents(tmp_path / name)


@pytest.mark.parametrize(
    ("there", "imported"),
    [
        ({}, [1, 2]),
        ({1: "the same"}, [2]),
        ({1: "the same", 2: "the same"}, []),
        ({1: "sha256:another", 2: "the same"}, [1]),
    ],
)
def test_only_nodes_without_the_same_digest_import(archive, monkeypatch, there, imported):
    digest = images.archive_contents(archive)["localhost/a:1"]
    calls = []

    def ctr(cluster, number, *arguments):
        if arguments[:2] == ("images", "import"):
            calls.append(number)
            return ""
        known = there.get(number)
        row = f"localhost/a:1 type {digest if known == 'the same' else known} 1 MiB linux/amd64 -\n" if known else ""
        return f"REF TYPE DIGEST SIZE PLATFORMS LABELS\n{row}"

    monkeypatch.setattr(images, "_ctr", ctr)

    images.load(CLUSTER, [archive])

    assert calls == imported
