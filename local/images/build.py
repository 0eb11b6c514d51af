"""Builds images. In: `Image`s. Out: their OCI archives in the cache, each under its final name only when it is whole.

mmdebstrap makes a root file system, the host's pip fetches wheels, buildah runs the Containerfile over both in a chroot:
no daemon, no network inside the build, no registry.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from local.images import wheels
from local.images.catalog import DEBIAN_PACKAGES, DEBIAN_SUITE, HERE, Image, cache_folder, content_hash, rootfs_inputs
from local.images.host import locked, need, run, say

TOOLS = {
    "buildah": ("buildah", "--version"),
    "mmdebstrap": ("mmdebstrap", "--version"),
    "python3-pip": (sys.executable, "-m", "pip", "--version"),
}
UNUSED_FILES = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")


def build(images: list[Image]) -> None:
    """Build those whose archive the cache lacks."""
    if all(image.archive.exists() for image in images):
        return
    with locked(cache_folder() / "lock") as lock:
        missing = [image for image in images if not image.archive.exists()]
        if not missing:  # another process has built them meanwhile
            return
        need(TOOLS, _log("apt"))
        rootfs = _rootfs(lock)
        locks = sorted({name for image in missing for name in image.locks})
        folders = {name: wheels.fetch(name, lock) for name in locks}
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
    target = cache_folder() / f"rootfs-{content_hash(rootfs_inputs())}.tar"
    if target.exists():
        return target
    unfinished = target.with_name(f"unfinished-{target.name}")
    command = [
        *("mmdebstrap", "--variant=apt", f"--include={','.join(DEBIAN_PACKAGES)}"),
        # Without the hook bookworm's usrmerge comes in and brings 50 MB of perl.
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in UNUSED_FILES),
        "--dpkgopt=force-unsafe-io",
        # mmdebstrap leaves the host's own name and resolver there.
        '--customize-hook=rm "$1/etc/hostname" "$1/etc/resolv.conf"',
        *(DEBIAN_SUITE, unfinished),
        *filter(None, [os.environ.get("DEBIAN_MIRROR")]),
    ]
    run(f"making a Debian root file system with {', '.join(DEBIAN_PACKAGES)}", command, 40, _log("rootfs"), lock)
    os.rename(unfinished, target)
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
    push = [*buildah, "push", "--quiet", image.reference, f"oci-archive:{unfinished}:{image.reference}"]
    run(f"writing {image.archive.name}", push, 10, _log(f"{image.archive.stem}-push"), lock)
    os.rename(unfinished, image.archive)


def _buildah() -> list[str]:
    """buildah with a store of our own, beside the host's. Its run folder must not outlive a reboot: it counts mounts."""
    cache = cache_folder()
    driver = os.environ.get("STORAGE_DRIVER") or _driver(cache)
    runtime = Path("/run") if os.geteuid() == 0 else Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    run_root = runtime / f"dask-images-{os.geteuid()}-{hashlib.sha256(str(cache).encode()).hexdigest()[:8]}"
    return ["buildah", "--root", str(cache / f"buildah-{driver}"), "--runroot", str(run_root), "--storage-driver", driver]


def _driver(folder: Path) -> str:
    """overlay needs root and a file system that is no overlay itself (inside most containers it is); vfs copies."""
    kind = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=False).stdout.strip()
    if os.geteuid() == 0 and kind != "overlayfs":
        return "overlay"
    say("buildah uses its slower vfs store here: no root, or the cache is on an overlay file system")
    return "vfs"
