"""Where the engine's processes put temporary files, and how long copies of a kubeconfig stay there."""

import os
import time
from pathlib import Path

from tools.scratch import private


def test_only_the_user_can_read_them_and_old_kubeconfigs_are_removed(tmp_path: Path) -> None:
    folder = Path(private(tmp_path)["TMPDIR"])
    old, new, other = (folder / name for name in ("kubeconfig1", "kubeconfig2", "notes"))
    for file in (old, new, other):
        file.touch()
    two_days_ago = time.time() - 2 * 24 * 3600
    for file in (old, other):
        os.utime(file, (two_days_ago, two_days_ago))

    assert private(tmp_path) == {"TMPDIR": str(folder)}

    assert folder.stat().st_mode & 0o777 == 0o700
    assert sorted(folder.iterdir()) == [new, other]
