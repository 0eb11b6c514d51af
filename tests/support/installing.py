"""Installs packages next to the environment of the tests."""

import subprocess
import sys
from pathlib import Path


def install(folder: Path, *what: str) -> None:
    """Installs packages, named or as files, into a folder, without what they depend on."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", str(folder), *what], check=True)
