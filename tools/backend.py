"""Where the engine keeps a stack's state: the user's own backend, else a folder of this project."""

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tools import whole_files
from tools.project import Project

_SALT = re.compile(r"^encryptionsalt:.*$", re.MULTILINE)


@dataclass(frozen=True)
class Backend:
    """A backend: how it is described to the user, and the environment variables that select it."""

    words: str
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    """The folder with the state, if the user has not chosen a backend."""


def state_root() -> Path:
    """The user's state of this project."""
    return Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "dask-on-kubernetes"


def choose(project: Project, local_cluster: str) -> Backend:
    """The backend that the user has chosen, else a folder: one for every local Kubernetes, one for all others."""
    if os.environ.get("PULUMI_BACKEND_URL") or os.environ.get("PULUMI_ACCESS_TOKEN") or _logged_in():
        return Backend("")
    if project.settings.get("backend"):
        return Backend("")
    folder = state_root() / (f"local-{local_cluster}" if local_cluster else "pulumi")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    mend(folder)
    variables, words = {"PULUMI_BACKEND_URL": address(folder)}, f"in {folder}"
    if "PULUMI_CONFIG_PASSPHRASE" not in os.environ and "PULUMI_CONFIG_PASSPHRASE_FILE" not in os.environ:
        variables["PULUMI_CONFIG_PASSPHRASE"] = ""
        words += ", with an empty passphrase"
    # A stack file without a salt is decrypted with the state's, in `make shell` too.
    variables["PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER"] = "true"
    return Backend(f"{words}, because no backend is chosen (`pulumi login`)", variables, folder)


def address(folder: Path) -> str:
    """The backend in a folder. The CLI keeps no `.attrs` file next to each of its files, which it would not need.

    It writes these without a draft (gocloud.dev, blob/fileblob/attrs.go): a command that is killed at that moment
    leaves an empty one, and every later command on any stack of the folder ends with `EOF`.
    """
    return f"file://{folder}?metadata=skip"


def mend(folder: Path) -> None:
    """Removes empty `.attrs` files, as killed commands without `metadata=skip` have left them."""
    for file in (folder / ".pulumi").rglob("*.attrs"):
        with suppress(FileNotFoundError):  # another command has just done it, or writes in this folder
            if not file.stat().st_size:
                file.unlink()


def config_file(project: Project, folder: Path) -> Path:
    """A copy of the stack's file. The CLI writes the salt of a passphrase into it, so the checkout stays clean."""
    copies = folder / "projects" / project.settings["name"]
    copies.mkdir(parents=True, exist_ok=True)
    (copies / "Pulumi.yaml").write_bytes((project.root / "Pulumi.yaml").read_bytes())
    copy = copies / project.stack_file.name
    before = copy.read_text(encoding="utf-8") if copy.exists() else ""
    text = project.stack_file.read_text(encoding="utf-8")
    if not _SALT.search(text) and (salt := _SALT.search(before)):
        text = f"{text.rstrip()}\n{salt[0]}\n"
    whole_files.write(copy, text)
    return copy


def _logged_in() -> bool:
    home = Path(os.environ.get("PULUMI_HOME") or "~/.pulumi").expanduser()
    try:
        content = json.loads((home / "credentials.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and bool(content.get("current"))
