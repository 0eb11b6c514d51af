"""Files with private keys, for libraries that read keys from files only. They end with the process, however it ends.

On Linux they are in memory: the path leads through /proc to the process that holds them, other processes of the same
user can read them there, and nothing is on a disk. Elsewhere they are in a private folder, which is removed at the end,
and after a process that was killed by the next one.
"""

import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "dask-on-kubernetes-"
_OWN = Path("/proc/self/fd")
_open: "set[PrivateFiles]" = set()


class PrivateFiles:
    """Files that only this user can read, until `remove`."""

    def __init__(self) -> None:
        self._descriptors: list[int] = []
        self._folder: Path | None = None
        _open.add(self)

    def write(self, name: str, content: bytes) -> str:
        """The path of a new file."""
        try:
            descriptor = _in_memory(name)
        except OSError:
            return self._on_disk(name, content)
        self._descriptors.append(descriptor)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        return f"/proc/{os.getpid()}/fd/{descriptor}"

    def remove(self) -> None:
        """Removes all of them; later calls do nothing."""
        while self._descriptors:
            os.close(self._descriptors.pop())
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
        _open.discard(self)

    def _on_disk(self, name: str, content: bytes) -> str:
        if self._folder is None:
            _remove_what_was_left()
            self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_bytes(content)
        return str(path)


def remove_all() -> None:
    """Removes the files of this process. Call it before the process ends without unwinding its stack."""
    for files in list(_open):
        files.remove()


def _in_memory(name: str) -> int:
    """A file without a name on any disk. Raises `OSError` where the system has none."""
    if not hasattr(os, "memfd_create") or not _OWN.is_dir():
        raise OSError("this system has no files in memory")
    descriptor = os.memfd_create(name)
    os.fchmod(descriptor, 0o600)
    return descriptor


def _remove_what_was_left() -> None:
    """Removes the folders of processes of this user that no longer run."""
    if os.name == "nt":
        return  # where the signal 0 is no question, but ends a process
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        try:
            if owner.isdecimal() and folder.stat().st_uid == os.getuid() and not _runs(int(owner)):
                shutil.rmtree(folder, ignore_errors=True)
        except FileNotFoundError:
            continue  # another process has removed it


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
