"""Writes files as a whole: a command that is killed meanwhile leaves what was there before."""

import os
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Writes a file of text in UTF-8. Two commands at once do no harm: one of the contents stays."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.rename(path)
