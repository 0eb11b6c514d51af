"""Imports files or OCI archives as images into every node's containerd (namespace `k8s.io`), without a registry."""

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devcluster.kubernetes import packages, state
from devcluster.shell import DevclusterError, alive, plain_environment, say

PAUSE = "localhost/dask-local/pause:1"
# A shell for `kubectl run` and `kubectl debug`, where no registry has one.
BUSYBOX = "localhost/dask-local/busybox:1"
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


def own_images(cluster: state.Cluster) -> dict[str, tuple[dict[str, Path], list[str], list[str]]]:
    """The images every cluster has: name -> files (path in the image -> file here), links to the first, command."""
    busybox = Path(packages.find("busybox") or "/bin/busybox")
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    links = [f"bin/{applet}" for applet in applets if applet != "busybox"]
    return {
        PAUSE: ({"pause": cluster.bin / "pause"}, [], ["/pause"]),
        BUSYBOX: ({"bin/busybox": busybox}, links, ["/bin/sh"]),
    }


def write_archive(target: Path, images: Mapping[str, tuple[Mapping[str, Path], Sequence[str], Sequence[str]]]) -> None:
    """Write one OCI archive with an image per entry; the same input gives the same bytes."""
    with tarfile.open(target, "w") as archive:
        manifests = [_image(archive, name, *content) for name, content in images.items()]
        index = {"schemaVersion": 2, "mediaType": _media("index"), "manifests": manifests}
        _add(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add(archive, "index.json", json.dumps(index).encode())


def _media(kind: str) -> str:
    return f"application/vnd.oci.image.{kind}.v1{'.tar' if kind == 'layer' else '+json'}"


def _image(
    archive: tarfile.TarFile, name: str, files: Mapping[str, Path], links: Sequence[str], command: Sequence[str]
) -> dict[str, Any]:
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for path, source in files.items():
            _add(tar, path, source.read_bytes(), mode=0o755)
        for path in links:
            link = tarfile.TarInfo(path)
            link.type, link.linkname = tarfile.SYMTYPE, f"/{next(iter(files))}"
            tar.addfile(link)
    layer_blob = _blob(archive, "layer", layer.getvalue())
    config = {
        "architecture": _architecture(),
        "os": "linux",
        "config": {"Entrypoint": list(command), "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [layer_blob["digest"]]},
    }
    config_blob = _blob(archive, "config", json.dumps(config).encode())
    manifest = {"schemaVersion": 2, "mediaType": _media("manifest"), "config": config_blob, "layers": [layer_blob]}
    return {**_blob(archive, "manifest", json.dumps(manifest).encode()), "annotations": dict.fromkeys(_NAMES, name)}


def _architecture() -> str:
    machine = subprocess.run(["uname", "--machine"], capture_output=True, text=True, check=True).stdout.strip()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _blob(archive: tarfile.TarFile, kind: str, content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    if f"blobs/sha256/{digest}" not in archive.getnames():
        _add(archive, f"blobs/sha256/{digest}", content)
    return {"mediaType": _media(kind), "digest": f"sha256:{digest}", "size": len(content)}


def _add(tar: tarfile.TarFile, path: str, content: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(path)
    member.size, member.mode = len(content), mode
    tar.addfile(member, io.BytesIO(content))


def archive_contents(archive: Path) -> dict[str, str]:
    """Image names -> digests of an OCI archive; empty for a docker archive, whose names `ctr` reads itself."""
    try:
        with tarfile.open(archive) as tar:
            if "index.json" not in tar.getnames():
                if "manifest.json" in tar.getnames():
                    return {}
                raise DevclusterError(
                    f"{archive} holds neither index.json nor manifest.json, so it is not an OCI or docker archive; "
                    "write one with `buildah push IMAGE oci-archive:FILE:NAME`"
                )
            member = tar.extractfile("index.json")
            index = json.load(member) if member else {"manifests": []}
    except (OSError, tarfile.TarError) as error:
        raise DevclusterError(f"{archive} cannot be read as a tar archive: {error}") from error
    names = ((_name(each.get("annotations", {})), each["digest"]) for each in index["manifests"])
    return {name: digest for name, digest in names if name}


def _name(annotations: Mapping[str, str]) -> str | None:
    """The name `ctr` will give: containerd's own annotation comes before the standard's."""
    return next((annotations[key] for key in _NAMES if key in annotations), None)


def present(cluster: state.Cluster, number: int) -> dict[str, str]:
    """Image names -> digests in a node's containerd."""
    lines = _ctr(cluster, number, "images", "list").splitlines()[1:]
    return {fields[0]: fields[2] for fields in map(str.split, lines)}


def load(cluster: state.Cluster, archives: Sequence[Path]) -> None:
    """Import archives into every node; skip those whose images are there with the same digest."""
    there: list[str] = []
    for archive in archives:
        contents = archive_contents(archive)
        nodes = [number for number in cluster.numbers() if not _has(cluster, number, contents)]
        if not nodes:
            there += contents
            continue
        say(f"==> importing {archive.name} (usually 1 s per 50 MB): {', '.join(contents) or 'a docker archive'}")
        for number in nodes:
            with alive(f"importing {archive.name} into {cluster.node_name(number)}"):
                _ctr(cluster, number, "images", "import", str(archive))
    if there:
        say(f"==> imported already: {', '.join(there)}")


def _has(cluster: state.Cluster, number: int, contents: Mapping[str, str]) -> bool:
    """Whether a node has all images of an archive; of a docker archive that is not known."""
    there = present(cluster, number) if contents else {}
    return bool(contents) and all(there.get(name) == digest for name, digest in contents.items())


def _ctr(cluster: state.Cluster, number: int, *arguments: str) -> str:
    socket = cluster.containerd_socket(number)
    done = subprocess.run(
        ["ctr", "--address", socket, "--namespace", "k8s.io", *arguments],
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DevclusterError(f"`ctr {' '.join(arguments)}` ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
