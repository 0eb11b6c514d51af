"""Lists the images that this folder can build, and where their archives are.

An archive's name ends in a hash of everything that goes into the image. So a finished image is never built again, not
even from another checkout of the same files, and a changed lock file never finds an old archive.
"""

import hashlib
import os
import platform
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
# Raised when the same inputs are to give another archive, because build.py changed.
FORMAT = "2"
SHARED_INPUTS = ("rootfs.sh", "Containerfile", "slim.sh")


@dataclass(frozen=True)
class Image:
    """One image: its upstream name, its stage in the Containerfile, and the files that only some stages take."""

    name: str
    tag: str
    stage: str
    locks: tuple[str, ...]
    scripts: tuple[str, ...]
    usual_seconds: int
    on_demand: bool = False
    """Whether it is built only for those who ask for it."""

    @property
    def reference(self) -> str:
        """`name:tag`, as pods refer to it."""
        return f"{self.name}:{self.tag}"

    @property
    def names(self) -> tuple[str, ...]:
        """The names that a user may give."""
        return self.reference, self.reference.rpartition("/")[2], self.stage

    @property
    def digest(self) -> str:
        """12 hex digits over all inputs."""
        files = (*SHARED_INPUTS, *self.scripts, *(f"locks/{lock}.txt" for lock in self.locks))
        return content_hash(FORMAT, self.reference, self.stage, *(HERE / file for file in files))

    @property
    def archive(self) -> Path:
        """The path of the image's archive in the cache, whether it exists or not."""
        return cache_folder() / f"{self.name.rpartition('/')[2]}-{self.tag}-{self.digest}.tar"

    @property
    def built(self) -> bool:
        """Whether the archive exists. After a power cut a file may have its name and none of its bytes."""
        return has_content(self.archive)


_PREPARE = ("prepare.sh", "conda_packages.py")

IMAGES = (
    Image("ghcr.io/dask/dask", "2026.8.0-py3.11", "dask", ("dask",), _PREPARE, 20),
    Image("ghcr.io/dask/dask", "2026.8.0-py3.11-ml", "ml", ("dask", "ml"), _PREPARE, 15),
    Image("ghcr.io/dask/dask-kubernetes-operator", "2026.3.0", "operator", ("operator",), (), 20),
    Image(
        "ghcr.io/dask/dask-notebook", "2026.8.0-py3.11", "notebook", ("dask", "notebook"), _PREPARE, 60, on_demand=True
    ),
)


def cache_folder() -> Path:
    """Where archives, wheels, the root file system and buildah's layers are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dask-on-kubernetes" / "images"


def has_content(file: Path) -> bool:
    """Whether the file exists and is not empty."""
    return file.is_file() and file.stat().st_size > 0


def content_hash(*inputs: str | Path) -> str:
    """12 hex digits over strings, the bytes of files, and the machine's architecture."""
    digest = hashlib.sha256(platform.machine().encode())
    for item in inputs:
        content = item.read_bytes() if isinstance(item, Path) else item.encode()
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:12]


def find(names: list[str]) -> list[Image]:
    """The images of these names: a reference, its last part (`dask:2026.8.0-py3.11`) or the stage.

    No name: all but those that are built on demand.
    """
    if not names:
        return [image for image in IMAGES if not image.on_demand]
    found = []
    for name in names:
        matches = [image for image in IMAGES if name in image.names]
        if not matches:
            known = ", ".join(image.reference for image in IMAGES)
            raise ValueError(f"no image is called {name!r}; known are {known}")
        found += [image for image in matches if image not in found]
    return found
