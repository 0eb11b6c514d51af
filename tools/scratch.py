"""The folder for temporary files: the Kubernetes provider leaves a copy of what `kubernetes:kubeconfig` names in it.

(provider.go, `writeKubeconfigToFile`: Helm reads it until the process ends, and nobody removes it.)
"""

import contextlib
import time
from pathlib import Path

# No run of the engine lasts longer.
_KEPT_SECONDS = 24 * 3600


def private(root: Path) -> dict[str, str]:
    """The variables under which temporary files go to a folder below `root` that only this user can read.

    Copies of a kubeconfig that are older than a day are removed from it.
    """
    folder = root / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for file in folder.glob("kubeconfig*"):
        with contextlib.suppress(OSError):  # another run has removed it
            if time.time() - file.stat().st_mtime > _KEPT_SECONDS:
                file.unlink()
    return {"TMPDIR": str(folder)}
