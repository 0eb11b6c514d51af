"""Builds images as OCI archives in the cache. An archive gets its final name only when it is complete.

mmdebstrap creates a root file system, the host's pip fetches wheels, buildah runs the Containerfile over both in a
chroot: no daemon, no network inside the build, no registry.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from devcluster.images import wheels
from devcluster.images.catalog import HERE, Image, cache_folder, content_hash, has_content
from devcluster.images.host import need, run
from devcluster.shell import locked, say

TOOLS = {
    "buildah": ("buildah", "--version"),
    "mmdebstrap": ("mmdebstrap", "--version"),
    "python3-pip": (*wheels.PIP, "--version"),
}


def build(images: list[Image]) -> None:
    """Build those whose archive the cache lacks."""
    if all(image.built for image in images):
        return
    with locked(cache_folder() / "lock") as lock:
        missing = [image for image in images if not image.built]
        if not missing:  # another process has built them meanwhile
            return
        need(TOOLS, _log("apt"))
        rootfs = _rootfs(lock)
        locks = sorted({name for image in missing for name in image.locks})
        folders = {name: wheels.fetch(name, lock) for name in locks}
        for leftover in cache_folder().glob("context-*"):  # of builds that were killed
            shutil.rmtree(leftover)
        with tempfile.TemporaryDirectory(prefix="context-", dir=cache_folder()) as context:
            _fill_context(Path(context), rootfs, folders)
            for image in missing:
                _build_one(image, Path(context), lock)


def fetch_wheels(lock_name: str) -> Path:
    """The folder of a lock file's wheels, filled if need be."""
    with locked(cache_folder() / "lock") as lock:
        if not wheels.folder(lock_name).is_dir():
            need({"python3-pip": TOOLS["python3-pip"]}, _log("apt"))
        return wheels.fetch(lock_name, lock)


def _log(name: str) -> Path:
    return cache_folder() / "logs" / f"{name}.log"


def _rootfs(lock: int) -> Path:
    target = cache_folder() / f"rootfs-{content_hash(HERE / 'rootfs.sh')}.tar"
    if not has_content(target):
        unfinished = target.with_name(f"unfinished-{target.name}")  # mmdebstrap goes by the suffix
        run("creating a Debian root file system", [HERE / "rootfs.sh", unfinished], 30, _log("rootfs"), lock)
        os.sync()  # else a power cut may leave the name without the bytes
        unfinished.rename(target)
    return target


def _fill_context(context: Path, rootfs: Path, folders: dict[str, Path]) -> None:
    """Hard links: buildah's context is one folder and follows no symbolic link out of it."""
    os.link(rootfs, context / "rootfs.tar")
    for name, folder in folders.items():
        (context / "wheels" / name).mkdir(parents=True)
        for wheel in folder.iterdir():
            os.link(wheel, context / "wheels" / name / wheel.name)
    shutil.copytree(HERE / "locks", context / "locks")
    for path in HERE.iterdir():
        if path.is_file():
            shutil.copy(path, context)


def _build_one(image: Image, context: Path, lock: int) -> None:
    log = _log(image.archive.stem)
    buildah = _buildah()
    build = [
        *(*buildah, "bud", "--isolation", "chroot", "--layers", "--format", "oci", "--identity-label=false"),
        *("--target", image.stage, "--tag", image.reference, "--file", context / "Containerfile", context),
    ]
    # A build that was killed leaves its working container behind.
    subprocess.run([*buildah, "rm", "--all"], capture_output=True, check=False)
    run(f"building {image.reference}", build, image.usual_seconds, log, lock)
    unfinished = image.archive.with_name(f"unfinished-{image.archive.name}")
    unfinished.unlink(missing_ok=True)
    # zstd: containerd imports it in 8 s where gzip takes 10 and no compression 13 (the disk is the bottleneck).
    push = [*buildah, "push", "--quiet", "--compression-format", "zstd"]
    push += [image.reference, f"oci-archive:{unfinished}:{image.reference}"]
    run(f"writing {image.archive.name}", push, 10, _log(f"{image.archive.stem}-push"), lock)
    os.sync()
    unfinished.rename(image.archive)


def _buildah() -> list[str]:
    """buildah with a store of its own. Its run folder must not outlive a reboot: buildah counts mounts there."""
    cache = cache_folder()
    driver = os.environ.get("STORAGE_DRIVER") or _driver(cache)
    runtime = Path("/run") if os.geteuid() == 0 else Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    run_root = runtime / f"dask-images-{os.geteuid()}-{content_hash(str(cache))}"
    root = cache / f"buildah-{driver}"
    return ["buildah", "--root", str(root), "--runroot", str(run_root), "--storage-driver", driver]


def _driver(folder: Path) -> str:
    """overlay needs root and a file system that is no overlay itself (inside most containers it is); vfs copies."""
    stat = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=True)
    if os.geteuid() == 0 and stat.stdout.strip() != "overlayfs":
        return "overlay"
    say("buildah uses its slower vfs store here: no root, or the cache is on an overlay file system")
    return "vfs"
