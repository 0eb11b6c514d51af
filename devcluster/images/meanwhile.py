"""Builds images in a process of its own while something else is built: they wait for the network and the disk."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from devcluster.images.catalog import Image, cache_folder
from devcluster.shell import alive, say

_ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def built_meanwhile(images: Sequence[Image]) -> Iterator[None]:
    """Build what the cache lacks while the body runs, and wait for the end of both.

    A failure is not reported: the caller builds what is still missing, with its progress, and sees it again.
    """
    missing = [image.reference for image in images if not image.built]
    if not missing:
        yield
        return
    log = cache_folder() / "logs" / "meanwhile.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    say(f"==> building the images of Dask meanwhile (usually 5 min; progress in {log})")
    with log.open("wb") as output:
        command = [sys.executable, "-m", "devcluster.images", "build", *missing]
        process = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield
        if process.poll() is None:
            say("==> waiting for the images of Dask")
            with alive("images"):
                process.wait()
    finally:
        # A step that has begun ends by itself, and holds the lock of the images until then.
        process.terminate()
        process.wait()
