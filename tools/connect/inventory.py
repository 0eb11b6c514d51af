"""Prints the Python version and the packages of the interpreter that runs it, as JSON.

It runs in the cluster's pods and in the client's interpreter, so it needs nothing but the standard library. The keys of
`packages` are names on PyPI, and `conda` has the name on conda-forge of what conda has installed.
"""

import json
import platform
import re
import sys
from importlib import metadata
from pathlib import Path


def inventory(prefix: str) -> "dict[str, object]":
    """The packages that can be imported, and what conda has installed below `prefix`."""
    packages, sources = {}, {}
    for found in metadata.distributions():
        name = normal(found.metadata["Name"] or "")
        if name and name not in packages:  # the first on the path is the one that is imported
            packages[name] = found.version
            direct = json.loads(found.read_text("direct_url.json") or "{}")
            if "vcs_info" in direct:
                sources[name] = f"{direct['vcs_info']['vcs']}+{direct['url']}@{direct['vcs_info']['commit_id']}"
    return {
        "python": platform.python_version(),
        "packages": packages,
        "sources": sources,
        "conda": conda(Path(prefix) / "conda-meta"),
    }


def conda(records: Path) -> "dict[str, str]":
    """Name on PyPI -> name on conda-forge: conda's records list the files of each package."""
    names = {}
    for record in sorted(records.glob("*.json")):
        content = json.loads(record.read_text(encoding="utf-8"))
        for file in content.get("files", []):
            if match := re.search(
                r"site-packages/([^/-]+)-[^/]+\.(?:dist-info|egg-info)(?:/METADATA|/PKG-INFO|$)", file
            ):
                names[normal(match[1])] = content["name"]
    return names


def normal(name: str) -> str:
    """https://packaging.python.org/en/latest/specifications/name-normalization"""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    print(json.dumps(inventory(sys.prefix)))
